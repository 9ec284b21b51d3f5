#include <fmt/format.h>

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

// PC16550D Universal Asynchronous Receiver/Transmitter with FIFOs, table II (DLAB = 0).
std::string_view ns16550_register(std::uint64_t offset, bool is_write) {
  switch (offset) {
    case 0: return is_write ? "THR" : "RBR";
    case 1: return "IER";
    case 2: return is_write ? "FCR" : "IIR";
    case 3: return "LCR";
    case 4: return "MCR";
    case 5: return "LSR";
    case 6: return "MSR";
    case 7: return "SCR";
    default: return {};
  }
}

// PrimeCell Real Time Clock (PL031) Technical Reference Manual, DDI 0224, table 3-1.
std::string_view pl031_register(std::uint64_t offset) {
  switch (offset) {
    case 0x000: return "DR";
    case 0x004: return "MR";
    case 0x008: return "LR";
    case 0x00C: return "CR";
    case 0x010: return "IMSC";
    case 0x014: return "RIS";
    case 0x018: return "MIS";
    case 0x01C: return "ICR";
    default: return {};
  }
}

// Virtual I/O Device (VIRTIO) 1.2, 4.2.2.
std::string virtio_register(std::uint64_t offset) {
  switch (offset) {
    case 0x000: return "MagicValue";
    case 0x004: return "Version";
    case 0x008: return "DeviceID";
    case 0x00C: return "VendorID";
    case 0x010: return "DeviceFeatures";
    case 0x014: return "DeviceFeaturesSel";
    case 0x020: return "DriverFeatures";
    case 0x024: return "DriverFeaturesSel";
    case 0x030: return "QueueSel";
    case 0x034: return "QueueNumMax";
    case 0x038: return "QueueNum";
    case 0x044: return "QueueReady";
    case 0x050: return "QueueNotify";
    case 0x060: return "InterruptStatus";
    case 0x064: return "InterruptACK";
    case 0x070: return "Status";
    case 0x080: return "QueueDescLow";
    case 0x084: return "QueueDescHigh";
    case 0x090: return "QueueDriverLow";
    case 0x094: return "QueueDriverHigh";
    case 0x0A0: return "QueueDeviceLow";
    case 0x0A4: return "QueueDeviceHigh";
    case 0x0C0: return "QueueReset";
    case 0x0FC: return "ConfigGeneration";
    default: return offset >= 0x100 ? fmt::format("Config+{:#x}", offset - 0x100) : std::string();
  }
}

// Devices are known by the names that configurations usually give them.
std::string register_name(const DeviceAccess& access, const TrapText& traps) {
  if (access.bus == Bus::SysReg) return traps.system_register(access.address);
  if (access.device == "uart") {
    const std::string_view name = ns16550_register(access.address & 7, access.is_write);
    if (!name.empty()) return std::string(name);
  }
  if (access.device == "pl011") {
    const std::string_view name = pl011_register(access.address & 0xFFF);
    if (!name.empty()) return std::string(name);
  }
  if (access.device == "pl031") {
    const std::string_view name = pl031_register(access.address & 0xFFF);
    if (!name.empty()) return std::string(name);
  }
  if (access.device.starts_with("virtio")) {
    std::string name = virtio_register(access.address & 0x1FF);
    if (!name.empty()) return name;
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

std::string device_access_text(const DeviceAccess& access, const TrapText& traps) {
  const char* direction = access.is_write ? "write" : "read";
  if (access.device.empty() && access.bus == Bus::SysReg) {
    return fmt::format("{} {} = {:#x}", direction, register_name(access, traps), access.data);
  }
  if (access.device.empty()) {
    return fmt::format("nothing answers a {}-byte {} of {}", access.width, direction,
                       register_name(access, traps));
  }
  const std::string name = register_name(access, traps);
  const bool is_character = (access.device == "pl011" && name == "DR") ||
                            (access.device == "uart" && (name == "THR" || name == "RBR"));
  return fmt::format("{} {} {} = {:#x}{}", access.device, direction, name, access.data,
                     is_character ? character(access.data & 0xFF) : "");
}

}  // namespace axvm::hal_sim
