#include <fmt/format.h>

#include <hal-sim/trace/aarch64/sysreg_names.hpp>
#include <hal-sim/trace/device_text.hpp>

namespace axvm::hal_sim {
namespace {

// PrimeCell UART (PL011) Technical Reference Manual, DDI 0183, table 3-1.
std::string_view pl011_register(std::uint64_t offset) {
  switch (offset) {
    case 0x000: return "DR";
    case 0x004: return "RSR/ECR";
    case 0x018: return "FR";
    case 0x020: return "ILPR";
    case 0x024: return "IBRD";
    case 0x028: return "FBRD";
    case 0x02C: return "LCR_H";
    case 0x030: return "CR";
    case 0x034: return "IFLS";
    case 0x038: return "IMSC";
    case 0x03C: return "RIS";
    case 0x040: return "MIS";
    case 0x044: return "ICR";
    case 0x048: return "DMACR";
    case 0xFE0: return "PeriphID0";
    case 0xFE4: return "PeriphID1";
    case 0xFE8: return "PeriphID2";
    case 0xFEC: return "PeriphID3";
    case 0xFF0: return "PCellID0";
    case 0xFF4: return "PCellID1";
    case 0xFF8: return "PCellID2";
    case 0xFFC: return "PCellID3";
    default: return {};
  }
}

std::string register_name(const DeviceAccess& access) {
  if (access.bus == Bus::SysReg) {
    return aarch64::sysreg_name(static_cast<std::uint16_t>(access.address));
  }
  if (access.device == "pl011") {
    const std::string_view name = pl011_register(access.address & 0xFFF);
    if (!name.empty()) return std::string(name);
  }
  return fmt::format("{:#x}", access.address);
}

std::string character(std::uint64_t data) {
  switch (data) {
    case '\n': return " '\\n'";
    case '\r': return " '\\r'";
    case '\t': return " '\\t'";
    default: break;
  }
  if (data < 0x20 || data > 0x7E) return {};
  return fmt::format(" '{}'", static_cast<char>(data));
}

}  // namespace

std::string device_access_text(const DeviceAccess& access) {
  const char* direction = access.is_write ? "write" : "read";
  if (access.device.empty() && access.bus == Bus::SysReg) {
    return fmt::format("{} {} = {:#x}", direction, register_name(access), access.data);
  }
  if (access.device.empty()) {
    return fmt::format("nothing answers a {}-byte {} of {}", access.width, direction,
                       register_name(access));
  }
  const std::string name = register_name(access);
  const bool is_character = access.device == "pl011" && name == "DR";
  return fmt::format("{} {} {} = {:#x}{}", access.device, direction, name, access.data,
                     is_character ? character(access.data & 0xFF) : "");
}

}  // namespace axvm::hal_sim
