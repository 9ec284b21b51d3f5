#include <fmt/format.h>

#include <cstdint>
#include <hal-sim/load/device_tree_devices.hpp>
#include <hal-sim/load/riscv64/device_tree_board.hpp>
#include <hal-sim/load/riscv64/interrupt_nodes.hpp>
#include <optional>
#include <ranges>

namespace axvm::hal_sim::riscv64 {
namespace {

using Node = DeviceTreeEditor::Node;
constexpr Node kRoot = DeviceTreeEditor::kRoot;

constexpr std::uint32_t kTimebaseHertz = 10'000'000;
constexpr std::uint32_t kUartHertz = 3'686'400;  // as on QEMU's virt

// RV64GC, without counters but for the time; timer interrupts of S-mode.
constexpr std::string_view kIsa = "rv64imafdc_zicsr_zifencei_sstc";
// The same with registers for interrupt files.
constexpr std::string_view kIsaWithFiles = "rv64imafdc_zicsr_zifencei_ssaia_sstc";

class Board {
 public:
  Board(DeviceTreeEditor& tree, const VmFile& vm) : tree_(tree), vm_(vm), interrupts_(vm) {}

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
      if (node) interrupts_.set_interrupt(tree_, *node, device);
      if (is_type(device, EmulatedDeviceType::Console)) {
        console = fmt::format("/soc/serial@{:x}", device.base_gpa);
      }
    }
    interrupts_.add(tree_, soc);
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

  DeviceTreeEditor& tree_;
  const VmFile& vm_;
  InterruptNodes interrupts_;
};

}  // namespace

void add_cpus(DeviceTreeEditor& tree, const VmFile& vm) {
  const bool has_files = InterruptNodes(vm).has_interrupt_files();
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
    tree.set_text(cpu, "riscv,isa", {has_files ? kIsaWithFiles : kIsa});
    tree.set_text(cpu, "riscv,isa-base", {"rv64i"});
    if (has_files) {
      tree.set_text(cpu, "riscv,isa-extensions",
                    {"i", "m", "a", "f", "d", "c", "zicsr", "zifencei", "ssaia", "sstc"});
    } else {
      tree.set_text(cpu, "riscv,isa-extensions",
                    {"i", "m", "a", "f", "d", "c", "zicsr", "zifencei", "sstc"});
    }
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
