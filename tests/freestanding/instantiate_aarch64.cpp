// Everything of the AArch64 core, made real by the archetypes: what a bare-metal build would link.

#include <core/vm/axvm.hpp>
#include <tests/freestanding/archetype_aarch64.hpp>

namespace axvm {

template class PerCpu<archetype::Aarch64Cpu>;
template class VCpu<archetype::Aarch64Cpu>;
template class AxVM<archetype::Hal<archetype::Aarch64Cpu>, archetype::Aarch64Cpu>;
template class PageTable<aarch64::Stage2Format, archetype::Hal<archetype::Aarch64Cpu>>;
template class AddressSpace<aarch64::Stage2Format, archetype::Hal<archetype::Aarch64Cpu>>;

namespace archetype {
template Result<ExitReason> exercise(Hal<Aarch64Cpu>& hal, const VmConfig& config);
}  // namespace archetype

}  // namespace axvm
