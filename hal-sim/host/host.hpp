#pragma once
// Runs VMs on a simulated machine: places vCPUs on pCPUs, gives turns, stops where it is told to.

#include <array>
#include <core/vm/vm_base.hpp>
#include <cstdint>
#include <expected>
#include <functional>
#include <hal-sim/backends/backends.hpp>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/costs/exit_meter.hpp>
#include <hal-sim/host/choices.hpp>
#include <hal-sim/host/stop.hpp>
#include <hal-sim/load/image.hpp>
#include <hal-sim/load/load_plan.hpp>
#include <hal-sim/platform.hpp>
#include <hal-sim/record/machine_identity.hpp>
#include <hal-sim/sim_hal.hpp>
#include <hal-sim/snapshot/snapshot.hpp>
#include <hal-sim/trace/trace.hpp>
#include <memory>
#include <sim/machine.hpp>
#include <sim/timing/profile.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::hal_sim {

class Host;

struct HostOptions {
  ImageSearch images;
  /// Perturbs the engines' caches and stops at random points; nothing visible may change. 0: off.
  std::uint64_t chaos = 0;
  /// Timing fidelity: a model of this processor watches each pCPU, without changing anything that
  /// is visible. Nothing: the functional fidelity.
  std::optional<sim::timing::Profile> timing;
  /// Called when the machine is there and the VMs are not: to add sinks that see everything.
  std::function<void(Host&)> prepare;
  /// Default: DeterministicChoices of the configuration's turn length.
  std::unique_ptr<Choices> choices;
  /// The machine goes on from here; images are loaded only when a VM is reset. Null: it boots.
  const Snapshot* snapshot = nullptr;
};

/// What a run has cost so far. Observation only.
struct RunStatistics {
  Isa isa = Isa::Aarch64;  ///< of the guests
  std::uint64_t instructions = 0;
  std::uint64_t time_ns = 0;  ///< the latest pCPU's
  sim::Statistics machine;    ///< summed over pCPUs
  ExitCounts exits;           ///< summed over pCPUs
  /// By ExitKind, with the prices of HostOptions::timing; nothing when it has none.
  std::optional<std::array<ExitMeter::Row, kExitKinds>> exit_costs;
  std::uint32_t interface_cycles = 0;  ///< of each of machine.interface_accesses
  /// Where the first line of code ran without instruction cache maintenance, if any did; their
  /// number is `machine.unmaintained_lines`.
  std::optional<std::uint64_t> unmaintained_pc;
};

/// Owns a machine, its HAL and the VMs on it. Any number of hosts may exist side by side. Nothing
/// here owns the main loop: `run` returns at any instruction the caller names.
///
/// Time goes in rounds. In each round every pCPU, in order, runs until the round's end in its own
/// guest time; on it one of the vCPUs placed there has a turn. A turn ends early when the vCPU
/// waits (WFI), yields (WFE) or switches off; what is left of the round is for the others there. So
/// no pCPU's clock is ever more than a round ahead of another's. Input arrives, and devices that
/// wanted to be polled by then are polled, before a round.
class Host {
 public:
  /// Makes the machine and the VMs, loads the images and boots. The findings name the files' lines.
  [[nodiscard]] static std::expected<std::unique_ptr<Host>, std::vector<Diagnostic>> create(
      const MachineConfig& config, HostOptions options = {});
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Runs until a condition is met or nothing can follow. After a final reason, returns it again.
  StopReason run(const StopCondition& until = {});

  /// Puts the vCPU's registers into its pCPU, as if it had been stopped there, without running it;
  /// then the MMU can be asked what it would see. False when it is switched off.
  bool load_registers(VmId vm, VcpuId vcpu);

  // What somebody at the machine's controls may do between runs. Errors are one line for the user;
  // nothing has changed then, but for a reset whose images cannot be loaded: the VM is stopped.
  std::expected<void, std::string> pause(VmId vm);
  std::expected<void, std::string> resume(VmId vm);
  std::expected<void, std::string> stop_vm(VmId vm);
  /// Whatever state the VM is in: images loaded again, running from its entry point.
  std::expected<void, std::string> reset(VmId vm);
  /// `intid`: 0..1019.
  std::expected<void, std::string> inject_interrupt(VmId vm, VcpuId vcpu, std::uint32_t intid);

  /// Writes the machine to a file, between runs: HostOptions::snapshot goes on from there. Nothing
  /// changes. Errors, one line: the file cannot be written, a run has ended for good, a disk is
  /// written in place.
  std::expected<void, std::string> save(const std::string& file, const MachineIdentity& machine);

  /// Queues bytes for a VM's console, lets its devices look, and wakes its waiting vCPUs (WFI may
  /// end without a reason).
  void send(VmId vm, std::string_view text);

  [[nodiscard]] std::size_t vm_count() const noexcept { return vms_.size(); }
  /// In the order of the configuration.
  [[nodiscard]] VmBase& vm(std::size_t index) noexcept { return *vms_[index]; }
  [[nodiscard]] ConsolePort& console(VmId vm) { return hal_->console(vm); }
  /// Of the machine and its guests.
  [[nodiscard]] Isa isa() const noexcept { return isa_; }
  [[nodiscard]] sim::Machine& machine() noexcept { return *machine_; }
  [[nodiscard]] SimHal& hal() noexcept { return *hal_; }
  /// Sinks may be added at any time.
  [[nodiscard]] Trace& trace() noexcept { return trace_; }
  /// The pCPU of a vCPU; nothing when there is no such vCPU.
  [[nodiscard]] std::optional<unsigned> pcpu_of(VmId vm, VcpuId vcpu) const;
  /// Instructions retired by a vCPU; 0 when there is no such vCPU.
  [[nodiscard]] std::uint64_t instructions_of(VmId vm, VcpuId vcpu) const;
  [[nodiscard]] RunStatistics statistics() const;
  /// As SimHal::instruction_at; nothing when there is no such pCPU.
  [[nodiscard]] std::optional<std::uint32_t> instruction_at(unsigned pcpu, std::uint64_t va) const;

