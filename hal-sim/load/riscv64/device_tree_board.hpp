#pragma once
// The nodes of a VM's harts and devices, as QEMU describes its virt board for RISC-V.

#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/load/device_tree_editor.hpp>
#include <string>
#include <string_view>

namespace axvm::hal_sim::riscv64 {

/// What the board is to the root's `compatible`.
inline constexpr std::string_view kBoardCompatible = "riscv-virtio";

/// Adds the harts, each with its interrupt controller and what it can do.
void add_cpus(DeviceTreeEditor& tree, const VmFile& vm);

/// Adds the interrupt controllers and a node per emulated device that guests find in trees; these
/// in the order of the configuration, below /soc but for flash and fw_cfg. Interrupts are only
/// described when there is a controller that takes them. Returns the path of the first console; ""
/// without one.
std::string add_board(DeviceTreeEditor& tree, const VmFile& vm);

}  // namespace axvm::hal_sim::riscv64
