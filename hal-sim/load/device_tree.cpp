#include <fmt/format.h>

#include <hal-common/split_mix.hpp>
#include <hal-sim/load/device_tree.hpp>
#include <hal-sim/load/device_tree_board.hpp>
#include <hal-sim/load/device_tree_editor.hpp>
#include <vector>

namespace axvm::hal_sim {
namespace {

using Tree = std::expected<Bytes, std::string>;
using Node = DeviceTreeEditor::Node;
constexpr Node kRoot = DeviceTreeEditor::kRoot;

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
  tree.set_text(psci, "compatible", {"arm,psci-1.0", "arm,psci-0.2", "arm,psci"});
  tree.set_text(psci, "method", {"hvc"});
  const Node cpus = tree.add(kRoot, "cpus");
  tree.set_cells(cpus, "#address-cells",
                 {2});  // the affinity fields of MPIDR_EL1, Aff3 in the first
  tree.set_cells(cpus, "#size-cells", {0});
  for (std::size_t i = vm.cpu_num; i-- > 0;) {  // what is added last comes first
    const std::uint64_t id = vm.phys_id(i);
    const Node cpu = tree.add(cpus, fmt::format("cpu@{:x}", id));
    tree.set_text(cpu, "device_type", {"cpu"});
    tree.set_text(cpu, "compatible", {"arm,armv8"});
    tree.set_u64(cpu, "reg", id);
    tree.set_text(cpu, "enable-method", {"psci"});
  }
}

// What the kernel may take for randomness: the same in every run.
Bytes rng_seed(std::uint32_t vm) {
  Bytes seed;
  std::uint64_t state = vm;
  while (seed.size() < 32) {
    const std::uint64_t word = hal_common::split_mix(state);
    for (int shift = 0; shift < 64; shift += 8)
      seed.push_back(static_cast<std::byte>(word >> shift));
  }
  return seed;
}

}  // namespace

Tree make_device_tree(const VmFile& vm, std::optional<GuestPhysRange> initrd) {
  return edit_device_tree({}, [&](DeviceTreeEditor& tree) {
    tree.set_text(kRoot, "compatible", {"linux,dummy-virt"});
    tree.set_text(kRoot, "model", {vm.name});
    tree.set_cells(kRoot, "#address-cells", {2});
    tree.set_cells(kRoot, "#size-cells", {2});
    const std::string console = add_board(tree, vm);
    add_memory(tree, vm);
    add_cpus(tree, vm);
    add_chosen(tree, vm, initrd);
    const Node chosen = tree.find_or_add(kRoot, "chosen");
    tree.set_bytes(chosen, "rng-seed", rng_seed(vm.id));
    if (!console.empty()) tree.set_text(chosen, "stdout-path", {console});
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