  /// Hash of everything that decides the future: machine, VMs, consoles, schedule.
  [[nodiscard]] std::string state_hash();

 private:
  struct Vcpu {
    std::size_t vm = 0;  // index into vms_
    VcpuId id;
    std::uint64_t affinity_mask = 0;
    unsigned pcpu = 0;
    bool on = false;
    bool waiting = false;
    bool nudged = false;  // input has come while it ran: its next WFI does not wait
    std::optional<std::uint64_t> wake_time{};  // guest time at which it waits no longer
    std::uint64_t not_before = 0;              // guest time at which it was started or woken
    std::uint64_t instructions = 0;
    std::uint64_t last_round = 0;  // in which it had a turn
  };
  explicit Host(std::unique_ptr<Choices> choices);
  void install(Platform platform);
  std::expected<void, Diagnostic> add_vm(const VmFile& file, bool loads_images);
  std::expected<void, std::string> restore(const Snapshot& snapshot);
  /// Makes the VM's load plan, if it has none yet.
  std::expected<void, std::string> plan_images(std::size_t vm);

  /// Guest time from which the vCPU can run; nothing while nothing is known that would make it.
  [[nodiscard]] std::optional<std::uint64_t> ready_at(const Vcpu& vcpu) const;
  [[nodiscard]] std::optional<std::uint64_t> next_event() const;
  [[nodiscard]] std::uint64_t latest_time() const;
  [[nodiscard]] StopReason nothing_to_run() const;
  std::optional<StopReason> turn();
  void begin_turn();
  /// `used`: the vCPU could have gone on.
  void end_turn(bool used);
  void end_turn_of(std::size_t vm);
  bool begin_round();
  void begin_round(std::uint64_t earliest);
  void take_input();
  void poll_due_devices(std::uint64_t time);
  /// The VMM runs on `pcpu` from now on, and its clock says `time` at least.
  void go_to(unsigned pcpu, std::uint64_t time);
  /// Frames that VMs sent in the last round reach the others.
  void deliver_frames();
  void migrate();
  void wake(VmId vm, VcpuId id);
  std::optional<StopReason> run_current();
  std::optional<StopReason> after_exit(const ExitReason& reason);
  std::optional<StopReason> condition_met() const;
  [[nodiscard]] std::uint64_t instruction_limit() const;
  [[nodiscard]] std::uint64_t total_instructions() const;
  std::optional<StopReason> power_off(std::size_t vm, bool reset_wanted);
  [[nodiscard]] bool all_shut_down() const;
  [[nodiscard]] std::optional<std::size_t> index_of(VmId vm) const;
  [[nodiscard]] std::expected<std::size_t, std::string> require(VmId vm) const;
  [[nodiscard]] StopReason stop(StopKind kind, std::string text) const;
  [[nodiscard]] const Vcpu* find(VmId vm, VcpuId vcpu) const;
  /// Nanoseconds of guest time and instructions are the same thing to a pCPU that does not idle.
  [[nodiscard]] static std::uint64_t room(std::uint64_t limit, std::uint64_t now) noexcept {
    return limit > now ? limit - now : 0;
  }
  // host_state.cpp
  void describe_vcpu(Vcpu& vcpu, StateVisitor& visitor);
  void describe_queue(std::vector<std::size_t>& queue, StateVisitor& visitor);
  void describe_schedule(StateVisitor& visitor);
  void describe_vmm(StateVisitor& visitor);
  void describe_host(StateVisitor& visitor);

  Isa isa_ = Isa::Aarch64;
  Trace trace_;
  std::unique_ptr<Choices> choices_;
  std::unique_ptr<sim::Machine> machine_;
  std::unique_ptr<SimHal> hal_;
  std::unique_ptr<Backends> backends_;
  std::vector<Ref<VmBase>> vms_;
  ImageSearch images_;
  std::vector<VmFile> files_;                   // per VM
  std::vector<std::optional<LoadPlan>> plans_;  // per VM: its images, once they are needed
  std::optional<std::uint64_t> max_resets_;     // none: no limit
  std::uint64_t resets_ = 0;                    // that guests have asked for and got

  std::vector<Vcpu> vcpus_;
  /// Per pCPU the vCPUs placed there, the one that has waited longest first.
  std::vector<std::vector<std::size_t>> queues_;
  std::vector<unsigned> load_;  // vCPUs per pCPU
  bool can_migrate_ = false;
  std::uint64_t rounds_ = 0;
  std::uint64_t round_begin_ = 0;
  std::uint64_t round_end_ = 0;
  bool round_was_used_ = true;          // some vCPU had more to do than the round had room for
  unsigned next_pcpu_ = 0;              // whose turn it is
  std::optional<std::size_t> current_;  // the vCPU whose turn has begun, index into vcpus_

  std::optional<std::uint64_t> unmaintained_pc_;  // the first
  const ExitMeter* exit_meter_ = nullptr;         // in trace_; null without prices
  const StopCondition* until_ = nullptr;
  bool console_matched_ = false;
  std::optional<StopReason> final_;
};

}  // namespace axvm::hal_sim
