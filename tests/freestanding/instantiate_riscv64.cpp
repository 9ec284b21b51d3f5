// Everything of the RISC-V core, made real by the archetypes: what a bare-metal build would link.

#include <core/vm/axvm.hpp>
#include <tests/freestanding/archetype_riscv64.hpp>

namespace axvm {

template class PerCpu<archetype::RiscvHart>;
template class VCpu<archetype::RiscvHart>;
template class AxVM<archetype::Hal<archetype::RiscvHart>, archetype::RiscvHart>;
template class PageTable<riscv64::GStageFormat, archetype::Hal<archetype::RiscvHart>>;
template class AddressSpace<riscv64::GStageFormat, archetype::Hal<archetype::RiscvHart>>;

namespace archetype {
template Result<ExitReason> exercise(Hal<RiscvHart>& hal, const VmConfig& config);
}  // namespace archetype

}  // namespace axvm
