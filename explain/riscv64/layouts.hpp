#pragma once
// Layouts of RISC-V registers, one function each. Sections are of the RISC-V Instruction Set
// Manual, Volume II (Privileged Architecture), named and not numbered: numbers change with its
// issues.

#include <cstdint>
#include <explain/field.hpp>
#include <string>
#include <string_view>

namespace axvm::explain::riscv64 {

// Traps.
[[nodiscard]] const Layout& scause(std::uint64_t word);
[[nodiscard]] const Layout& vscause(std::uint64_t word);
[[nodiscard]] const Layout& sepc(std::uint64_t word);
[[nodiscard]] const Layout& vsepc(std::uint64_t word);
[[nodiscard]] const Layout& stval(std::uint64_t word);
[[nodiscard]] const Layout& vstval(std::uint64_t word);
[[nodiscard]] const Layout& stvec(std::uint64_t word);
[[nodiscard]] const Layout& vstvec(std::uint64_t word);
[[nodiscard]] const Layout& htval(std::uint64_t word);
[[nodiscard]] const Layout& htinst(std::uint64_t word);
// Status.
[[nodiscard]] const Layout& sstatus(std::uint64_t word);
[[nodiscard]] const Layout& vsstatus(std::uint64_t word);
[[nodiscard]] const Layout& hstatus(std::uint64_t word);
// Delegation, and what a guest may do.
[[nodiscard]] const Layout& hedeleg(std::uint64_t word);
[[nodiscard]] const Layout& hideleg(std::uint64_t word);
[[nodiscard]] const Layout& henvcfg(std::uint64_t word);
[[nodiscard]] const Layout& senvcfg(std::uint64_t word);
[[nodiscard]] const Layout& hcounteren(std::uint64_t word);
[[nodiscard]] const Layout& scounteren(std::uint64_t word);
// Interrupts and time.
[[nodiscard]] const Layout& sip(std::uint64_t word);
[[nodiscard]] const Layout& sie(std::uint64_t word);
[[nodiscard]] const Layout& vsip(std::uint64_t word);
[[nodiscard]] const Layout& vsie(std::uint64_t word);
[[nodiscard]] const Layout& hip(std::uint64_t word);
[[nodiscard]] const Layout& hie(std::uint64_t word);
[[nodiscard]] const Layout& hvip(std::uint64_t word);
[[nodiscard]] const Layout& htimedelta(std::uint64_t word);
[[nodiscard]] const Layout& stimecmp(std::uint64_t word);
[[nodiscard]] const Layout& vstimecmp(std::uint64_t word);
// Translation.
[[nodiscard]] const Layout& satp(std::uint64_t word);
[[nodiscard]] const Layout& vsatp(std::uint64_t word);
[[nodiscard]] const Layout& hgatp(std::uint64_t word);

/// "load guest-page fault", "supervisor timer interrupt": scause and vscause.
[[nodiscard]] std::string_view cause_text(std::uint64_t scause);

/// "a0": an integer register as the calling convention names it.
[[nodiscard]] std::string_view register_name(std::uint64_t number);

}  // namespace axvm::explain::riscv64
