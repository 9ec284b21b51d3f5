#pragma once
// QEMU's `virt` board, as far as this image uses it.

#include <axvm/address.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-el2/uart.hpp>

namespace axvm::hal_el2 {

inline constexpr Uart kConsole{0x0900'0000};

/// GICv3, and the redistributor of the first CPU.
inline constexpr std::uint64_t kDistributor = 0x0800'0000;
inline constexpr std::uint64_t kRedistributor = 0x080a'0000;

/// RAM that the image counts on (-m 1024). The stage-1 tables of start.S map the GiB it lies in.
inline constexpr HostPhysAddr kRamBase{0x4000'0000};
inline constexpr std::size_t kRamFrames = 262144;

}  // namespace axvm::hal_el2
