// Instructions that the machine carries out itself: those that the engine does not have, or not as
// the manual has them.

#include <sim/arch/riscv64/guest_core.hpp>
#include <utility>

namespace axvm::sim::riscv64 {

GuestCore::Outcome GuestCore::carry_out(std::uint32_t word, std::uint64_t va) {
  if (!is_system(word)) return Outcome::Illegal;
  if (const auto csr = decode_csr_instruction(word)) return access_csr(*csr);
  const bool user = engine_.privilege() == Privilege::User;
  if (is_sfence_vma(word)) return fence(word);
  if (word == kWfi) return user ? Outcome::Virtual : wait(va);
  if (word == kSret) {
    // VS-mode's own comes here with hstatus.VTSR set only.
    const bool traps = user || (hs_.hstatus & hstatus::VTSR) != 0;
    return traps ? Outcome::Virtual : Outcome::Illegal;
  }
  return is_hypervisor_instruction(word) ? Outcome::Virtual : Outcome::Illegal;
}

void GuestCore::retire(std::uint64_t va) {
  retirement_.retire(va, 4);
  if (!std::exchange(evaluate_interrupts_next_, false)) return;
  retirement_.discontinue();
  schedule_attention();
}

GuestCore::Outcome GuestCore::access_csr(const CsrInstruction& instruction) {
  const Outcome permitted = permit(instruction.csr, instruction.writes());
  if (permitted != Outcome::Done) return permitted;
  const std::uint64_t operand =
      instruction.immediate ? instruction.rs1 : engine_.x(instruction.rs1);
  const std::uint64_t old = read_as_guest(instruction.csr);
  if (instruction.writes()) {
    // sip.SEIP and its kin are read-only here: what is read is what is modified.
    write_as_guest(instruction.csr, instruction.result(old, operand));
  }
  engine_.set_x(instruction.rd, old);
  return Outcome::Done;
}

GuestCore::Outcome GuestCore::fence(std::uint32_t word) {
  const bool user = engine_.privilege() == Privilege::User;
  if (user || (hs_.hstatus & hstatus::VTVM) != 0) return Outcome::Virtual;
  const auto rs1 = static_cast<unsigned>(field(word, 19, 15));
  const auto rs2 = static_cast<unsigned>(field(word, 24, 20));
  const auto va = rs1 == 0 ? std::nullopt : std::optional(engine_.x(rs1));
  const auto asid =
      rs2 == 0 ? std::nullopt : std::optional(static_cast<std::uint16_t>(engine_.x(rs2)));
  // The engine knows nothing that the strict TLB does not.
  const std::uint64_t before = mmu_.tlb().removals().count;
  mmu_.fence_vs_stage(mmu_.vmid(), va, asid);
  if (mmu_.tlb().removals().count != before) forget_translations();
  return Outcome::Done;
}

GuestCore::Outcome GuestCore::wait(std::uint64_t va) {
  // "Wait for Interrupt": it may go on whenever an interrupt is pending that is enabled at its own
  // level, whether or not it would be taken.
  const std::uint64_t now = exact_time();
  if (Interrupts::vstopi(hs_, now) != 0 || Interrupts::for_hs(hs_, now)) return Outcome::Done;
  if ((hs_.hstatus & hstatus::VTW) != 0) return Outcome::Virtual;
  retirement_.retire(va, 4);
  engine_.set_pc(va + 4);
  request(Stop::Wfi);
  return Outcome::Left;
}

bool GuestCore::refuse_instruction(Outcome outcome, std::uint32_t word, std::uint64_t va) {
  if (outcome == Outcome::Left) return false;
  if (outcome == Outcome::Virtual) {
    record_trap(Cause::VirtualInstruction, va, word, false);
  } else if (raise(Cause::IllegalInstruction, va, word, false)) {
    return false;
  }
  return leave_by_trap(va + 4);
}

}  // namespace axvm::sim::riscv64
