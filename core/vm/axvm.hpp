#pragma once
// A virtual machine: configured memory, vCPUs and devices over one HAL.

#include <axvm/config.hpp>
#include <axvm/hal.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <concepts>
#include <core/vcpu/per_cpu.hpp>
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
/// Ref may be dropped on any CPU when none is inside run_vcpu for this VM.
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
  /// InvalidInput (VmConfig::validate says more), AlreadyExists (windows that contradict each
  /// other), Unsupported (a kind of device), ResourceBusy (host-physical memory), NoMemory.
  [[nodiscard]] static Result<Ref<AxVM>> create(H& hal, const VmConfig& config) {
    auto parts = VmBuilder<H, U>::build(hal, config);
    if (!parts) return std::unexpected(parts.error());
    auto vm = Ref<AxVM>::try_make(Allocator::of(hal), hal, std::move(*parts));
    if (vm) (*vm)->services_.report_state(to_string(VmStatus::Ready));
    return vm;
  }

  ~AxVM() override {
    // No CPU may use translations of this VM when its frames go back to the host.
    services_.with_memory([](Space&, Tlb& tlb) { tlb.retire(); });
  }

  [[nodiscard]] std::string_view name() const noexcept override { return parts_.name; }
  [[nodiscard]] VmStatus status() const noexcept override { return services_.status(); }

  Result<> boot() override {
    if (!services_.hal().this_cpu().is_enabled()) {
      return fail(ErrorKind::Unsupported, "boot"sv, "virtualization is not enabled on this CPU"sv);
    }
    if (!services_.change_status(VmStatus::Ready, VmStatus::Running)) {
      return fail(ErrorKind::BadState, "boot"sv, "the VM is running or shutting down"sv);
    }
    return {};
  }

  Result<> shutdown() override {
    if (services_.begin_shutdown()) return {};
    return fail(ErrorKind::BadState, "shutdown"sv, "the VM is already shutting down"sv);
  }

  Result<ExitReason> run_vcpu(VcpuId id) override {
    if (id.value >= vcpu_num()) return no_vcpu("run_vcpu"sv);
    VCpuType& vcpu = parts_.vcpus[id.value];
    PerCpu<U>& cpu = services_.hal().this_cpu();
    if (!running()) return fail(ErrorKind::BadState, "run_vcpu"sv, "the VM is not running"sv);
    if (!cpu.is_enabled()) {
      return fail(ErrorKind::BadState, "run_vcpu"sv, "virtualization is not enabled on this CPU"sv);
    }
    if (((vcpu.affinity_mask() >> (cpu.id().value & 63)) & 1) == 0) {
      return fail(ErrorKind::InvalidInput, "run_vcpu"sv, "its affinity excludes this CPU"sv);
    }
    auto binding = VCpuBinding::bind(vcpu.state());
    if (!binding) return std::unexpected(binding.error());
    if (vcpu.power() != PowerState::On) {
      return fail(ErrorKind::BadState, "run_vcpu"sv, "the vCPU is powered off"sv);
    }
    if (auto loaded = cpu.load(vcpu, parts_.controls); !loaded) {
      return std::unexpected(loaded.error());
    }
    return Arch::run(services_, vcpu, cpu.hardware());
  }

  Result<> unload_vcpu(VcpuId id) override {
    if (id.value >= vcpu_num()) return no_vcpu("unload_vcpu"sv);
    VCpuType& vcpu = parts_.vcpus[id.value];
    auto binding = VCpuBinding::bind(vcpu.state());
    if (!binding) return std::unexpected(binding.error());
    if (vcpu.residence() == nullptr) return {};
    PerCpu<U>& cpu = services_.hal().this_cpu();
    if (vcpu.residence() != &cpu) {
      return fail(ErrorKind::ResourceBusy, "unload_vcpu"sv, "its registers are in another CPU"sv);
    }
    cpu.unload();
    return {};
  }

  [[nodiscard]] std::size_t vcpu_num() const noexcept override { return parts_.vcpus.size(); }
  [[nodiscard]] Result<VcpuStatus> vcpu_status(VcpuId id) const override {
    if (id.value >= vcpu_num()) return no_vcpu("vcpu_status"sv);
    const VCpuType& vcpu = parts_.vcpus[id.value];
    return VcpuStatus{vcpu.state().state(), vcpu.power(), vcpu.phys_id(), vcpu.affinity_mask()};
  }

  Result<> get_image_load_region(GuestPhysAddr gpa, std::uint64_t size,
                                 GuestSpanVisitor visit) override {
    auto visited = services_.with_memory(
        [&](Space& space, Tlb& tlb) { return space.visit({gpa, size}, tlb, visit); });
    if (visited) services_.hal().this_cpu().hardware().publish_instructions();
    return visited;
  }
  Result<> read_from_guest(GuestPhysAddr gpa, std::span<std::byte> to) override {
    return services_.with_memory([&](Space& space, Tlb&) { return space.read(gpa, to); });
  }
  Result<> write_to_guest(GuestPhysAddr gpa, std::span<const std::byte> from) override {
    return services_.with_memory(
        [&](Space& space, Tlb& tlb) { return space.write(gpa, from, tlb); });
  }
  [[nodiscard]] HostPhysAddr ept_root() const noexcept override { return parts_.space.root(); }
  [[nodiscard]] std::optional<HostPhysAddr> translate(GuestPhysAddr gpa) override {
    return services_.with_memory([&](Space& space, Tlb&) { return space.translate(gpa); });
  }

  [[nodiscard]] std::size_t device_count() const noexcept override { return parts_.devices.size(); }
  [[nodiscard]] InterruptMode interrupt_mode() const noexcept override {
    return parts_.interrupt_mode;
  }

  void describe(StateVisitor& visitor) override {
    services_.describe(visitor);
    for (std::size_t i = 0; i < parts_.devices.size(); ++i) {
      visitor.enter(parts_.devices[i]->name(), i);
      parts_.devices[i]->describe(visitor);
      visitor.leave();
    }
  }

 protected:
  AxVM(H& hal, VmParts<H, U> parts) noexcept
      : VmBase(parts.id), parts_(std::move(parts)), services_(hal, parts_) {}

 private:
  static std::unexpected<Error> no_vcpu(std::string_view operation) noexcept {
    return fail(ErrorKind::InvalidInput, operation, "the VM has no vCPU of this number"sv);
  }

  VmParts<H, U> parts_;
  Services services_;
};

}  // namespace axvm
