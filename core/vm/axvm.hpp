#pragma once
// A virtual machine: configured memory, vCPUs and devices over one HAL.

#include <atomic>
#include <axvm/config.hpp>
#include <axvm/hal.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <concepts>
#include <core/vcpu/per_cpu.hpp>
#include <core/vm/run_control.hpp>
#include <core/vm/vm_base.hpp>
#include <core/vm/vm_builder.hpp>
#include <core/vm/vm_services.hpp>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace axvm {

/// `H` is the host of the VMM, `U` the virtualization hardware of one CPU; `U::Arch` says how
/// everything architectural is done, and `H::PerCpu` is PerCpu<U>.
///
/// Calls of one VM may come from several CPUs at once; each vCPU runs on one at a time. The last
/// Ref may be dropped on any CPU when none is inside run_vcpu for this VM: CPUs that still hold
/// registers of its vCPUs or its stage-2 table are made to drop them.
template <VmHal H, class U>
class AxVM : public VmBase {
  static_assert(std::same_as<typename H::PerCpu, PerCpu<U>>);
  using Services = VmServices<H, U>;
  using Space = typename Services::Space;
  using Tlb = typename Services::Tlb;
  using VCpuType = VCpu<U>;

 public:
  using Arch = typename U::Arch;

  /// Makes everything the configuration asks for, or nothing. `hal` outlives the VM. Memory is
  /// zeroed; vCPU 0 is on, the others are off. No VM with the same id may exist. Errors:
  /// InvalidInput (VmConfig::validate says more), Unsupported (a kind of device), ResourceBusy
  /// (host-physical memory), NoMemory.
  [[nodiscard]] static Result<Ref<AxVM>> create(H& hal, const VmConfig& config) {
    auto parts = VmBuilder<H, U>::build(hal, config);
    if (!parts) return std::unexpected(parts.error());
    auto vm = Ref<AxVM>::try_make(Allocator::of(hal), hal, std::move(*parts));
    if (vm) (*vm)->control().report();
    return vm;
  }

  ~AxVM() override {
    if (parts_) give_back();
  }

  [[nodiscard]] std::string_view name() const noexcept override {
    return parts_ ? parts_->name : std::string_view();
  }
  [[nodiscard]] VmStatus status() const noexcept override { return services_.status(); }
  [[nodiscard]] VmStopReason stop_reason() const noexcept override {
    return services_.stop_reason();
  }

  // --- life cycle ---------------------------------------------------------------------------

  Result<> prepare() override {
    if (auto begun = control().take(VmStep::Prepare); !begun) return begun;
    reset_parts();
    return control().take(VmStep::FinishPrepare);
  }

  Result<> start() override {
    if (!services_.hal().this_cpu().is_enabled()) {
      return fail(ErrorKind::Unsupported, "start"sv, "virtualization is not enabled on this CPU"sv);
    }
    if (status() == VmStatus::Stopped) {
      if (auto prepared = prepare(); !prepared) return prepared;
    }
    return control().take(VmStep::Start);
  }

  Result<> pause() override { return control().take(VmStep::Pause); }
  Result<> resume() override { return control().take(VmStep::Resume); }
  Result<> stop(VmStopReason reason) override { return control().stop(reason); }

  Result<> reset(ImageLoader load_images) override {
    stop_if_active();
    if (auto begun = control().take(VmStep::Prepare); !begun) return begun;
    services_.leave_channels();
    services_.with_memory([](Space& space, Tlb& tlb) { space.clear(tlb); });
    services_.hal().this_cpu().hardware().publish_instructions();
    reset_parts();
    const auto loaded = load_images(*this);
    const auto ended = control().take(loaded ? VmStep::FinishPrepare : VmStep::AbortPrepare);
    return loaded ? ended : loaded;
  }

  Result<> destroy() override {
    stop_if_active();
    if (auto begun = control().take(VmStep::Destroy); !begun) return begun;
    if (status() == VmStatus::Destroyed) return {};
    give_back();
    return control().take(VmStep::FinishDestroy);
  }

