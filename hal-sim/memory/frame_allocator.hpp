#pragma once
// Who owns which 4 KiB frame of the machine's RAM.

#include <axvm/state.hpp>
#include <cstdint>
#include <hal-sim/memory/range_set.hpp>
#include <optional>
#include <span>
#include <vector>

namespace axvm::hal_sim {

/// A range of host-physical addresses, both 4 KiB aligned.
struct FrameRange {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
};

/// Hands out the lowest frames that fit: the same requests give the same addresses in every run.
/// Costs nothing per frame that nobody asked for.
class FrameAllocator {
 public:
  static constexpr std::uint64_t kFrameSize = 4096;

  /// RAM: ascending, disjoint.
  explicit FrameAllocator(std::span<const FrameRange> banks);

  /// Keeps the RAM in `range` for `allocate_range`: single and contiguous requests avoid it.
  /// Precondition: nothing of it is taken.
  void set_aside(FrameRange range);

  [[nodiscard]] std::optional<std::uint64_t> allocate();
  /// `count` frames in a row, the first at a multiple of `alignment` bytes (a power of two).
  [[nodiscard]] std::optional<std::uint64_t> allocate(std::uint64_t count, std::uint64_t alignment);
  /// Exactly `range`; false, and nothing taken, when some of it is taken or is not RAM.
  [[nodiscard]] bool allocate_range(FrameRange range);
  /// False, and nothing freed, when some frame of `range` is not taken: a defect of the caller.
  [[nodiscard]] bool deallocate(FrameRange range);

  /// Frames taken now, and at most so far.
  [[nodiscard]] std::uint64_t taken() const { return taken_; }
  [[nodiscard]] std::uint64_t peak() const { return peak_; }
  /// Frames in all banks.
  [[nodiscard]] std::uint64_t total() const { return total_; }

  /// Which frames are taken.
  void describe(StateVisitor& visitor);

 private:
  // Frames are numbered densely over the banks, with an unused number between two of them so that
  // a run of numbers is a run of addresses.
  struct Bank {
    FrameRange range;
    std::uint64_t first = 0;  // number of its first frame
  };
  [[nodiscard]] std::optional<std::uint64_t> number_of(FrameRange range) const;
  [[nodiscard]] std::uint64_t address_of(std::uint64_t number) const;
  /// Calls `f(first, end)` for the numbers of each piece of RAM in `range`.
  template <class F>
  void for_each_piece(FrameRange range, F&& f) const;
  void take(std::uint64_t first, std::uint64_t count);

  std::vector<Bank> banks_;
  std::vector<FrameRange> set_aside_;
  RangeSet free_;        // for anybody
  RangeSet free_aside_;  // for allocate_range only
  std::uint64_t total_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t peak_ = 0;
};

}  // namespace axvm::hal_sim
