#include <fmt/format.h>

#include <hal-sim/config/lent_vm_config.hpp>

namespace axvm::hal_sim {

LentVmConfig::LentVmConfig(const VmFile& file) : file_(file) {
  for (std::size_t i = 0; i < file.cpu_num; ++i) {
    VcpuConfig vcpu{.phys_id = file.phys_id(i)};
    if (i < file.phys_cpu_sets.size()) vcpu.affinity_mask = file.phys_cpu_sets[i];
    vcpus_.push_back(vcpu);
  }
  for (const MemoryRegionRow& row : file.memory_regions) {
    memory_regions_.push_back({.gpa = GuestPhysAddr(row.gpa),
                               .size = row.size,
                               .flags = static_cast<MappingFlags>(row.flags),
                               .map_type = row.map_type});
  }
  for (const EmulatedDeviceRow& row : file.emu_devices) {
    emulated_devices_.push_back({.name = row.name,
                                 .base_gpa = GuestPhysAddr(row.base_gpa),
                                 .length = row.length,
                                 .irq_id = static_cast<std::uint32_t>(row.irq_id),
                                 .type = static_cast<EmulatedDeviceType>(row.emu_type),
                                 .cfg_list = row.cfg_list});
  }
  for (std::size_t i = 0; i < file.passthrough_devices.size(); ++i) {
    const PassthroughDeviceRow& row = file.passthrough_devices[i];
    if (row.is_path()) continue;
    passthrough_devices_.push_back({.name = row.name,
                                    .base_gpa = GuestPhysAddr(row.base_gpa),
                                    .base_hpa = HostPhysAddr(row.base_hpa),
                                    .length = row.length,
                                    .irq_id = static_cast<std::uint32_t>(row.irq_id)});
    passthrough_keys_.push_back(fmt::format("devices.passthrough_devices[{}]", i));
  }
  for (std::size_t i = 0; i < file.passthrough_addresses.size(); ++i) {
    const WindowRow& row = file.passthrough_addresses[i];
    passthrough_devices_.push_back({.name = "window",
                                    .base_gpa = GuestPhysAddr(row.base),
                                    .base_hpa = HostPhysAddr(row.base),
                                    .length = row.length});
    passthrough_keys_.push_back(fmt::format("devices.passthrough_addresses[{}]", i));
  }
}

VmConfig LentVmConfig::view() const {
  VmConfig config;
  config.id = file_.id;
  config.name = file_.name;
  config.vcpus = vcpus_;
  std::uint64_t entry = memory_regions_.empty() ? 0 : memory_regions_.front().gpa.value;
  entry = file_.entry_point.value_or(file_.kernel_load_addr.value_or(entry));
  config.bsp_entry = GuestPhysAddr(entry);
  config.ap_entry = GuestPhysAddr(entry);
  if (file_.dtb_load_addr) config.dtb = GuestPhysAddr(*file_.dtb_load_addr);
  config.memory_regions = memory_regions_;
  config.emulated_devices = emulated_devices_;
  config.passthrough_devices = passthrough_devices_;
  config.interrupt_mode = file_.interrupt_mode;
  config.address_space_policy = file_.address_space_policy;
  return config;
}

std::string LentVmConfig::key_of(const ConfigError& error) const {
  const std::size_t i = error.index;
  switch (error.field) {
    case ConfigField::Id: return "base.id";
    case ConfigField::Name: return "base.name";
    case ConfigField::Vcpus: {
      // What the core has in one list stands in three places of the file.
      std::string key = "base.cpu_num";
      if (error.reason.find("phys_id") != std::string_view::npos) {
        key = fmt::format("base.phys_cpu_ids[{}]", i);
      } else if (error.reason.find("physical CPU") != std::string_view::npos) {
        key = fmt::format("base.phys_cpu_sets[{}]", i);
      }
      return key;
    }
    case ConfigField::BspEntry:
    case ConfigField::ApEntry: return "kernel.entry_point";
    case ConfigField::Dtb: return "kernel.dtb_load_addr";
    case ConfigField::MemoryRegions: return fmt::format("kernel.memory_regions[{}]", i);
    case ConfigField::EmulatedDevices: return fmt::format("devices.emu_devices[{}]", i);
    case ConfigField::PassthroughDevices:
      return i < passthrough_keys_.size() ? passthrough_keys_[i] : "devices.passthrough_devices";
    case ConfigField::InterruptMode: return "devices.interrupt_mode";
    case ConfigField::AddressSpacePolicy: return "devices.address_space_policy";
  }
  return {};
}

Diagnostic LentVmConfig::locate(const ConfigError& error) const {
  std::string key = key_of(error);
  const Location at = file_.locate(key);
  return {file_.file, at, std::move(key), std::string(error.reason), {}};
}

}  // namespace axvm::hal_sim
