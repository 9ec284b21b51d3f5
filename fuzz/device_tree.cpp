// Any bytes as a device tree: patched into a sound tree with the VM's memory, or one line that says
// why not.

#include <libfdt.h>

#include <cstdint>
#include <fuzz/input.hpp>
#include <hal-sim/load/device_tree.hpp>
#include <string>

namespace {

using namespace axvm;
using namespace axvm::hal_sim;
using axvm::fuzz::require;

VmFile board() {
  VmFile vm;
  vm.name = "fuzz";
  vm.memory_regions = {{0x4000'0000, 0x100'0000, 7, MapType::Alloc}};
  vm.emu_devices = {{"uart", 0x900'0000, 0x1000, 33, 2, {}}};
  vm.cmdline = "quiet";
  return vm;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const VmFile kVm = board();
  const auto tree = patch_device_tree(std::as_bytes(std::span(data, size)), kVm,
                                      GuestPhysRange{GuestPhysAddr(0x4080'0000), 0x1000});
  if (!tree) {
    require(!tree.error().empty(), "a refusal has a reason");
    require(tree.error().find('\n') == std::string::npos, "a reason is one line");
    return 0;
  }
  require(fdt_check_full(tree->data(), tree->size()) == 0, "a patched tree is sound");
  const int chosen = fdt_path_offset(tree->data(), "/chosen");
  require(chosen >= 0 && fdt_getprop(tree->data(), chosen, "linux,initrd-end", nullptr) != nullptr,
          "a patched tree names the ramdisk");
  const int memory = fdt_node_offset_by_prop_value(tree->data(), -1, "device_type", "memory", 7);
  require(memory > 0 && fdt_getprop(tree->data(), memory, "reg", nullptr) != nullptr,
          "a patched tree has the VM's memory");
  require(fdt_node_offset_by_prop_value(tree->data(), memory, "device_type", "memory", 7) < 0,
          "a patched tree has no other memory");
  return 0;
}
