#pragma once
// Frames for tables, as a bare-metal VMM has them: memory mapped at a fixed distance by large
// pages, and a list of free frames.

#include <sys/mman.h>

#include <axvm/address.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

namespace axvm::bench {

class FrameArena {
 public:
  FrameArena() : memory_(static_cast<std::byte*>(std::aligned_alloc(kHugePage, kSize))) {
    if (memory_ == nullptr) std::abort();
    static_cast<void>(madvise(memory_, kSize, MADV_HUGEPAGE));
    free_.reserve(kSize / kPageSize);
    for (std::uint64_t at = kSize; at > 0; at -= kPageSize) free_.push_back(at - kPageSize);
    for (std::uint64_t at = 0; at < kSize; at += kPageSize) memory_[at] = std::byte{0xa5};
  }
  FrameArena(const FrameArena&) = delete;
  FrameArena& operator=(const FrameArena&) = delete;
  ~FrameArena() { std::free(memory_); }

  std::optional<HostPhysAddr> allocate_frame() {
    if (free_.empty()) return std::nullopt;
    const std::uint64_t frame = free_.back();
    free_.pop_back();
    return HostPhysAddr(kBase + frame);
  }
  void deallocate_frame(HostPhysAddr frame) { free_.push_back(frame.value - kBase); }
  /// Only roots of one table are measured.
  std::optional<HostPhysAddr> allocate_frames(std::size_t, std::size_t) { return std::nullopt; }
  void deallocate_frames(HostPhysAddr, std::size_t) {}
  HostVirtAddr phys_to_virt(HostPhysAddr hpa) const {
    return HostVirtAddr(reinterpret_cast<std::uintptr_t>(memory_) + (hpa.value - kBase));
  }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static constexpr std::size_t kSize = std::size_t{8} << 20;
  static constexpr std::uint64_t kBase = 0x4000'0000;

  std::byte* memory_;
  std::vector<std::uint64_t> free_;  ///< offsets, the next one last
};

}  // namespace axvm::bench
