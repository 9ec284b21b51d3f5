#include <fmt/format.h>

#include <algorithm>
#include <hal-sim/load/aarch64/device_tree_board.hpp>
#include <hal-sim/load/device_tree_devices.hpp>
#include <optional>
#include <ranges>

namespace axvm::hal_sim::aarch64 {
namespace {

using Node = DeviceTreeEditor::Node;
constexpr Node kRoot = DeviceTreeEditor::kRoot;

constexpr std::uint32_t kClockPhandle = 1;
constexpr std::uint32_t kGicPhandle = 2;
constexpr std::uint32_t kItsPhandle = 3;
constexpr std::uint32_t kClockHertz = 24'000'000;  // of the peripherals, as on QEMU's virt

// Of one redistributor: RD_base and SGI_base (IHI 0069 12.10).
constexpr std::uint64_t kRedistributorLength = 0x2'0000;
constexpr std::uint64_t kItsLength = 0x2'0000;  // control and translation registers
constexpr std::uint64_t kGicv2CpuLength = 0x2000;

// The cells of an interrupt (Linux: bindings/interrupt-controller/arm,gic-v3.yaml).
constexpr std::uint32_t kSpi = 0;
constexpr std::uint32_t kPpi = 1;
constexpr std::uint32_t kEdgeRising = 1;
constexpr std::uint32_t kLevelHigh = 4;
constexpr std::uint64_t kFirstPpi = 16;
constexpr std::uint64_t kFirstSpi = 32;

// A row of cfg_list: version, base of what each CPU has, base of the ITS.
struct Gic {
  std::uint64_t version = 0;
  std::uint64_t distributor = 0;
  std::uint64_t distributor_length = 0;
  std::uint64_t cpu_side = 0;
  std::optional<std::uint64_t> its;
};

std::optional<Gic> find_gic(const VmFile& vm) {
  for (const EmulatedDeviceRow& device : vm.emu_devices) {
    const auto& arguments = device.cfg_list;
    if (!is_type(device, EmulatedDeviceType::InterruptController) || arguments.size() < 2) continue;
    Gic gic{arguments[0], device.base_gpa, device.length, arguments[1], {}};
    if (gic.version == 3 && arguments.size() > 2) gic.its = arguments[2];
    if (gic.version == 2 || gic.version == 3) return gic;
  }
  return std::nullopt;
}

class Board {
 public:
  Board(DeviceTreeEditor& tree, const VmFile& vm) : tree_(tree), vm_(vm), gic_(find_gic(vm)) {}

  // What is added last comes first in the tree.
  std::string add() {
    if (gic_) tree_.set_cells(kRoot, "interrupt-parent", {kGicPhandle});
    std::string console;
    for (const EmulatedDeviceRow& device : std::views::reverse(vm_.emu_devices)) {
      const std::string path = add_device(device);
      if (is_type(device, EmulatedDeviceType::Console)) console = path;
    }
    add_clock();
    add_timer();
    if (gic_) add_gic();
    return console;
  }

 private:
  std::string add_device(const EmulatedDeviceRow& device) {
    switch (static_cast<EmulatedDeviceType>(device.emu_type)) {
      case EmulatedDeviceType::Console: {
        const Node node = add_primecell(device, "pl011", {"uartclk", "apb_pclk"});
        tree_.set_text(node, "compatible", {"arm,pl011", "arm,primecell"});
        return fmt::format("/pl011@{:x}", device.base_gpa);
      }
      case EmulatedDeviceType::Rtc: {
        const Node node = add_primecell(device, "pl031", {"apb_pclk"});
        tree_.set_text(node, "compatible", {"arm,pl031", "arm,primecell"});
        break;
      }
      default: {  // no other device is found in trees
        const auto node = add_common_device(tree_, kRoot, device);
        if (is_virtio(device)) set_interrupt(*node, device.irq_id, kEdgeRising);
        break;
      }
    }
    return {};
  }

  Node add_primecell(const EmulatedDeviceRow& device, std::string_view kind,
                     std::initializer_list<std::string_view> clocks) {
    const Node node = add_device_node(tree_, kRoot, device, kind);
    std::vector<std::uint32_t> handles(clocks.size(), kClockPhandle);
    tree_.set_cells(node, "clocks", handles);
    tree_.set_text(node, "clock-names", clocks);
    set_interrupt(node, device.irq_id, kLevelHigh);
    return node;
  }

