#include <fmt/format.h>

#include <algorithm>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/config/window_plan.hpp>
#include <tools/axvm/memory_map.hpp>

namespace axvm::tool {
namespace {

using hal_sim::VmFile;

struct MapRow {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::string what;
  std::string permissions;
};

std::string permissions_text(std::uint64_t flags) {
  const auto bits = static_cast<MappingFlags>(flags);
  std::string text;
  text += has_all(bits, MappingFlags::Read) ? 'r' : '-';
  text += has_all(bits, MappingFlags::Write) ? 'w' : '-';
  text += has_all(bits, MappingFlags::Execute) ? 'x' : '-';
  if (has_all(bits, MappingFlags::Device)) text += " device";
  if (has_all(bits, MappingFlags::Uncached)) text += " uncached";
  return text;
}

/// A window as it is mapped: in whole pages.
MapRow window_row(std::uint64_t gpa, std::uint64_t hpa, std::uint64_t size, std::string what) {
  const auto window = widen_window({{GuestPhysAddr(gpa), size}, HostPhysAddr(hpa)});
  if (window) return {window->range.base.value, window->range.size, std::move(what), "rw- device"};
  return {gpa, size, std::move(what), "rw- device"};
}

std::vector<MapRow> memory_map(const VmFile& vm, hal_sim::Isa isa,
                               const std::vector<hal_sim::MemoryBank>& ram) {
  std::vector<MapRow> rows;
  for (const auto& region : vm.memory_regions) {
    if (has_all(static_cast<MappingFlags>(region.flags), MappingFlags::Device)) {
      rows.push_back(
          {region.gpa, region.size, "device memory: belongs in passthrough_devices", "left out"});
      continue;
    }
    rows.push_back({region.gpa, region.size,
                    fmt::format("memory, {}", hal_sim::to_string(region.map_type)),
                    permissions_text(region.flags)});
  }
  for (const auto& device : vm.emu_devices) {
    rows.push_back({device.base_gpa, device.length,
                    fmt::format("{} (emulated {})", device.name,
                                hal_sim::emulated_device_type_name(device.emu_type).value_or("?")),
                    "trapped"});
    const bool is_controller =
        device.emu_type == static_cast<std::uint64_t>(EmulatedDeviceType::InterruptController);
    if (!is_controller || device.cfg_list.size() < 2 || device.cfg_list[0] != 2) continue;
    if (isa == hal_sim::Isa::Riscv64) {
      rows.push_back({device.cfg_list[1], vm.cpu_num * kPageSize,
                      fmt::format("{} (emulated interrupt files)", device.name), "trapped"});
    } else {
      constexpr std::uint64_t kInterfaceSize = 0x2000;  // GICC_* (IHI 0048B, 4.1.2)
      rows.push_back({device.cfg_list[1], kInterfaceSize,
                      fmt::format("{} (CPU interface of the hardware)", device.name),
                      "rw- device"});
    }
  }
  for (const auto& device : vm.passthrough_devices) {
    if (device.is_path()) continue;
    rows.push_back(window_row(device.base_gpa, device.base_hpa, device.length,
                              fmt::format("{} (host {:#x})", device.name, device.base_hpa)));
  }
  for (const auto& window : vm.passthrough_addresses) {
    rows.push_back(
        window_row(window.base, window.base, window.length, "window to the host's addresses"));
  }
  if (vm.address_space_policy == AddressSpacePolicy::Passthrough) {
    for (const PassthroughWindow& window : hal_sim::plan_windows(vm, isa, ram)) {
      if (window.distance() != 0) continue;  // listed above
      rows.push_back({window.range.base.value, window.range.size, "the host's addresses, not RAM",
                      "rw- device"});
    }
  }
  std::ranges::sort(rows, {}, [](const MapRow& row) { return std::pair(row.base, row.what); });
  return rows;
}

}  // namespace

std::string memory_map_text(const VmFile& vm, hal_sim::Isa isa,
                            const std::vector<hal_sim::MemoryBank>& ram) {
  const std::vector<MapRow> rows = memory_map(vm, isa, ram);
  std::size_t width = 4;
  for (const MapRow& row : rows) width = std::max(width, row.what.size());
  std::string text = fmt::format("  {:<29}  {:>9}  {:<{}}  {}\n", "guest-physical", "size", "what",
                                 width, "access");
  for (const MapRow& row : rows) {
    text +=
        fmt::format("  {:#014x}-{:#014x}  {:>9}  {:<{}}  {}\n", row.base, row.base + row.size - 1,
                    hal_sim::format_size(row.size), row.what, width, row.permissions);
  }
  return text;
}

}  // namespace axvm::tool
