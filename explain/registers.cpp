#include <algorithm>
#include <array>
#include <explain/aarch64/layouts.hpp>
#include <explain/registers.hpp>
#include <explain/riscv64/layouts.hpp>

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
    {"hcounteren", riscv64::hcounteren},
    {"hedeleg", riscv64::hedeleg},
    {"henvcfg", riscv64::henvcfg},
    {"hgatp", riscv64::hgatp},
    {"hideleg", riscv64::hideleg},
    {"hie", riscv64::hie},
    {"hip", riscv64::hip},
    {"hstatus", riscv64::hstatus},
    {"htimedelta", riscv64::htimedelta},
    {"htinst", riscv64::htinst},
    {"htval", riscv64::htval},
    {"hvip", riscv64::hvip},
    {"satp", riscv64::satp},
    {"scause", riscv64::scause},
    {"scounteren", riscv64::scounteren},
    {"senvcfg", riscv64::senvcfg},
    {"sepc", riscv64::sepc},
    {"sie", riscv64::sie},
    {"sip", riscv64::sip},
    {"sstatus", riscv64::sstatus},
    {"stimecmp", riscv64::stimecmp},
    {"stval", riscv64::stval},
    {"stvec", riscv64::stvec},
    {"vsatp", riscv64::vsatp},
    {"vscause", riscv64::vscause},
    {"vsepc", riscv64::vsepc},
    {"vsie", riscv64::vsie},
    {"vsip", riscv64::vsip},
    {"vsstatus", riscv64::vsstatus},
    {"vstimecmp", riscv64::vstimecmp},
    {"vstval", riscv64::vstval},
    {"vstvec", riscv64::vstvec},
});
static_assert(std::ranges::is_sorted(kRegisters, {}, &Register::name));

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

bool same(std::string_view text, std::string_view name) {
  return std::ranges::equal(text, name, {}, upper, upper);
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
