#include <fmt/format.h>

#include <algorithm>
#include <axvm/event_fields.hpp>
#include <hal-sim/trace/chrome_sink.hpp>
#include <hal-sim/trace/json_sink.hpp>
#include <nlohmann/json.hpp>
#include <sim/timing/cost_model.hpp>

namespace axvm::hal_sim {
namespace {

// Microseconds, as the format wants them.
std::string time_text(std::uint64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

// Unique among all processes: some viewers ask for that.
std::uint64_t thread_id(std::pair<std::uint64_t, std::uint64_t> vcpu) {
  return vcpu.first * 1000 + vcpu.second;
}

// Devices are called what a config calls them.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

struct NestedName {
  std::string operator()(const TrapTaken&) const { return {}; }
  std::string operator()(const DeviceAccess& e) const {
    const std::string_view device = e.device.empty() ? axvm::to_string(e.bus) : e.device;
    return fmt::format("{} {}", device, e.is_write ? "write" : "read");
  }
  std::string operator()(const FirmwareCall& e) const {
    return e.name.empty() ? "unknown call" : std::string(e.name);
  }
  std::string operator()(const PageMapped&) const { return "page mapped"; }
  std::string operator()(const ExceptionInjected& e) const {
    return fmt::format("exception injected: {}", e.reason);
  }
  std::string operator()(const StateChanged& e) const { return std::string(e.state); }
  std::string operator()(const TablesChanged&) const { return "tables changed"; }
};

std::string_view name_of(const Stamp& stamp, const TrapTaken& trap, const TrapText& traps) {
  if (stamp.host) return "end of turn";
  return traps.is_interrupt(trap) ? "interrupt" : traps.name(trap);
}

}  // namespace

ChromeSink::ChromeSink(Isa isa, TextOutput output, ExitPrices prices, ChromeSources sources)
    : traps_(trap_text(isa)),
      output_(std::move(output)),
      prices_(std::move(prices)),
      sources_(std::move(sources)) {
  output_("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
}

void ChromeSink::put(std::string_view members) {
  output_(fmt::format("{}{{{}}}", first_ ? "" : ",\n", members));
  first_ = false;
}

void ChromeSink::name_vcpu(VcpuKey vcpu) {
  if (vcpus_.contains(vcpu)) return;
  vcpus_[vcpu] = {};
  const auto [vm, number] = vcpu;
  put(fmt::format(R"("ph":"M","name":"process_name","pid":{},"args":{{"name":"vm{}"}})", vm, vm));
  put(fmt::format(R"("ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":"vcpu{}"}})",
                  vm, thread_id(vcpu), number));
}

void ChromeSink::nest(Exit& exit, std::string name, std::uint64_t length, std::string args) {
  exit.slices.push_back({std::move(name), exit.end, length, std::move(args)});
  exit.end += length;
}

std::string ChromeSink::counted(std::uint32_t pcpu, Cpu& cpu) const {
  const auto now = sources_.counters(pcpu);
  cpu.counters.resize(now.size());
  std::string text;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto& [name, value] = now[i];
    text += fmt::format("{}\"{}\":{}", i == 0 ? "" : ",", name,
                        value - std::exchange(cpu.counters[i], value));
  }
  return text;
}

void ChromeSink::begin(const Stamp& stamp, const TrapTaken& trap) {
  Cpu& cpu = cpus_[stamp.pcpu];
  write(cpu.exit);
  const VcpuKey key{trap.vm.value, trap.vcpu.value};
  // Where the vCPU was before: its time goes on from there.
  for (Cpu& other : cpus_) {
    if (!other.exit.slices.empty() && other.exit.vcpu == key) write(other.exit);
  }
  name_vcpu(key);
  Vcpu& vcpu = vcpus_[key];
  Exit& exit = cpu.exit;
  exit = {};
  exit.vcpu = key;
  exit.end = std::max(stamp.time_ns + vcpu.ahead, vcpu.end);
  exit.counted = counted(stamp.pcpu, cpu);
  exit.slices.push_back(
      {std::string(name_of(stamp, trap, traps_)), exit.end, 0, to_json(stamp, trap)});
  if (traps_.is_stage2_fault(trap)) {
    const std::vector<std::string> steps = sources_.walk(stamp.pcpu, trap);
    const std::uint64_t each = sim::CostModel{}.descriptor;
    if (!steps.empty()) {
      nest(exit, "walk", 0, "{}");
      exit.slices.back().length = steps.size() * each;
    }
    for (const std::string& step : steps) nest(exit, step, each, "{}");
  }
  nest(exit, "world switch", prices_.cycles_of(trap), "{}");
  if (stamp.host) write(exit);  // what follows is of other turns
}

void ChromeSink::event(const Stamp& stamp, const Event& event) {
  if (stamp.pcpu >= cpus_.size()) cpus_.resize(stamp.pcpu + 1);
  if (const auto* const trap = std::get_if<TrapTaken>(&event)) return begin(stamp, *trap);
  Exit& exit = cpus_[stamp.pcpu].exit;
  if (exit.slices.empty()) return;  // the VMM's own doing, not this exit's
  nest(exit, std::visit(NestedName{}, event), prices_.cycles_of(event), to_json(stamp, event));
}

void ChromeSink::write(Exit& exit) {
  if (exit.slices.empty()) return;
  Slice& whole = exit.slices.front();
  whole.length = exit.end - whole.begin;
  Vcpu& vcpu = vcpus_[exit.vcpu];
  vcpu.end = exit.end;
  vcpu.ahead += whole.length;
  const auto [vm, number] = exit.vcpu;
  const std::string where = fmt::format(R"("pid":{},"tid":{})", vm, thread_id(exit.vcpu));
  // As beginnings and ends: a viewer that adds lengths to beginnings, which are fractions, may find
  // a slice to end behind the one that holds it. Some know ends by name and arguments.
  const auto mark = [&](char phase, const Slice& slice, std::uint64_t time) {
    put(fmt::format(R"("ph":"{}","name":{},{},"ts":{},"args":{})", phase, quoted(slice.name), where,
                    time_text(time), slice.args));
  };
  std::vector<const Slice*> open;
  const auto close_until = [&](std::size_t depth, std::uint64_t time) {
    for (; open.size() > depth && open.back()->begin + open.back()->length <= time;
         open.pop_back()) {
      mark('E', *open.back(), open.back()->begin + open.back()->length);
    }
  };
  for (const Slice& slice : exit.slices) {
    close_until(1, slice.begin);
    mark('B', slice, slice.begin);
    open.push_back(&slice);
  }
  close_until(0, exit.end);
  if (!exit.counted.empty()) {
    put(fmt::format(R"("ph":"C","name":"vcpu{}","pid":{},"ts":{},"args":{{{}}})", number, vm,
                    time_text(whole.begin), exit.counted));
  }
  exit = {};
}

void ChromeSink::unmaintained_code(const sim::UnmaintainedCode& event) {
  put(fmt::format(
      R"("ph":"i","s":"g","name":"unmaintained code","pid":0,"tid":0,"ts":{},"args":{})",
      time_text(event.time_ns), to_json(event)));
}

void ChromeSink::finish() {
  for (Cpu& cpu : cpus_) write(cpu.exit);
  output_("\n]}\n");
}

}  // namespace axvm::hal_sim
