#pragma once
// Events for trace viewers, in Chrome's JSON format (Perfetto reads it, too): VMs are processes,
// vCPUs threads, exits slices with what the VMM did nested in them.

#include <cstdint>
#include <functional>
#include <hal-sim/costs/exit_prices.hpp>
#include <hal-sim/trace/trace_sink.hpp>
#include <hal-sim/trace/trap_text.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace axvm::hal_sim {

/// The machine's side of what is shown. Both are asked while an exit begins.
struct ChromeSources {
  /// Each descriptor that translating the address of an abort reads, as a name.
  std::function<std::vector<std::string>(std::uint32_t pcpu, const TrapTaken& abort)> walk;
  /// What a model of the pCPU has counted so far, always by the same names; empty without a model.
  std::function<std::vector<std::pair<std::string_view, std::uint64_t>>(std::uint32_t pcpu)>
      counters;
};

/// On the time axis a nanosecond is one of guest time, in which exits take no time, and in an exit
/// a cycle of what it costs; each vCPU's clock is ahead of guest time by its exits.
class ChromeSink final : public TraceSink {
 public:
  ChromeSink(Isa isa, TextOutput output, ExitPrices prices, ChromeSources sources);

  void event(const Stamp& stamp, const Event& event) override;
  void unmaintained_code(const sim::UnmaintainedCode& event) override;
  void finish() override;

 private:
  using VcpuKey = std::pair<std::uint64_t, std::uint64_t>;
  struct Slice {
    std::string name;
    std::uint64_t begin = 0;
    std::uint64_t length = 0;
    std::string args;  // a JSON object
  };
  /// The last exit of a pCPU, of which nothing has been written yet.
  struct Exit {
    VcpuKey vcpu;
    std::vector<Slice> slices;  // the exit itself, then what is nested in it, in order of time
    std::uint64_t end = 0;      // of the last one
    std::string counted;        // since the exit before: the members of an object
  };
  struct Cpu {
    Exit exit;
    std::vector<std::uint64_t> counters;  // at its beginning
  };
  struct Vcpu {
    std::uint64_t ahead = 0;  // of guest time
    std::uint64_t end = 0;    // of its last exit
  };

  void begin(const Stamp& stamp, const TrapTaken& trap);
  void nest(Exit& exit, std::string name, std::uint64_t length, std::string args);
  void write(Exit& exit);
  /// What has been counted since the last call, and notes that.
  std::string counted(std::uint32_t pcpu, Cpu& cpu) const;
  void name_vcpu(VcpuKey vcpu);
  /// One event: the members of its object.
  void put(std::string_view members);

  const TrapText& traps_;
  TextOutput output_;
  ExitPrices prices_;
  ChromeSources sources_;
  std::vector<Cpu> cpus_;
  std::map<VcpuKey, Vcpu> vcpus_;
  bool first_ = true;
};

}  // namespace axvm::hal_sim
