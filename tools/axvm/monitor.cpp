#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <hal-sim/config/size_text.hpp>
#include <sstream>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/memory_map.hpp>
#include <tools/axvm/monitor.hpp>
#include <tools/axvm/summary.hpp>
#include <vector>

namespace axvm::tool {
namespace {

constexpr std::string_view kHelp =
    "info vcpus     state and place of each vCPU\n"
    "info irqs      interrupt state that is not at rest\n"
    "info tlb       TLB and walks of each pCPU\n"
    "info mtree     the guests' physical memory\n"
    "walk ADDR      the walk for a virtual address, on the first VM's vCPU 0\n"
    "snapshot FILE  saves the machine; axvm run --restore FILE goes on from here\n"
    "stats          what the run has cost so far\n"
    "continue       go on (c)\n"
    "quit           end the run (q)\n";

// Fields of state that have to do with interrupts and are not 0.
class InterruptFields final : public StateVisitor {
 public:
  explicit InterruptFields(Output& output) : output_(output) {}

  void enter(std::string_view name, std::uint64_t index) override {
    path_.push_back(fmt::format("{}{}", name, index));
    depth_ += is_about_interrupts(name) ? 1U : 0U;
    matched_.push_back(is_about_interrupts(name));
  }
  void leave() override {
    if (matched_.back()) --depth_;
    matched_.pop_back();
    path_.pop_back();
  }
  void field(std::string_view name, std::uint64_t& value) override {
    if (value != 0 && (depth_ != 0 || is_about_interrupts(name)))
      print(name, fmt::format("{:#x}", value));
  }
  void bytes(std::string_view name, std::span<std::byte> value) override {
    if (depth_ == 0 && !is_about_interrupts(name)) return;
    std::string digits;
    for (const std::byte b : value.first(std::min<std::size_t>(value.size(), 32))) {
      digits += fmt::format("{:02x}", std::to_integer<unsigned>(b));
    }
    if (digits.find_first_not_of('0') != std::string::npos) print(name, digits);
  }

 private:
  static bool is_about_interrupts(std::string_view name) {
    static constexpr std::array<std::string_view, 11> kWords = {
        "interrupt", "gic", "irq",           "pending", "active",  "distributor",
        "redist",    "its", "list_register", "enable",  "priority"};
    return std::ranges::any_of(
        kWords, [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
  }
  void print(std::string_view name, const std::string& value) {
    std::string where;
    for (const std::string& part : path_) where += part + ".";
    output_.print("  {}{} = {}\n", where, name, value);
  }

  Output& output_;
  std::vector<std::string> path_;
  std::vector<bool> matched_;
  unsigned depth_ = 0;
};

}  // namespace

Monitor::Next Monitor::run(Terminal& terminal, const std::atomic<bool>& stop) {
  terminal.set_raw(false);
  output_.print("\nstopped after {} instructions; help lists the commands\n",
                grouped(host_.statistics().instructions));
  const auto show = [this](std::string_view keys) {
    output_.write(keys);
    output_.flush();
  };
  std::optional<Next> next;
  while (!next) {
    output_.write("(axvm) ");
    output_.flush();
    const auto line = terminal.read_line(show, stop);
    next = line ? execute(*line) : Next::Quit;
  }
  output_.flush();
  if (*next == Next::Continue) terminal.set_raw(true);
  return *next;
}

std::optional<Monitor::Next> Monitor::execute(const std::string& line) {
  std::istringstream words(line);
  std::string command;
  std::string argument;
  words >> command >> argument;
  if (command == "continue" || command == "c") return Next::Continue;
  if (command == "quit" || command == "q") return Next::Quit;
  if (command == "info") {
    info(argument);
  } else if (command == "walk") {
    walk(argument);
  } else if (command == "snapshot") {
    snapshot(argument);
  } else if (command == "stats") {
    hal_sim::StopReason now;
    now.text = "stopped";
    output_.write(summary(now, host_.statistics(), 0));
  } else if (command == "help") {
    output_.write(kHelp);
  } else if (!command.empty()) {
    output_.print(
        "\"{}\" is no command, expected info, walk, snapshot, stats, help, continue or quit\n",
        command);
  }
  return std::nullopt;
}

void Monitor::info(const std::string& what) {
  if (what == "vcpus") return info_vcpus();
  if (what == "irqs") return info_irqs();
  if (what == "tlb") return info_tlb();
  if (what != "mtree") {
    output_.print("info {}: expected vcpus, irqs, tlb or mtree\n", what);
    return;
  }
  for (const hal_sim::VmFile& vm : config_.vms) {
    output_.print("vm{} \"{}\"\n{}", vm.id, vm.name,
                  memory_map_text(vm, config_.sim.isa, hal_sim::plan_memory(config_)));
  }
}

void Monitor::info_vcpus() {
  for (std::size_t i = 0; i < host_.vm_count(); ++i) {
    VmBase& vm = host_.vm(i);
    for (std::uint32_t n = 0; n < vm.vcpu_num(); ++n) {
      const auto status = vm.vcpu_status(VcpuId(n));
      if (!status) continue;
      output_.print("vm{} vcpu{}: {}, {}, affinity {:#x}, pcpu{}, {} instructions\n", vm.id().value,
                    n, status->power == PowerState::On ? "on" : "off", to_string(status->state),
                    status->phys_id, host_.pcpu_of(vm.id(), VcpuId(n)).value_or(0),
                    grouped(host_.instructions_of(vm.id(), VcpuId(n))));
    }
  }
}

void Monitor::info_irqs() {
  InterruptFields fields(output_);
  for (std::size_t i = 0; i < host_.vm_count(); ++i) {
    output_.print("vm{}\n", host_.vm(i).id().value);
    host_.vm(i).describe(fields);
  }
}

void Monitor::info_tlb() {
  for (unsigned i = 0; i < host_.machine().pcpu_count(); ++i) {
    const sim::Statistics s = host_.machine().pcpu(i).statistics();
    output_.print("pcpu{}: {} of {} entries, {} hits, {} misses, {} evictions, {} walks\n", i,
                  s.tlb_entries, s.tlb_capacity, grouped(s.tlb_hits), grouped(s.tlb_misses),
                  grouped(s.tlb_evictions), grouped(s.walks));
  }
}

void Monitor::walk(const std::string& address) {
  const auto gva = hal_sim::parse_number(address);
  if (!gva) {
    output_.print("walk {}: expected an address\n", address);
    return;
  }
  const VmId vm = host_.vm(0).id();
  const auto pcpu = host_.pcpu_of(vm, VcpuId(0));
  if (!pcpu || !host_.load_registers(vm, VcpuId(0))) {
    output_.print("vcpu0 is switched off\n");
    return;
  }
  draw_walk(host_.machine(), *pcpu, *gva, output_);
}

void Monitor::snapshot(const std::string& file) {
  if (file.empty()) {
    output_.print("snapshot: expected a file\n");
  } else if (const auto saved = saver_.save(file); !saved) {
    output_.print("snapshot: {}\n", saved.error());
  } else {
    output_.print("saved to {}\n", file);
  }
}

}  // namespace axvm::tool
