#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <hal-sim/load/device_tree_devices.hpp>
#include <hal-sim/load/riscv64/device_tree_board.hpp>
#include <optional>
#include <ranges>
#include <vector>

namespace axvm::hal_sim::riscv64 {
namespace {

using Node = DeviceTreeEditor::Node;
constexpr Node kRoot = DeviceTreeEditor::kRoot;

constexpr std::uint32_t kTimebaseHertz = 10'000'000;
constexpr std::uint32_t kUartHertz = 3'686'400;  // as on QEMU's virt
constexpr std::uint32_t kPlicSources = 95;       // as on QEMU's virt

// Causes of interrupts (Privileged ISA, mcause): a PLIC's contexts, two for each hart.
constexpr std::uint32_t kMachineExternal = 11;
constexpr std::uint32_t kSupervisorExternal = 9;

// RV64GC, without counters but for the time; timer interrupts of S-mode.
constexpr std::string_view kIsa = "rv64imafdc_zicsr_zifencei_sstc";

constexpr std::uint32_t kPlicPhandle = 1;
std::uint32_t hart_phandle(std::size_t hart) {
  return kPlicPhandle + 1 + static_cast<std::uint32_t>(hart);
}

const EmulatedDeviceRow* find_plic(const VmFile& vm) {
  for (const EmulatedDeviceRow& device : vm.emu_devices) {
    if (is_type(device, EmulatedDeviceType::InterruptController) ||
        is_type(device, EmulatedDeviceType::PpptGlobal)) {
      return &device;
    }
  }
  return nullptr;
}

void set_interrupt(DeviceTreeEditor& tree, Node node, const EmulatedDeviceRow& device) {
  if (device.irq_id == 0) return;
  tree.set_cells(node, "interrupts", {static_cast<std::uint32_t>(device.irq_id)});
  tree.set_cells(node, "interrupt-parent", {kPlicPhandle});
}

class Board {
 public:
  Board(DeviceTreeEditor& tree, const VmFile& vm) : tree_(tree), vm_(vm), plic_(find_plic(vm)) {}

  // What is added last comes first in the tree.
  std::string add() {
    for (const EmulatedDeviceRow& device : std::views::reverse(vm_.emu_devices)) {
      if (!is_virtio(device)) add_common_device(tree_, kRoot, device);
    }
    const Node soc = tree_.add(kRoot, "soc");
    tree_.set_cells(soc, "#address-cells", {2});
    tree_.set_cells(soc, "#size-cells", {2});
    tree_.set_text(soc, "compatible", {"simple-bus"});
    tree_.set_empty(soc, "ranges");
    std::string console;
    for (const EmulatedDeviceRow& device : std::views::reverse(vm_.emu_devices)) {
      const std::optional<Node> node = add_device(soc, device);
      if (node && plic_ != nullptr) set_interrupt(tree_, *node, device);
      if (is_type(device, EmulatedDeviceType::Console)) {
        console = fmt::format("/soc/serial@{:x}", device.base_gpa);
      }
    }
    if (plic_ != nullptr) add_plic(soc);
    return console;
  }

 private:
  std::optional<Node> add_device(Node soc, const EmulatedDeviceRow& device) {
    if (is_virtio(device)) return add_common_device(tree_, soc, device);
    if (is_type(device, EmulatedDeviceType::Console)) {
      const Node node = add_device_node(tree_, soc, device, "serial");
      tree_.set_text(node, "compatible", {"ns16550a"});
      tree_.set_cells(node, "clock-frequency", {kUartHertz});
      return node;
    }
    if (is_type(device, EmulatedDeviceType::Rtc)) {
      const Node node = add_device_node(tree_, soc, device, "rtc");
      tree_.set_text(node, "compatible", {"google,goldfish-rtc"});
      return node;
    }
    return std::nullopt;
  }

  void add_plic(Node soc) {
    const Node node = add_device_node(tree_, soc, *plic_, "plic");
    tree_.set_text(node, "compatible", {"sifive,plic-1.0.0", "riscv,plic0"});
    tree_.set_cells(node, "phandle", {kPlicPhandle});
    tree_.set_cells(node, "#interrupt-cells", {1});
    tree_.set_cells(node, "#address-cells", {0});
    tree_.set_empty(node, "interrupt-controller");
    tree_.set_cells(node, "riscv,ndev", {kPlicSources});
    std::vector<std::uint32_t> contexts;
    for (std::size_t hart = 0; hart < vm_.cpu_num; ++hart) {
      for (const std::uint32_t cause : {kMachineExternal, kSupervisorExternal}) {
        contexts.push_back(hart_phandle(hart));
        contexts.push_back(cause);
      }
    }
    tree_.set_cells(node, "interrupts-extended", contexts);
  }

  DeviceTreeEditor& tree_;
  const VmFile& vm_;
  const EmulatedDeviceRow* plic_;
};

}  // namespace

void add_cpus(DeviceTreeEditor& tree, const VmFile& vm) {
  const Node cpus = tree.add(kRoot, "cpus");
  tree.set_cells(cpus, "#address-cells", {1});
  tree.set_cells(cpus, "#size-cells", {0});
  tree.set_cells(cpus, "timebase-frequency", {kTimebaseHertz});
  for (std::size_t i = vm.cpu_num; i-- > 0;) {  // what is added last comes first
    const std::uint64_t id = vm.phys_id(i);
    const Node cpu = tree.add(cpus, fmt::format("cpu@{:x}", id));
    tree.set_text(cpu, "device_type", {"cpu"});
    tree.set_cells(cpu, "reg", {static_cast<std::uint32_t>(id)});
    tree.set_text(cpu, "status", {"okay"});
    tree.set_text(cpu, "compatible", {"riscv"});
    tree.set_text(cpu, "riscv,isa", {kIsa});
    tree.set_text(cpu, "riscv,isa-base", {"rv64i"});
    tree.set_text(cpu, "riscv,isa-extensions",
                  {"i", "m", "a", "f", "d", "c", "zicsr", "zifencei", "sstc"});
    tree.set_text(cpu, "mmu-type", {"riscv,sv57"});
    const Node intc = tree.add(cpu, "interrupt-controller");
    tree.set_text(intc, "compatible", {"riscv,cpu-intc"});
    tree.set_cells(intc, "#interrupt-cells", {1});
    tree.set_cells(intc, "#address-cells", {0});
    tree.set_empty(intc, "interrupt-controller");
    tree.set_cells(intc, "phandle", {hart_phandle(i)});
  }
}

std::string add_board(DeviceTreeEditor& tree, const VmFile& vm) { return Board(tree, vm).add(); }

}  // namespace axvm::hal_sim::riscv64