  void set_interrupt(Node node, std::uint64_t intid, std::uint32_t trigger) {
    if (!gic_ || intid < kFirstPpi) return;
    const bool is_spi = intid >= kFirstSpi;
    tree_.set_cells(
        node, "interrupts",
        {is_spi ? kSpi : kPpi, static_cast<std::uint32_t>(intid - (is_spi ? kFirstSpi : kFirstPpi)),
         trigger | (is_spi ? 0 : ppi_cpus())});
  }

  // GICv2 says in a PPI's third cell which CPUs have it.
  [[nodiscard]] std::uint32_t ppi_cpus() const {
    if (gic_->version != 2) return 0;
    return ((1U << std::min<std::uint32_t>(vm_.cpu_num, 8)) - 1) << 8;
  }

  void add_gic() {
    const Node node = tree_.add(kRoot, fmt::format("intc@{:x}", gic_->distributor));
    tree_.set_cells(node, "phandle", {kGicPhandle});
    tree_.set_cells(node, "#interrupt-cells", {3});
    tree_.set_empty(node, "interrupt-controller");
    tree_.set_cells(node, "#address-cells", {2});
    tree_.set_cells(node, "#size-cells", {2});
    tree_.set_empty(node, "ranges");
    if (gic_->version == 2) {
      tree_.set_text(node, "compatible", {"arm,cortex-a15-gic"});
      tree_.set_regs(
          node, {{gic_->distributor, gic_->distributor_length}, {gic_->cpu_side, kGicv2CpuLength}});
      return;
    }
    tree_.set_text(node, "compatible", {"arm,gic-v3"});
    tree_.set_cells(node, "#redistributor-regions", {1});
    tree_.set_regs(node, {{gic_->distributor, gic_->distributor_length},
                          {gic_->cpu_side, kRedistributorLength * vm_.cpu_num}});
    if (!gic_->its) return;
    const Node its = tree_.add(node, fmt::format("its@{:x}", *gic_->its));
    tree_.set_text(its, "compatible", {"arm,gic-v3-its"});
    tree_.set_cells(its, "phandle", {kItsPhandle});
    tree_.set_empty(its, "msi-controller");
    tree_.set_cells(its, "#msi-cells", {1});
    tree_.set_reg(its, *gic_->its, kItsLength);
  }

  void add_clock() {
    const Node clock = tree_.add(kRoot, "apb-pclk");
    tree_.set_text(clock, "compatible", {"fixed-clock"});
    tree_.set_text(clock, "clock-output-names", {"clk24mhz"});
    tree_.set_cells(clock, "#clock-cells", {0});
    tree_.set_cells(clock, "clock-frequency", {kClockHertz});
    tree_.set_cells(clock, "phandle", {kClockPhandle});
  }

  // Secure and non-secure EL1 physical, virtual and EL2 physical timer, in the binding's order.
  void add_timer() {
    const Node timer = tree_.add(kRoot, "timer");
    tree_.set_text(timer, "compatible", {"arm,armv8-timer"});
    tree_.set_empty(timer, "always-on");
    if (!gic_) return;
    const std::uint32_t trigger = kLevelHigh | ppi_cpus();
    tree_.set_cells(timer, "interrupts",
                    {kPpi, 13, trigger, kPpi, 14, trigger, kPpi, 11, trigger, kPpi, 10, trigger});
  }

  DeviceTreeEditor& tree_;
  const VmFile& vm_;
  std::optional<Gic> gic_;
};

}  // namespace

void add_cpus(DeviceTreeEditor& tree, const VmFile& vm) {
  const Node psci = tree.add(kRoot, "psci");
  tree.set_text(psci, "compatible", {"arm,psci-1.0", "arm,psci-0.2", "arm,psci"});
  tree.set_text(psci, "method", {"hvc"});
  const Node cpus = tree.add(kRoot, "cpus");
  // The affinity fields of MPIDR_EL1, Aff3 in the first.
  tree.set_cells(cpus, "#address-cells", {2});
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

std::string add_board(DeviceTreeEditor& tree, const VmFile& vm) { return Board(tree, vm).add(); }

}  // namespace axvm::hal_sim::aarch64
