#include <algorithm>
#include <array>
#include <explain/aarch64/layouts.hpp>
#include <explain/registers.hpp>

namespace axvm::explain {

namespace {

constexpr auto kRegisters = std::to_array<Register>({
    {"CNTHCTL_EL2", aarch64::cnthctl_el2},
    {"CPACR_EL1", aarch64::cpacr_el1},
    {"CPTR_EL2", aarch64::cptr_el2},
    {"ELR_EL1", aarch64::elr_el1},
    {"ELR_EL2", aarch64::elr_el2},
    {"ESR_EL1", aarch64::esr_el1},
    {"ESR_EL2", aarch64::esr_el2},
    {"FAR_EL1", aarch64::far_el1},
    {"FAR_EL2", aarch64::far_el2},
    {"HCR_EL2", aarch64::hcr_el2},
    {"HPFAR_EL2", aarch64::hpfar_el2},
    {"ICH_HCR_EL2", aarch64::ich_hcr_el2},
    {"ICH_LR_EL2", aarch64::ich_lr_el2},
    {"ID_AA64MMFR0_EL1", aarch64::id_aa64mmfr0_el1},
    {"ID_AA64MMFR1_EL1", aarch64::id_aa64mmfr1_el1},
    {"ID_AA64PFR0_EL1", aarch64::id_aa64pfr0_el1},
    {"MAIR_EL1", aarch64::mair_el1},
    {"MIDR_EL1", aarch64::midr_el1},
    {"MPIDR_EL1", aarch64::mpidr_el1},
    {"PAR_EL1", aarch64::par_el1},
    {"SCTLR_EL1", aarch64::sctlr_el1},
    {"SPSR_EL1", aarch64::spsr_el1},
    {"SPSR_EL2", aarch64::spsr_el2},
    {"TCR_EL1", aarch64::tcr_el1},
    {"TTBR0_EL1", aarch64::ttbr0_el1},
    {"TTBR1_EL1", aarch64::ttbr1_el1},
    {"VTCR_EL2", aarch64::vtcr_el2},
    {"VTTBR_EL2", aarch64::vttbr_el2},
});
static_assert(std::ranges::is_sorted(kRegisters, {}, &Register::name));

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

bool same(std::string_view text, std::string_view name) {
  return std::ranges::equal(text, name, {}, upper);
}

}  // namespace

std::span<const Register> registers() { return kRegisters; }

const Register* find_register(std::string_view name) {
  for (const Register& known : kRegisters) {
    if (same(name, known.name)) return &known;
  }
  // Without its level; of two, EL2's is what a hypervisor looks at, which comes last.
  const Register* found = nullptr;
  for (const Register& known : kRegisters) {
    if (same(name, known.name.substr(0, known.name.rfind('_')))) found = &known;
  }
  return found;
}

}  // namespace axvm::explain
