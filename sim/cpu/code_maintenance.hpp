#pragma once
// Whether software maintains the instruction caches that this machine does not have.
//
// Instruction fetch is coherent here; elsewhere code that a guest wrote must be invalidated in the
// instruction caches before it runs. A cache line of 64 bytes is *unmaintained* when its bytes
// differ from what they were when guests got write access to its frame, or at its last invalidation
// since then. It is reported once, when an instruction in it is about to be executed, and again
// only after the next invalidation and change.

#include <array>
#include <cstdint>
#include <map>
#include <sim/memory/physical_memory.hpp>

namespace axvm::sim {

class CodeMaintenance {
 public:
  static constexpr std::uint64_t kLine = 64;
  static constexpr unsigned kLinesOfFrame = PhysicalMemory::kFrameSize / kLine;
  /// Bit n stands for line n of a frame.
  using LineSet = std::uint64_t;
  static_assert(kLinesOfFrame == 64);

  explicit CodeMaintenance(const PhysicalMemory& memory) : memory_(memory) {}

  /// Guests are about to get write access to the frame at `pa`, which they did not have.
  void before_writes(std::uint64_t pa);
  /// They are about to lose it for the right to execute.
  void after_writes(std::uint64_t pa);
  /// The line of `pa` in a frame that guests may write or execute was invalidated in all
  /// instruction caches, or written by somebody who did that.
  void maintained(std::uint64_t pa, bool writable);
  /// The frame's contents are others now, or all caches were invalidated: what it held does not
  /// matter. Guests have no write access to it any more.
  void forget(std::uint64_t pa) { frames_.erase(frame_of(pa)); }
  void forget_all() { frames_.clear(); }

  /// The lines of a frame that would be reported.
  [[nodiscard]] LineSet unmaintained(std::uint64_t pa) const;
  /// True when the line of `pa` is unmaintained; false from then on.
  [[nodiscard]] bool report(std::uint64_t pa);

 private:
  struct Frame {
    std::array<std::uint32_t, kLinesOfFrame> lines{};  // digests
    LineSet reported = 0;
  };
  [[nodiscard]] static std::uint64_t frame_of(std::uint64_t pa) noexcept {
    return pa & ~(PhysicalMemory::kFrameSize - 1);
  }
  [[nodiscard]] static unsigned line_of(std::uint64_t pa) noexcept {
    return static_cast<unsigned>(pa / kLine % kLinesOfFrame);
  }
  [[nodiscard]] std::uint32_t digest(std::uint64_t pa) const noexcept;
  Frame& insert_zeros(std::uint64_t pa);

  const PhysicalMemory& memory_;
  // By address. A frame that guests may write and that is not here was zero before.
  std::map<std::uint64_t, Frame> frames_;
};

}  // namespace axvm::sim
