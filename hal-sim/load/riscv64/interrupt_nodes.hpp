#pragma once
// The nodes of a VM's interrupt controllers, as QEMU describes those of its virt board for RISC-V.

#include <cstddef>
#include <cstdint>
#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/load/device_tree_editor.hpp>
#include <optional>
#include <vector>

namespace axvm::hal_sim::riscv64 {

/// Of the interrupt controller in the node of a hart. `hart` < cpu_num.
[[nodiscard]] std::uint32_t hart_phandle(std::size_t hart) noexcept;

/// What the rows of a VM's interrupt controllers name.
class InterruptNodes {
 public:
  explicit InterruptNodes(const VmFile& vm);

  /// Whether harts have interrupt files, and the registers for them.
  [[nodiscard]] bool has_interrupt_files() const noexcept { return files_.has_value(); }

  /// Adds the nodes below /soc; nothing without a controller.
  void add(DeviceTreeEditor& tree, DeviceTreeEditor::Node soc) const;
  /// Says in the node of a device by which interrupt it is heard, if there is a controller and it
  /// has one.
  void set_interrupt(DeviceTreeEditor& tree, DeviceTreeEditor::Node node,
                     const EmulatedDeviceRow& device) const;

 private:
  void add_plic(DeviceTreeEditor& tree, DeviceTreeEditor::Node soc) const;
  void add_aplic(DeviceTreeEditor& tree, DeviceTreeEditor::Node soc) const;
  void add_files(DeviceTreeEditor& tree, DeviceTreeEditor::Node soc) const;
  void add_sswi(DeviceTreeEditor& tree, DeviceTreeEditor::Node soc) const;
  /// Pairs of harts' controllers and these causes, for each hart.
  [[nodiscard]] std::vector<std::uint32_t> harts(std::initializer_list<std::uint32_t> causes) const;
  [[nodiscard]] std::uint32_t files_phandle() const noexcept { return hart_phandle(cpu_num_); }

  std::size_t cpu_num_;
  const EmulatedDeviceRow* controller_ = nullptr;
  const EmulatedDeviceRow* sswi_ = nullptr;
  bool is_aplic_ = false;
  std::optional<std::uint64_t> files_;  ///< base of the interrupt files
};

}  // namespace axvm::hal_sim::riscv64
