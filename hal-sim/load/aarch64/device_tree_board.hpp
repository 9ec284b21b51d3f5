#pragma once
// The nodes of a VM's CPUs and devices, as QEMU describes its virt board for AArch64.

#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/load/device_tree_editor.hpp>
#include <string>
#include <string_view>

namespace axvm::hal_sim::aarch64 {

/// What the board is to the root's `compatible`.
inline constexpr std::string_view kBoardCompatible = "linux,dummy-virt";

/// Adds the CPUs, and PSCI to start them.
void add_cpus(DeviceTreeEditor& tree, const VmFile& vm);

/// Adds the interrupt controller, the timer, the clock of the peripherals and a node per emulated
/// device that guests find in trees; these in the order of the configuration. Interrupts are only
/// described when there is a controller that takes them. Returns the path of the first console; ""
/// without one.
std::string add_board(DeviceTreeEditor& tree, const VmFile& vm);

}  // namespace axvm::hal_sim::aarch64
