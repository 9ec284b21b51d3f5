#pragma once
// Nodes of devices that boards of all architectures describe alike.

#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/load/device_tree_editor.hpp>
#include <optional>
#include <string_view>

namespace axvm::hal_sim {

[[nodiscard]] bool is_type(const EmulatedDeviceRow& device, EmulatedDeviceType type) noexcept;
[[nodiscard]] bool is_virtio(const EmulatedDeviceRow& device) noexcept;

/// "<kind>@<base>" with the device's registers, below a node with as many cells as the root.
DeviceTreeEditor::Node add_device_node(DeviceTreeEditor& tree, DeviceTreeEditor::Node parent,
                                       const EmulatedDeviceRow& device, std::string_view kind);

/// The node of a virtio-mmio device, flash or fw_cfg, but for its interrupt; nothing for a device
/// of another type.
std::optional<DeviceTreeEditor::Node> add_common_device(DeviceTreeEditor& tree,
                                                        DeviceTreeEditor::Node parent,
                                                        const EmulatedDeviceRow& device);

}  // namespace axvm::hal_sim
