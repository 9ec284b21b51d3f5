#include <fmt/format.h>

#include <hal-common/split_mix.hpp>
#include <hal-sim/load/aarch64/device_tree_board.hpp>
#include <hal-sim/load/device_tree.hpp>
#include <hal-sim/load/device_tree_editor.hpp>
#include <hal-sim/load/riscv64/device_tree_board.hpp>
#include <string_view>
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

// What trees have in common is not the board's.
struct Board {
  std::string_view compatible;
  std::string (*add_devices)(DeviceTreeEditor&, const VmFile&);
  void (*add_cpus)(DeviceTreeEditor&, const VmFile&);
};

Board board_of(Isa isa) {
  if (isa == Isa::Aarch64) {
    return {aarch64::kBoardCompatible, aarch64::add_board, aarch64::add_cpus};
  }
  return {riscv64::kBoardCompatible, riscv64::add_board, riscv64::add_cpus};
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

Tree make_device_tree(const VmFile& vm, std::optional<GuestPhysRange> initrd, Isa isa) {
  const Board board = board_of(isa);
  return edit_device_tree({}, [&](DeviceTreeEditor& tree) {
    tree.set_text(kRoot, "compatible", {board.compatible});
    tree.set_text(kRoot, "model", {vm.name});
    tree.set_cells(kRoot, "#address-cells", {2});
    tree.set_cells(kRoot, "#size-cells", {2});
    const std::string console = board.add_devices(tree, vm);
    add_memory(tree, vm);
    board.add_cpus(tree, vm);
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
