#pragma once
// Exceptions that the VMM makes a guest take in VS-mode, as hardware would ("Trap Entry").

#include <core/arch/riscv64/csr.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/trap.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::riscv64 {

struct GuestException {
  ExceptionCause cause = ExceptionCause::IllegalInstruction;  ///< for vscause
  std::uint64_t value = 0;                                    ///< for vstval
  std::string_view reason;                                    ///< why, for the trace
};

/// vsstatus in the handler: interrupts are off, and it remembers whether they were on and whether
/// the exception came from VS-mode.
[[nodiscard]] constexpr std::uint64_t handler_status(std::uint64_t vsstatus,
                                                     bool from_supervisor) noexcept {
  const std::uint64_t were_on = (vsstatus & status::kSie) != 0 ? status::kSpie : 0;
  return (vsstatus & ~(status::kSie | status::kSpie | status::kSpp)) | were_on |
         (from_supervisor ? status::kSpp : 0);
}

/// Whether the guest was in VS-mode rather than VU-mode when it trapped.
template <VirtualizationHardware U>
[[nodiscard]] bool is_supervisor(U& cpu) {
  return (cpu.template read<Csr::sstatus>() & status::kSpp) != 0;
}

/// Makes the guest take `exception` instead of going on at sepc. False, and nothing changed, when
/// it is at the vector already: the handler's first instruction is what fails, so the guest would
/// do so forever without executing anything.
template <VirtualizationHardware U>
[[nodiscard]] bool inject(U& cpu, const GuestException& exception) {
  const std::uint64_t sstatus = cpu.template read<Csr::sstatus>();
  const bool from_supervisor = (sstatus & status::kSpp) != 0;
  const std::uint64_t pc = cpu.template read<Csr::sepc>();
  // Exceptions go to the base in vectored mode, too.
  const std::uint64_t target = cpu.template read<Csr::vstvec>() & ~std::uint64_t{3};
  if (pc == target && from_supervisor) return false;

  const std::uint64_t vsstatus = cpu.template read<Csr::vsstatus>();
  cpu.template write<Csr::vsstatus>(handler_status(vsstatus, from_supervisor));
  cpu.template write<Csr::vsepc>(pc);
  cpu.template write<Csr::vscause>(static_cast<std::uint64_t>(exception.cause));
  cpu.template write<Csr::vstval>(exception.value);
  cpu.template write<Csr::sepc>(target);
  cpu.template write<Csr::sstatus>(sstatus | status::kSpp);
  return true;
}

}  // namespace axvm::riscv64
