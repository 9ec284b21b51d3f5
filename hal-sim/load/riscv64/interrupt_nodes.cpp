#include <fmt/format.h>

#include <axvm/address.hpp>
#include <hal-sim/load/device_tree_devices.hpp>
#include <hal-sim/load/riscv64/interrupt_nodes.hpp>

namespace axvm::hal_sim::riscv64 {
namespace {

using Node = DeviceTreeEditor::Node;

// As on QEMU's virt.
constexpr std::uint32_t kPlicSources = 95;
constexpr std::uint32_t kAplicSources = 96;
constexpr std::uint32_t kIdentities = 255;

// Causes of interrupts (Privileged ISA, mcause).
constexpr std::uint32_t kSupervisorSoftware = 1;
constexpr std::uint32_t kSupervisorExternal = 9;
constexpr std::uint32_t kMachineExternal = 11;

/// The second cell of an APLIC's interrupt (Linux: bindings/interrupt-controller/riscv,aplic.yaml).
constexpr std::uint32_t kLevelHigh = 4;

constexpr std::uint32_t kControllerPhandle = 1;

// The first number of cfg_list.
constexpr std::uint64_t kAplic = 2;
constexpr std::uint64_t kSswi = 3;

void set_controller(DeviceTreeEditor& tree, Node node, std::uint32_t cells) {
  tree.set_cells(node, "#interrupt-cells", {cells});
  tree.set_empty(node, "interrupt-controller");
}

}  // namespace

std::uint32_t hart_phandle(std::size_t hart) noexcept {
  return kControllerPhandle + 1 + static_cast<std::uint32_t>(hart);
}

InterruptNodes::InterruptNodes(const VmFile& vm) : cpu_num_(vm.cpu_num) {
  for (const EmulatedDeviceRow& device : vm.emu_devices) {
    if (!is_type(device, EmulatedDeviceType::InterruptController) &&
        !is_type(device, EmulatedDeviceType::PpptGlobal)) {
      continue;
    }
    const std::vector<std::uint64_t>& arguments = device.cfg_list;
    const std::uint64_t kind = arguments.empty() ? 0 : arguments[0];
    if (kind == kSswi) {
      sswi_ = &device;
    } else if (controller_ == nullptr) {
      controller_ = &device;
      is_aplic_ = kind == kAplic;
      if (is_aplic_ && arguments.size() > 1) files_ = arguments[1];
    }
  }
}

// What is added last comes first in the tree.
void InterruptNodes::add(DeviceTreeEditor& tree, Node soc) const {
  if (sswi_ != nullptr) add_sswi(tree, soc);
  if (controller_ == nullptr) return;
  if (!is_aplic_) return add_plic(tree, soc);
  add_aplic(tree, soc);
  if (files_) add_files(tree, soc);
}

void InterruptNodes::set_interrupt(DeviceTreeEditor& tree, Node node,
                                   const EmulatedDeviceRow& device) const {
  if (controller_ == nullptr || device.irq_id == 0) return;
  const auto source = static_cast<std::uint32_t>(device.irq_id);
  if (is_aplic_) {
    tree.set_cells(node, "interrupts", {source, kLevelHigh});
  } else {
    tree.set_cells(node, "interrupts", {source});
  }
  tree.set_cells(node, "interrupt-parent", {kControllerPhandle});
}

// A PLIC has two contexts for each hart.
void InterruptNodes::add_plic(DeviceTreeEditor& tree, Node soc) const {
  const Node node = add_device_node(tree, soc, *controller_, "plic");
  tree.set_text(node, "compatible", {"sifive,plic-1.0.0", "riscv,plic0"});
  tree.set_cells(node, "phandle", {kControllerPhandle});
  tree.set_cells(node, "#interrupt-cells", {1});
  tree.set_cells(node, "#address-cells", {0});
  tree.set_empty(node, "interrupt-controller");
  tree.set_cells(node, "riscv,ndev", {kPlicSources});
  tree.set_cells(node, "interrupts-extended", harts({kMachineExternal, kSupervisorExternal}));
}

void InterruptNodes::add_aplic(DeviceTreeEditor& tree, Node soc) const {
  const Node node = add_device_node(tree, soc, *controller_, "aplic");
  tree.set_text(node, "compatible", {"riscv,aplic"});
  tree.set_cells(node, "phandle", {kControllerPhandle});
  tree.set_cells(node, "#address-cells", {0});
  set_controller(tree, node, 2);
  tree.set_cells(node, "riscv,num-sources", {kAplicSources});
  if (files_) {
    tree.set_cells(node, "msi-parent", {files_phandle()});
  } else {
    tree.set_cells(node, "interrupts-extended", harts({kSupervisorExternal}));
  }
}

void InterruptNodes::add_files(DeviceTreeEditor& tree, Node soc) const {
  const Node node = tree.add(soc, fmt::format("imsics@{:x}", *files_));
  tree.set_reg(node, *files_, kPageSize * cpu_num_);
  tree.set_text(node, "compatible", {"riscv,imsics"});
  tree.set_cells(node, "phandle", {files_phandle()});
  set_controller(tree, node, 0);
  tree.set_empty(node, "msi-controller");
  tree.set_cells(node, "#msi-cells", {0});
  tree.set_cells(node, "riscv,num-ids", {kIdentities});
  tree.set_cells(node, "interrupts-extended", harts({kSupervisorExternal}));
}

void InterruptNodes::add_sswi(DeviceTreeEditor& tree, Node soc) const {
  const Node node = add_device_node(tree, soc, *sswi_, "sswi");
  tree.set_text(node, "compatible", {"riscv,aclint-sswi"});
  set_controller(tree, node, 0);
  tree.set_cells(node, "interrupts-extended", harts({kSupervisorSoftware}));
}

std::vector<std::uint32_t> InterruptNodes::harts(
    std::initializer_list<std::uint32_t> causes) const {
  std::vector<std::uint32_t> pairs;
  for (std::size_t hart = 0; hart < cpu_num_; ++hart) {
    for (const std::uint32_t cause : causes) {
      pairs.push_back(hart_phandle(hart));
      pairs.push_back(cause);
    }
  }
  return pairs;
}

}  // namespace axvm::hal_sim::riscv64
