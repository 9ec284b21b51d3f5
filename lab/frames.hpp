#pragma once
// Memory for tables, handed out from the lowest address on: the same requests give the same
// addresses.

#include <axvm/address.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sim/memory/physical_memory.hpp>
#include <vector>

namespace axvm::lab {

/// Frames of one bank of a machine's memory. The core takes its tables' frames from here as from
/// any HAL.
class Frames {
 public:
  /// [base, base + size) is RAM of `memory`, which outlives this.
  Frames(const sim::PhysicalMemory& memory, std::uint64_t base, std::uint64_t size)
      : memory_(memory), next_(base), end_(base + size) {}
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;

  [[nodiscard]] std::optional<HostPhysAddr> allocate_frame();
  void deallocate_frame(HostPhysAddr frame) { free_.push_back(frame.value); }
  /// `count` frames in a row, the first a multiple of `alignment` bytes, a power of two.
  [[nodiscard]] std::optional<HostPhysAddr> allocate_frames(std::size_t count,
                                                            std::size_t alignment);
  void deallocate_frames(HostPhysAddr first, std::size_t count);
  [[nodiscard]] HostVirtAddr phys_to_virt(HostPhysAddr hpa) const;

 private:
  const sim::PhysicalMemory& memory_;
  std::uint64_t next_;
  std::uint64_t end_;
  std::vector<std::uint64_t> free_;
};

}  // namespace axvm::lab
