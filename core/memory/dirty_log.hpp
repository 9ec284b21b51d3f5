#pragma once
// Which pages of guest memory have been written since somebody last asked.

#include <axvm/address.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm {

/// 64-bit words that a bitmap of one bit per page of `size` bytes takes.
[[nodiscard]] constexpr std::size_t dirty_words(std::uint64_t size) noexcept {
  return static_cast<std::size_t>((size / kPageSize + 63) / 64);
}

/// One bit per page of a range, in whole pages. Clean at first.
class DirtyLog {
 public:
  /// Errors: NoMemory.
  [[nodiscard]] static Result<DirtyLog> try_make(Allocator allocator, GuestPhysRange range);

  [[nodiscard]] GuestPhysRange range() const noexcept { return range_; }
  /// Marks the pages of `part` that the log covers.
  void mark(GuestPhysRange part) noexcept;
  [[nodiscard]] bool is_dirty(GuestPhysAddr gpa) const noexcept;
  /// The first page at or after `gpa`, below `end`, that is dirty (or clean); else `end`. All of
  /// [gpa, end) is in the log.
  [[nodiscard]] GuestPhysAddr find(bool dirty, GuestPhysAddr gpa, GuestPhysAddr end) const noexcept;
  /// Moves the bits of `part`, whole pages within the log, to `bits`, the first page to bit 0 of
  /// the first word; the log's become clean. `bits` has dirty_words(part.size) words.
  void take(GuestPhysRange part, std::span<std::uint64_t> bits) noexcept;

  /// The pages; not the range.
  void describe(StateVisitor& visitor) {
    visitor.bytes("dirty"sv, std::as_writable_bytes(std::span(words_.begin(), words_.size())));
  }

 private:
  DirtyLog(GuestPhysRange range, Array<std::uint64_t> words) noexcept
      : range_(range), words_(std::move(words)) {}
  [[nodiscard]] std::uint64_t page(GuestPhysAddr gpa) const noexcept {
    return (gpa - range_.base) / kPageSize;
  }

  GuestPhysRange range_;
  Array<std::uint64_t> words_;
};

/// The logs of one address space: disjoint, few.
class DirtyLogs {
 public:
  static constexpr std::size_t kMaxLogs = 16;
  /// Errors: NoMemory.
  [[nodiscard]] static Result<DirtyLogs> try_make(Allocator allocator);

  [[nodiscard]] bool empty() const noexcept { return logs_.empty(); }
  /// Errors: AlreadyExists (a log covers part of the range), NoMemory (also: kMaxLogs there).
  Result<> start(GuestPhysRange range);
  /// Ends the log of exactly this range. False when there is none.
  bool stop(GuestPhysRange range) noexcept;
  /// The log that covers all of `part`; null when none does.
  [[nodiscard]] DirtyLog* covering(GuestPhysRange part) noexcept;
  [[nodiscard]] bool overlap(GuestPhysRange range) const noexcept;
  void mark(GuestPhysRange part) noexcept;
  [[nodiscard]] std::span<const DirtyLog> logs() const noexcept { return logs_.span(); }

  /// Pages that want to be treated alike.
  struct Run {
    GuestPhysAddr end;
    bool is_watched = false;  ///< in a log, and clean: the next write is to be noticed
  };
  /// The longest run from `gpa` on, up to `end`.
  [[nodiscard]] Run run_from(GuestPhysAddr gpa, GuestPhysAddr end) const noexcept;
  /// The first stretch at or after `gpa`, below `end`, that no log covers; one that is empty and
  /// lies at `end` when there is none.
  [[nodiscard]] GuestPhysRange gap_from(GuestPhysAddr gpa, GuestPhysAddr end) const noexcept;

  void describe(StateVisitor& visitor);

 private:
  DirtyLogs(Allocator allocator, Array<DirtyLog> logs) noexcept
      : allocator_(allocator), logs_(std::move(logs)) {}

  Allocator allocator_;
  Array<DirtyLog> logs_;
};

}  // namespace axvm