  // --- vCPUs --------------------------------------------------------------------------------

  Result<ExitReason> run_vcpu(VcpuId id) override {
    if (!running()) return fail(ErrorKind::BadState, "run_vcpu"sv, "the VM is not running"sv);
    if (id.value >= vcpu_num()) return no_vcpu("run_vcpu"sv);
    VCpuType& vcpu = parts_->vcpus[id.value];
    PerCpu<U>& cpu = services_.hal().this_cpu();
    if (!cpu.is_enabled()) {
      return fail(ErrorKind::BadState, "run_vcpu"sv, "virtualization is not enabled on this CPU"sv);
    }
    if (((vcpu.affinity_mask() >> (cpu.id().value & 63)) & 1) == 0) {
      return fail(ErrorKind::InvalidInput, "run_vcpu"sv, "its affinity excludes this CPU"sv);
    }
    const Departure departure(control());
    auto binding = VCpuBinding::bind(vcpu.state());
    if (!binding) return std::unexpected(binding.error());
    // Whoever has stopped the VM since has seen this vCPU Running, or is seen here.
    if (!running()) return fail(ErrorKind::BadState, "run_vcpu"sv, "the VM is not running"sv);
    if (vcpu.power() != PowerState::On) {
      return fail(ErrorKind::BadState, "run_vcpu"sv, "the vCPU is powered off"sv);
    }
    if (cpu.resident() != &vcpu) [[unlikely]] {
      if (auto loaded = load(vcpu, cpu); !loaded) return std::unexpected(loaded.error());
      // Or has not known yet that this is the CPU to kick.
      if (!running()) return fail(ErrorKind::BadState, "run_vcpu"sv, "the VM is not running"sv);
    }
    return Arch::run(services_, vcpu, cpu.hardware());
  }

  Result<> unload_vcpu(VcpuId id) override {
    if (id.value >= vcpu_num()) return no_vcpu("unload_vcpu"sv);
    VCpuType& vcpu = parts_->vcpus[id.value];
    const Departure departure(control());
    auto binding = VCpuBinding::bind(vcpu.state());
    if (!binding) return std::unexpected(binding.error());
    fetch(vcpu);
    return {};
  }

  Result<> inject_interrupt(VcpuId id, std::uint32_t intid) override {
    if (!is_active()) {
      return fail(ErrorKind::BadState, "inject_interrupt"sv, "the VM is not running"sv);
    }
    if (id.value >= vcpu_num()) return no_vcpu("inject_interrupt"sv);
    if (intid >= Arch::kInterruptCount) {
      return fail(ErrorKind::InvalidInput, "inject_interrupt"sv, "no interrupt has this number"sv);
    }
    if (!services_.emulates_interrupts()) {
      return fail(ErrorKind::Unsupported, "inject_interrupt"sv,
                  "the VM has no emulated interrupts"sv);
    }
    services_.inject(id, intid);
    return {};
  }

  Result<> inject_message(std::uint32_t device, std::uint32_t event) override {
    if (!is_active()) {
      return fail(ErrorKind::BadState, "inject_message"sv, "the VM is not running"sv);
    }
    return services_.inject_message(device, event);
  }

  [[nodiscard]] std::size_t vcpu_num() const noexcept override {
    return parts_ ? parts_->vcpus.size() : 0;
  }
  [[nodiscard]] Result<VcpuStatus> vcpu_status(VcpuId id) const override {
    if (id.value >= vcpu_num()) return no_vcpu("vcpu_status"sv);
    const VCpuType& vcpu = parts_->vcpus[id.value];
    return VcpuStatus{vcpu.state().state(), vcpu.power(), vcpu.phys_id(), vcpu.affinity_mask()};
  }

  // --- guest memory -------------------------------------------------------------------------

