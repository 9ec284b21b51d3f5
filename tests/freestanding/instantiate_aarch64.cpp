// Everything of the AArch64 core, made real by the archetypes: what a bare-metal build would link.

#include <core/vm/axvm.hpp>
#include <tests/freestanding/archetype.hpp>

namespace axvm {

template class PerCpu<archetype::Cpu>;
template class VCpu<archetype::Cpu>;
template class AxVM<archetype::Hal, archetype::Cpu>;
template class PageTable<aarch64::Stage2Format, archetype::Hal>;
template class AddressSpace<aarch64::Stage2Format, archetype::Hal>;

namespace archetype {

/// The path from a configuration to an exit, so that no inline function escapes.
Result<ExitReason> exercise(Hal& hal, const VmConfig& config) {
  if (auto enabled = hal.this_cpu().hardware_enable(); !enabled) {
    return std::unexpected(enabled.error());
  }
  auto vm = AxVM<Hal, Cpu>::create(hal, config);
  if (!vm) return std::unexpected(vm.error());
  Ref<VmBase> base = *vm;
  if (auto booted = base->boot(); !booted) return std::unexpected(booted.error());
  return base->run_vcpu(VcpuId(0));
}

}  // namespace archetype
}  // namespace axvm
