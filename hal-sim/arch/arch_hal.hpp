#pragma once
// The core's HAL for the VMs of one architecture.

#include <axvm/hal.hpp>
#include <core/vcpu/per_cpu.hpp>
#include <core/vm/axvm.hpp>
#include <cstdint>
#include <hal-sim/sim_hal.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace axvm::hal_sim {

/// `Cpu` is the core's view of one CPU's virtualization hardware, made of a pCPU of its `Machine`;
/// besides, it has acknowledge_irq() and end_irq() of the physical interrupt controller's part for
/// this CPU, is_interrupt(TrapTaken), exits() and instruction_at().
template <class Cpu>
class ArchHal final : public SimHal {
 public:
  using PerCpu = axvm::PerCpu<Cpu>;
  using Machine = typename Cpu::Machine;

  /// All outlive the HAL.
  ArchHal(Machine& machine, Choices& choices, Trace& trace) : SimHal(machine, choices, trace) {
    for (unsigned i = 0; i < machine.pcpu_count(); ++i) {
      cpus_.push_back(std::make_unique<Cpu>(machine.pcpu(i)));
      per_cpus_.push_back(std::make_unique<PerCpu>(PcpuId(i), *cpus_.back()));
    }
  }

  // --- axvm::VmHal ----------------------------------------------------------------------------
  PerCpu& this_cpu() { return *per_cpus_[running_on()]; }
  IvcHub<ArchHal>& ivc() { return ivc_; }
  std::uint32_t acknowledge_irq() { return cpus_[running_on()]->acknowledge_irq(); }
  void end_irq(std::uint32_t irq) { cpus_[running_on()]->end_irq(irq); }
  void event(const Event& event) {
    const sim::Pcpu& pcpu = machine().pcpu(running_on());
    const auto* const trap = std::get_if<TrapTaken>(&event);
    const bool host = trap != nullptr && Cpu::is_interrupt(*trap) && pcpu.stopped_by_owner();
    trace().event({.time_ns = pcpu.time(),
                   .pcpu = running_on(),
                   .instructions = pcpu.instructions(),
                   .host = host},
                  event);
  }

  // --- SimHal ---------------------------------------------------------------------------------
  Result<> enable_cpu() override { return this_cpu().hardware_enable(); }
  Result<Ref<VmBase>> create_vm(const VmConfig& config) override {
    auto vm = AxVM<ArchHal, Cpu>::create(*this, config);
    if (!vm) return std::unexpected(vm.error());
    return Ref<VmBase>(std::move(*vm));
  }
  IvcRegistry& channels() override { return ivc_.registry(); }
  [[nodiscard]] const ExitCounts& exits(unsigned pcpu) const override {
    return cpus_[pcpu]->exits();
  }
  [[nodiscard]] std::optional<std::uint32_t> instruction_at(unsigned pcpu,
                                                            std::uint64_t va) override {
    return cpus_[pcpu]->instruction_at(machine().memory(), va);
  }
  void describe_cpus(StateVisitor& visitor) override {
    for (std::size_t i = 0; i < per_cpus_.size(); ++i) {
      visitor.enter("per_cpu", i);
      per_cpus_[i]->describe(visitor);
      visitor.leave();
    }
  }

 private:
  std::vector<std::unique_ptr<Cpu>> cpus_;
  std::vector<std::unique_ptr<PerCpu>> per_cpus_;
  IvcHub<ArchHal> ivc_{*this};
};

}  // namespace axvm::hal_sim
