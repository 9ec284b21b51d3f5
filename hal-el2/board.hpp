#pragma once
// QEMU's `virt` board, as far as this image uses it.

#include <axvm/address.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-el2/uart.hpp>

namespace axvm::hal_el2 {

inline constexpr Uart kConsole{0x0900'0000};

/// CPUs that the image can use: those with MPIDR_EL1.Aff0 0 to 7, others 0.
inline constexpr unsigned kMaxCpus = 8;

/// The interrupt controller, by gic-version=3 or 2, has its distributor here.
inline constexpr std::uint64_t kDistributor = 0x0800'0000;
/// GICv3: the redistributors of the CPUs one behind the other.
inline constexpr std::uint64_t kRedistributors = 0x080a'0000;
inline constexpr std::uint64_t kRedistributorSize = 0x2'0000;
/// GICv2: GICC_*, GICH_* and GICV_* of the CPU that accesses them.
inline constexpr std::uint64_t kCpuInterface = 0x0801'0000;
inline constexpr std::uint64_t kVirtualControl = 0x0803'0000;
inline constexpr HostPhysRange kVirtualInterface{HostPhysAddr(0x0804'0000), 0x2000};

/// RAM that the image counts on (-m 1024). The stage-1 tables of start.S map the GiB it lies in.
inline constexpr HostPhysAddr kRamBase{0x4000'0000};
inline constexpr std::size_t kRamFrames = 262144;

}  // namespace axvm::hal_el2
