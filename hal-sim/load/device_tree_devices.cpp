#include <fmt/format.h>

#include <hal-sim/load/device_tree_devices.hpp>

namespace axvm::hal_sim {

using Node = DeviceTreeEditor::Node;

bool is_type(const EmulatedDeviceRow& device, EmulatedDeviceType type) noexcept {
  return device.emu_type == static_cast<std::uint64_t>(type);
}

bool is_virtio(const EmulatedDeviceRow& device) noexcept {
  return is_type(device, EmulatedDeviceType::VirtioBlock) ||
         is_type(device, EmulatedDeviceType::VirtioNet) ||
         is_type(device, EmulatedDeviceType::VirtioConsole) ||
         is_type(device, EmulatedDeviceType::VirtioEntropy);
}

Node add_device_node(DeviceTreeEditor& tree, Node parent, const EmulatedDeviceRow& device,
                     std::string_view kind) {
  const Node node = tree.add(parent, fmt::format("{}@{:x}", kind, device.base_gpa));
  tree.set_reg(node, device.base_gpa, device.length);
  return node;
}

std::optional<Node> add_common_device(DeviceTreeEditor& tree, Node parent,
                                      const EmulatedDeviceRow& device) {
  if (is_virtio(device)) {
    const Node node = add_device_node(tree, parent, device, "virtio_mmio");
    tree.set_text(node, "compatible", {"virtio,mmio"});
    tree.set_empty(node, "dma-coherent");
    return node;
  }
  if (is_type(device, EmulatedDeviceType::Flash)) {
    const Node node = add_device_node(tree, parent, device, "flash");
    tree.set_text(node, "compatible", {"cfi-flash"});
    tree.set_cells(node, "bank-width", {2});
    return node;
  }
  if (is_type(device, EmulatedDeviceType::FwCfg)) {
    const Node node = add_device_node(tree, parent, device, "fw-cfg");
    tree.set_text(node, "compatible", {"qemu,fw-cfg-mmio"});
    tree.set_empty(node, "dma-coherent");
    return node;
  }
  return std::nullopt;
}

}  // namespace axvm::hal_sim
