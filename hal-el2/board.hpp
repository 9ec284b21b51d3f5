#pragma once
// QEMU's `virt` board, as far as this image uses it.

#include <axvm/address.hpp>
#include <cstdint>

namespace axvm::hal_el2 {

/// The interrupt controller, by gic-version=3 or 2, has its distributor here.
inline constexpr std::uint64_t kDistributor = 0x0800'0000;
/// GICv3: the redistributors of the CPUs one behind the other.
inline constexpr std::uint64_t kRedistributors = 0x080a'0000;
inline constexpr std::uint64_t kRedistributorSize = 0x2'0000;
/// GICv2: GICC_*, GICH_* and GICV_* of the CPU that accesses them.
inline constexpr std::uint64_t kCpuInterface = 0x0801'0000;
inline constexpr std::uint64_t kVirtualControl = 0x0803'0000;
inline constexpr HostPhysRange kVirtualInterface{HostPhysAddr(0x0804'0000), 0x2000};

}  // namespace axvm::hal_el2