  Result<> get_image_load_region(GuestPhysAddr gpa, std::uint64_t size,
                                 GuestSpanVisitor visit) override {
    if (!parts_) return destroyed("get_image_load_region"sv);
    auto visited = services_.with_memory(
        [&](Space& space, Tlb& tlb) { return space.visit({gpa, size}, tlb, visit); });
    if (visited) services_.hal().this_cpu().hardware().publish_instructions();
    return visited;
  }
  Result<> read_from_guest(GuestPhysAddr gpa, std::span<std::byte> to) override {
    return in_space("read_from_guest"sv, [&](Space& space, Tlb&) { return space.read(gpa, to); });
  }
  Result<> write_to_guest(GuestPhysAddr gpa, std::span<const std::byte> from) override {
    return in_space("write_to_guest"sv,
                    [&](Space& space, Tlb& tlb) { return space.write(gpa, from, tlb); });
  }
  Result<> map_region(GuestPhysRange range, HostPhysAddr hpa, MappingFlags flags) override {
    return in_space("map_region"sv, [&](Space& space, Tlb& tlb) {
      return space.map_linear(range, hpa, flags, tlb);
    });
  }
  Result<> unmap_region(GuestPhysRange range) override {
    return in_space("unmap_region"sv,
                    [&](Space& space, Tlb& tlb) { return space.unmap(range, tlb); });
  }
  Result<> protect_region(GuestPhysRange range, MappingFlags access) override {
    return in_space("protect_region"sv,
                    [&](Space& space, Tlb& tlb) { return space.protect(range, access, tlb); });
  }
  Result<> memory_regions(FunctionRef<void(const Region&)> visit) override {
    return in_space("memory_regions"sv, [&](Space& space, Tlb&) -> Result<> {
      for (const Region& region : space.regions()) visit(region);
      return {};
    });
  }
  Result<> start_dirty_log(GuestPhysRange range) override {
    return in_space("start_dirty_log"sv,
                    [&](Space& space, Tlb& tlb) { return space.start_dirty_log(range, tlb); });
  }
  Result<> take_dirty_log(GuestPhysRange range, std::span<std::uint64_t> bits) override {
    return in_space("take_dirty_log"sv,
                    [&](Space& space, Tlb& tlb) { return space.take_dirty_log(range, bits, tlb); });
  }
  Result<> stop_dirty_log(GuestPhysRange range) override {
    return in_space("stop_dirty_log"sv,
                    [&](Space& space, Tlb& tlb) { return space.stop_dirty_log(range, tlb); });
  }
  [[nodiscard]] HostPhysAddr ept_root() const noexcept override {
    return parts_ ? parts_->space.root() : HostPhysAddr();
  }
  [[nodiscard]] std::optional<HostPhysAddr> translate(GuestPhysAddr gpa) override {
    if (!parts_) return std::nullopt;
    return services_.with_memory([&](Space& space, Tlb&) { return space.translate(gpa); });
  }

  void poll_devices() override {
    if (parts_) services_.poll_devices();
  }
  [[nodiscard]] std::optional<std::uint64_t> device_deadline() override {
    return parts_ ? services_.device_deadline() : std::nullopt;
  }
  [[nodiscard]] std::size_t device_count() const noexcept override {
    return parts_ ? parts_->devices.size() : 0;
  }
  [[nodiscard]] InterruptMode interrupt_mode() const noexcept override {
    return parts_ ? parts_->interrupt_mode : InterruptMode::NoIrq;
  }

  void describe(StateVisitor& visitor) override {
    control().describe(visitor);
    if (!parts_) return;
    std::uint64_t used = used_cpus_.load(std::memory_order_relaxed);
    visitor.field("used_cpus"sv, used);
    used_cpus_.store(used, std::memory_order_relaxed);
    services_.describe(visitor);
    for (std::size_t i = 0; i < parts_->devices.size(); ++i) {
      visitor.enter(parts_->devices[i]->name(), i);
      parts_->devices[i]->describe(visitor);
      visitor.leave();
    }
  }

