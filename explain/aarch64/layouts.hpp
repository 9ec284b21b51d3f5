#pragma once
// Layouts of AArch64 registers and descriptors, one function each. Sections are of the Arm
// Architecture Reference Manual (DDI 0487), named and not numbered: numbers change with its issues.

#include <explain/field.hpp>
#include <string>

namespace axvm::explain::aarch64 {

// Exceptions.
[[nodiscard]] const Layout& esr_el2(std::uint64_t word);
[[nodiscard]] const Layout& esr_el1(std::uint64_t word);
[[nodiscard]] const Layout& far_el2(std::uint64_t word);
[[nodiscard]] const Layout& far_el1(std::uint64_t word);
[[nodiscard]] const Layout& hpfar_el2(std::uint64_t word);
[[nodiscard]] const Layout& elr_el2(std::uint64_t word);
[[nodiscard]] const Layout& elr_el1(std::uint64_t word);
[[nodiscard]] const Layout& spsr_el2(std::uint64_t word);
[[nodiscard]] const Layout& spsr_el1(std::uint64_t word);
[[nodiscard]] const Layout& par_el1(std::uint64_t word);
// Control of EL1 and of virtualization.
[[nodiscard]] const Layout& hcr_el2(std::uint64_t word);
[[nodiscard]] const Layout& sctlr_el1(std::uint64_t word);
[[nodiscard]] const Layout& cptr_el2(std::uint64_t word);
[[nodiscard]] const Layout& cpacr_el1(std::uint64_t word);
[[nodiscard]] const Layout& cnthctl_el2(std::uint64_t word);
[[nodiscard]] const Layout& ich_lr_el2(std::uint64_t word);
[[nodiscard]] const Layout& ich_hcr_el2(std::uint64_t word);
// Translation.
[[nodiscard]] const Layout& tcr_el1(std::uint64_t word);
[[nodiscard]] const Layout& vtcr_el2(std::uint64_t word);
[[nodiscard]] const Layout& ttbr0_el1(std::uint64_t word);
[[nodiscard]] const Layout& ttbr1_el1(std::uint64_t word);
[[nodiscard]] const Layout& vttbr_el2(std::uint64_t word);
[[nodiscard]] const Layout& mair_el1(std::uint64_t word);
// Identification.
[[nodiscard]] const Layout& midr_el1(std::uint64_t word);
[[nodiscard]] const Layout& mpidr_el1(std::uint64_t word);
[[nodiscard]] const Layout& id_aa64mmfr0_el1(std::uint64_t word);
[[nodiscard]] const Layout& id_aa64mmfr1_el1(std::uint64_t word);
[[nodiscard]] const Layout& id_aa64pfr0_el1(std::uint64_t word);

/// The layout of ISS for an exception class, ESR_ELx bits 24:0.
[[nodiscard]] const Layout* iss_layout(std::uint64_t esr);

/// "data abort from a lower Exception level": ESR_ELx.EC.
[[nodiscard]] std::string_view exception_class_text(std::uint64_t ec);

/// "translation fault, level 2": a fault status code as DFSC, IFSC and PAR_EL1.FST have it.
[[nodiscard]] std::string fault_status_text(std::uint64_t code);

/// "Normal, write-back, read and write allocate": a byte of MAIR_EL1.
[[nodiscard]] std::string memory_type_text(std::uint64_t attribute);

/// "w3", "x3" or "xzr".
[[nodiscard]] std::string register_name(std::uint64_t number, bool is_64_bit);

}  // namespace axvm::explain::aarch64
