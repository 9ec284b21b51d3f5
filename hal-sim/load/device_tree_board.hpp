#pragma once
// The nodes of a VM's devices, as QEMU describes its virt board.

#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/load/device_tree_editor.hpp>
#include <string>

namespace axvm::hal_sim {

/// Adds the interrupt controller, the timer, the clock of the peripherals and a node per emulated
/// device that guests find in trees; these in the order of the configuration. Interrupts are only
/// described when there is a controller that takes them. Returns the path of the first console; ""
/// without one.
std::string add_board(DeviceTreeEditor& tree, const VmFile& vm);

}  // namespace axvm::hal_sim