 protected:
  AxVM(H& hal, VmParts<H, U> parts) noexcept
      : VmBase(parts.id), parts_(std::move(parts)), services_(hal, *parts_) {
    parts_->device_host->attach(services_);
  }

 private:
  using Control = RunControl<H, U>;

  /// Completes, once the vCPU is free again, what has waited for it to leave the guest.
  class Departure {
   public:
    explicit Departure(Control& control) noexcept : control_(control) {}
    Departure(const Departure&) = delete;
    Departure& operator=(const Departure&) = delete;
    ~Departure() { control_.left_guest(); }

   private:
    Control& control_;
  };

  static std::unexpected<Error> no_vcpu(std::string_view operation) noexcept {
    return fail(ErrorKind::InvalidInput, operation, "the VM has no vCPU of this number"sv);
  }
  static std::unexpected<Error> destroyed(std::string_view operation) noexcept {
    return fail(ErrorKind::BadState, operation, "the VM is destroyed"sv);
  }

  /// `f(space, tlb)` under the address space's lock, unless the VM is destroyed.
  template <class F>
  Result<> in_space(std::string_view operation, F&& f) {
    if (!parts_) return destroyed(operation);
    return services_.with_memory(std::forward<F>(f));
  }

  [[nodiscard]] Control& control() noexcept { return services_.run_control(); }

  /// Makes `vcpu`, which is Running and resident elsewhere or nowhere, resident in `cpu`.
  Result<> load(VCpuType& vcpu, PerCpu<U>& cpu) {
    fetch(vcpu);
    used_cpus_.fetch_or(1ULL << (cpu.id().value & 63), std::memory_order_relaxed);
    cpu.unload();
    cpu.end_forwarded(services_.hal());
    return cpu.load(vcpu, parts_->controls);
  }
  /// Moves the registers of `vcpu`, which is Running, into memory.
  void fetch(VCpuType& vcpu) {
    PerCpu<U>* const there = vcpu.residence();
    if (there == nullptr) return;
    services_.hal().call_on(there->id(), [&] { there->unload(vcpu); });
  }

  /// Runs, or can be made to by resume.
  [[nodiscard]] bool is_active() const noexcept {
    const VmStatus now = status();
    return now == VmStatus::Running || now == VmStatus::Pausing || now == VmStatus::Paused;
  }
  /// A failure is the next step's to report.
  void stop_if_active() {
    if (is_active()) static_cast<void>(control().stop(VmStopReason::Forced));
  }

  /// vCPUs and devices as when they were made. None is Running, none can become so.
  void reset_parts() {
    for (VCpuType& vcpu : parts_->vcpus) {
      if (PerCpu<U>* const there = vcpu.residence()) {
        services_.hal().call_on(there->id(), [&] { there->forget(vcpu); });
      }
      vcpu.reset();
    }
    services_.reset_devices();
    parts_->interrupt_controller->reset();
  }

  /// Takes the VM from every CPU, then frees all it owns.
  void give_back() {
    H& hal = services_.hal();
    const std::uint64_t used = used_cpus_.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < 64; ++i) {
      if (((used >> i) & 1) == 0) continue;
      hal.call_on(PcpuId(i), [&] {
        PerCpu<U>& cpu = hal.this_cpu();
        for (const VCpuType& vcpu : parts_->vcpus) cpu.forget(vcpu);
        Tlb(cpu.hardware(), parts_->controls).give_up();
      });
    }
    // No walk finds the table any more; no CPU may hold what earlier ones have found.
    services_.with_memory([](Space&, Tlb& tlb) { tlb.invalidate_all(); });
    services_.leave_channels();
    parts_.reset();
  }

  std::optional<VmParts<H, U>> parts_;  ///< nothing once destroyed
  Services services_;
  std::atomic<std::uint64_t> used_cpus_{0};  ///< that have had the stage-2 table, one bit each
};

}  // namespace axvm
