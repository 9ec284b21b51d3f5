#include <fmt/format.h>

#include <hal-sim/config/size_text.hpp>
#include <hal-sim/load/device_tree.hpp>
#include <hal-sim/load/device_tree_editor.hpp>
#include <vector>

namespace axvm::hal_sim {
namespace {

using Tree = std::expected<Bytes, std::string>;
using Node = DeviceTreeEditor::Node;
constexpr Node kRoot = DeviceTreeEditor::kRoot;

constexpr std::uint32_t kClockPhandle = 1;
constexpr std::uint32_t kClockHertz = 24'000'000;  // of the board's PL011, as on QEMU's virt

bool is_ram(const MemoryRegionRow& region) {
  const auto flags = static_cast<MappingFlags>(region.flags);
  return has_all(flags, kReadWrite) && !has_all(flags, MappingFlags::Device);
}

void add_memory(DeviceTreeEditor& tree, const VmFile& vm) {
  for (const MemoryRegionRow& region : vm.memory_regions) {
    if (!is_ram(region)) continue;
    const Node node = tree.add(kRoot, fmt::format("memory@{:x}", region.gpa));
    tree.set_text(node, "device_type", {"memory"});
    tree.set_reg(node, region.gpa, region.size);
  }
}

void add_chosen(DeviceTreeEditor& tree, const VmFile& vm, std::optional<GuestPhysRange> initrd) {
  const Node chosen = tree.find_or_add(kRoot, "chosen");
  if (vm.cmdline) tree.set_text(chosen, "bootargs", {*vm.cmdline});
  if (initrd) {
    tree.set_u64(chosen, "linux,initrd-start", initrd->base.value);
    tree.set_u64(chosen, "linux,initrd-end", initrd->end().value);
  }
}

void add_cpus(DeviceTreeEditor& tree, const VmFile& vm) {
  const Node psci = tree.add(kRoot, "psci");
  tree.set_text(psci, "compatible", {"arm,psci-1.0", "arm,psci-0.2"});
  tree.set_text(psci, "method", {"hvc"});
  const Node cpus = tree.add(kRoot, "cpus");
  tree.set_cells(cpus, "#address-cells",
                 {2});  // the affinity fields of MPIDR_EL1, Aff3 in the first
  tree.set_cells(cpus, "#size-cells", {0});
  for (std::size_t i = 0; i < vm.cpu_num; ++i) {
    const std::uint64_t id = i < vm.phys_cpu_ids.size() ? vm.phys_cpu_ids[i] : i;
    const Node cpu = tree.add(cpus, fmt::format("cpu@{:x}", id));
    tree.set_text(cpu, "device_type", {"cpu"});
    tree.set_text(cpu, "compatible", {"arm,armv8"});
    tree.set_u64(cpu, "reg", id);
    tree.set_text(cpu, "enable-method", {"psci"});
  }
}

// Returns the path of the first console; "" without one.
std::string add_devices(DeviceTreeEditor& tree, const VmFile& vm) {
  std::string console;
  for (const EmulatedDeviceRow& device : vm.emu_devices) {
    switch (static_cast<EmulatedDeviceType>(device.emu_type)) {
      case EmulatedDeviceType::Console: {
        const std::string name = fmt::format("pl011@{:x}", device.base_gpa);
        const Node node = tree.add(kRoot, name);
        tree.set_text(node, "compatible", {"arm,pl011", "arm,primecell"});
        tree.set_reg(node, device.base_gpa, device.length);
        tree.set_cells(node, "clocks", {kClockPhandle, kClockPhandle});
        tree.set_text(node, "clock-names", {"uartclk", "apb_pclk"});
        if (console.empty()) console = "/" + name;
        break;
      }
      case EmulatedDeviceType::Flash: {
        const Node node = tree.add(kRoot, fmt::format("flash@{:x}", device.base_gpa));
        tree.set_text(node, "compatible", {"cfi-flash"});
        tree.set_reg(node, device.base_gpa, device.length);
        tree.set_cells(node, "bank-width", {2});
        break;
      }
      default: break;  // no other device is described so far
    }
  }
  return console;
}

void add_clock(DeviceTreeEditor& tree) {
  const Node clock = tree.add(kRoot, "apb-pclk");
  tree.set_text(clock, "compatible", {"fixed-clock"});
  tree.set_cells(clock, "#clock-cells", {0});
  tree.set_cells(clock, "clock-frequency", {kClockHertz});
  tree.set_cells(clock, "phandle", {kClockPhandle});
}

// Without an interrupt controller in the tree, nobody can say which interrupts it raises.
void add_timer(DeviceTreeEditor& tree) {
  const Node timer = tree.add(kRoot, "timer");
  tree.set_text(timer, "compatible", {"arm,armv8-timer"});
  tree.set_empty(timer, "always-on");
}

}  // namespace

Tree make_device_tree(const VmFile& vm, std::optional<GuestPhysRange> initrd) {
  return edit_device_tree({}, [&](DeviceTreeEditor& tree) {
    tree.set_text(kRoot, "compatible", {"linux,dummy-virt"});
    tree.set_text(kRoot, "model", {vm.name});
    tree.set_cells(kRoot, "#address-cells", {2});
    tree.set_cells(kRoot, "#size-cells", {2});
    add_timer(tree);
    add_clock(tree);
    const std::string console = add_devices(tree, vm);
    add_memory(tree, vm);
    add_cpus(tree, vm);
    add_chosen(tree, vm, initrd);
    if (!console.empty()) {
      tree.set_text(tree.find_or_add(kRoot, "chosen"), "stdout-path", {console});
    }
  });
}

Tree patch_device_tree(ByteView tree, const VmFile& vm, std::optional<GuestPhysRange> initrd) {
  return edit_device_tree(tree, [&](DeviceTreeEditor& editor) {
    editor.remove_all("device_type", "memory");
    add_memory(editor, vm);
    add_chosen(editor, vm, initrd);
  });
}

}  // namespace axvm::hal_sim
