#pragma once
// What exits cost on some processor: observation only, like all cycles.

#include <cstdint>
#include <string>
#include <vector>

namespace axvm::sim::timing {

/// In cycles of the processor. What an exit costs is `world_switch` and the costs of what the VMM
/// does meanwhile.
struct ExitCosts {
  std::uint32_t world_switch = 80;  ///< from the guest to the VMM and back, its registers included
  std::uint32_t call = 0;           ///< a firmware call or hypercall is answered
  std::uint32_t register_access = 0;  ///< a system register is emulated
  std::uint32_t device_access = 0;    ///< a device's register is emulated by the VMM
  std::uint32_t process = 0;          ///< more than that, when the device is emulated by a process
  std::uint32_t page = 0;             ///< memory is mapped
  std::uint32_t exception = 0;        ///< an exception is handed to the guest
  std::uint32_t interrupt = 0;        ///< a physical interrupt is taken
  /// More than a register or call, when it sends an interrupt to a vCPU that runs elsewhere: the
  /// receiver's exit and entry, which the sender waits for.
  std::uint32_t interrupt_sent = 0;
  /// The guest reads or writes its interrupts' virtual CPU interface: no exit.
  std::uint32_t interface_access = 0;
  /// The names that devices emulated by the VMM begin with. The others are emulated by a process.
  std::vector<std::string> devices_in_vmm;

  /// An exit for an access that the VMM emulates by itself.
  [[nodiscard]] std::uint64_t emulated_access() const noexcept {
    return std::uint64_t{world_switch} + device_access;
  }
};

}  // namespace axvm::sim::timing
