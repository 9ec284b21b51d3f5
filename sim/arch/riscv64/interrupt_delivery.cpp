// Interrupts at asynchronous points ("Interrupts" of the hypervisor extension): HS-mode's while a
// guest runs, and VS-mode's.

#include <sim/arch/riscv64/guest_core.hpp>

namespace axvm::sim::riscv64 {
namespace {

/// scause.Interrupt.
constexpr std::uint64_t kInterruptCause = 1ULL << 63;

}  // namespace

bool GuestCore::follows_synchronization() const {
  // Interrupts are evaluated right behind an SRET and an explicit write to sstatus ("Supervisor
  // Interrupt Registers"). What else could enable them, this machine carries out itself.
  const std::uint64_t va = retirement_.last();
  if ((va & 1) != 0) return false;
  const std::uint32_t word = instruction_at(va);
  if (word == kSret) return true;
  const auto csr = decode_csr_instruction(word);
  return csr && csr->writes() && csr->csr == static_cast<std::uint16_t>(Csr::sstatus);
}

bool GuestCore::leave_for_interrupt() {
  if (const auto cause = Interrupts::for_hs(hs_, time())) {
    interrupt_ = *cause;
    request(Stop::Interrupt);
    return true;
  }
  if (time() < turn_end_) return false;
  request(Stop::TurnEnd);
  return true;
}

bool GuestCore::take_interrupt(std::uint64_t va) {
  const std::uint64_t top = Interrupts::vstopi(hs_, time());
  if (top == 0) return false;
  const bool masked = engine_.privilege() == Privilege::Supervisor &&
                      (engine_.reg(UC_RISCV_REG_SSTATUS) & status::SIE) == 0;
  if (masked) return false;
  take_to_vs(static_cast<Cause>(kInterruptCause | top >> 16), va, 0);
  return true;
}

}  // namespace axvm::sim::riscv64
