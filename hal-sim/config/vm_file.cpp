#include <array>
#include <hal-sim/config/vm_file.hpp>
#include <utility>

namespace axvm::hal_sim {
namespace {

constexpr std::array<std::pair<std::uint64_t, std::string_view>, 18> kDeviceTypes = {{
    {0x00, "meta device"},
    {0x01, "interrupt controller"},
    {0x02, "console"},
    {0x03, "fw_cfg"},
    {0x0A, "ivc channel"},
    {0x20, "gic partial passthrough redistributor"},
    {0x21, "gic partial passthrough distributor"},
    {0x22, "gic partial passthrough its"},
    {0x23, "x86 io apic"},
    {0x24, "x86 pit"},
    {0x25, "loongarch pch pic"},
    {0x30, "plic partial passthrough global"},
    {0xE1, "virtio block"},
    {0xE2, "virtio net"},
    {0xE3, "virtio console"},
    {0xE4, "virtio entropy"},
    {0xF0, "cfi flash"},
    {0xF1, "real-time clock"},
}};

}  // namespace

std::string_view to_string(VmType type) {
  switch (type) {
    case VmType::HostVm: return "host VM";
    case VmType::Rtos: return "RTOS";
    case VmType::Linux: return "Linux";
  }
  return "?";
}

std::string_view to_string(BootProtocol protocol) {
  switch (protocol) {
    case BootProtocol::Direct: return "direct";
    case BootProtocol::Multiboot: return "multiboot";
    case BootProtocol::Uefi: return "uefi";
  }
  return "?";
}

std::string_view to_string(MapType type) {
  switch (type) {
    case MapType::Alloc: return "allocated";
    case MapType::Identical: return "identical";
    case MapType::Reserved: return "reserved";
  }
  return "?";
}

std::string_view to_string(InterruptMode mode) {
  switch (mode) {
    case InterruptMode::NoIrq: return "no_irq";
    case InterruptMode::Emulated: return "emulated";
    case InterruptMode::Passthrough: return "passthrough";
  }
  return "?";
}

std::string_view to_string(AddressSpacePolicy policy) {
  switch (policy) {
    case AddressSpacePolicy::Virtualized: return "virtualized";
    case AddressSpacePolicy::Passthrough: return "passthrough";
  }
  return "?";
}

Location VmFile::locate(std::string_view key) const {
  while (!key.empty()) {
    if (const auto found = locations.find(key); found != locations.end()) return found->second;
    const std::size_t cut = key.find_last_of(".[");
    key = cut == std::string_view::npos ? std::string_view() : key.substr(0, cut);
  }
  return {};
}

std::optional<std::string_view> emulated_device_type_name(std::uint64_t emu_type) {
  for (const auto& [number, name] : kDeviceTypes) {
    if (number == emu_type) return name;
  }
  return std::nullopt;
}

bool emulated_device_type_removable(std::uint64_t emu_type) {
  return emu_type == 0x01 || emu_type == 0x20 || (emu_type >= 0xE1 && emu_type <= 0xE4);
}

}  // namespace axvm::hal_sim
