#pragma once
// Coherent instruction fetch over engines that cache translated code.
//
// Each frame is owned either by writers (some engine may hold a writable translation of it) or by
// executors (some engine may hold code translated from it), never by both. Changing the owner
// drops what the other side holds, in every engine. Guests see memory that is always coherent with
// fetch, which every architecture permits.

#include <cstddef>
#include <cstdint>
#include <sim/cpu/code_maintenance.hpp>
#include <sim/memory/physical_memory.hpp>
#include <vector>

namespace axvm::sim {

/// What one engine caches, to be dropped on request.
class EngineCaches {
 public:
  /// Forgets code translated from the 4 KiB frame at `pa`.
  virtual void forget_code(std::uint64_t pa) = 0;
  /// Forgets all cached address translations.
  virtual void forget_translations() = 0;

 protected:
  ~EngineCaches() = default;
};

class FetchCoherence {
 public:
  explicit FetchCoherence(const PhysicalMemory& memory);

  void attach(EngineCaches& engine) { engines_.push_back(&engine); }

  /// True when code may have been translated from the frame of `pa`.
  [[nodiscard]] bool has_code(std::uint64_t pa) const noexcept;
  /// The frame is about to be fetched from.
  void claim_for_fetch(std::uint64_t pa);
  /// The frame is about to be mapped writable, or was written from outside.
  void claim_for_write(std::uint64_t pa);
  /// [pa, pa + size) was written from outside the engines.
  void written(std::uint64_t pa, std::uint64_t size);

  /// A guest invalidated the line of `pa` in the instruction caches of all CPUs.
  void line_invalidated(std::uint64_t pa);
  /// All of all instruction caches was invalidated.
  void all_invalidated();
  /// No engine caches anything, and what memory held before does not matter.
  void forget_all();
  /// What runs without that.
  [[nodiscard]] CodeMaintenance& maintenance() noexcept { return maintenance_; }

 private:
  enum class Owner : std::uint8_t { Nobody, Writers, Executors };
  struct Frame {
    Owner owner = Owner::Nobody;
    bool listed = false;  ///< in written_frames_
  };

  [[nodiscard]] Frame* frame(std::uint64_t pa) noexcept;
  void forget_translations();

  const PhysicalMemory& memory_;
  std::vector<Frame> frames_;
  /// By number, all frames that writers own, and some that they did. (A guest that invalidates
  /// everything does so often, and owns few.)
  std::vector<std::size_t> written_frames_;
  std::vector<EngineCaches*> engines_;
  CodeMaintenance maintenance_;
};

}  // namespace axvm::sim
