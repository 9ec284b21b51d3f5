#pragma once
// What a device access means, in the words of the device's data sheet.

#include <axvm/event.hpp>
#include <hal-sim/trace/trap_text.hpp>
#include <string>

namespace axvm::hal_sim {

/// "pl011 write DR = 0x48 'H'", "read ACTLR_EL1 = 0x0", "nothing answers a 4-byte read of
/// 0x9001000".
[[nodiscard]] std::string device_access_text(const DeviceAccess& access, const TrapText& traps);

}  // namespace axvm::hal_sim
