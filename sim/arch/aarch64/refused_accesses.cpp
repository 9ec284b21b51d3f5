// Aborts of loads and stores that stage 2 refuses again and again, raised without the access.

#include <cstring>
#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/refused_accesses.hpp>
#include <utility>

namespace axvm::sim::aarch64 {

void GuestCore::note_refusal(std::uint64_t pc) {
  // Going on behind the access, EL2 has carried it out: as it will next time, presumably. Memory
  // that it has mapped instead will not be refused again.
  const std::uint64_t va = std::exchange(refused_at_, kNoTarget);
  if (pc != va + Retirement::kInstructionBytes) return;
  const std::uint32_t word = instruction_at(va);
  const auto instruction = decode_memory_instruction(word);
  if (!instruction || !instruction->syndrome_valid) return;
  if (refused_accesses_.refused(va, word, *instruction)) substitute(va, instruction::kSvc);
}

void GuestCore::substitute(std::uint64_t va, std::uint32_t word) {
  if (instruction_at(va) == 0) return;
  CodeCopies& copies = engine_.code_copies();
  const std::uint64_t pa = instruction_page_.pa;
  const std::uint64_t old = fetched_from(pa);
  auto copy = copies.find(pa);
  if (!copy && copies.full()) return;
  if (!copy) copy = copies.make(pa, instruction_page_.bytes);
  std::memcpy(copy->bytes + va % PhysicalMemory::kFrameSize, &word, sizeof word);
  engine_.forget_code(old, PhysicalMemory::kFrameSize);
}

void GuestCore::give_back(std::uint64_t va) {
  const std::uint32_t word = instruction_at(va);
  if (word == 0) {
    forget_all_code();  // what cannot be fetched will say so itself
  } else {
    substitute(va, word);
  }
  engine_.set_pc(va);
}

void GuestCore::refuse_in_place(std::uint32_t word, std::uint64_t va) {
  // Here it has retired as far as the engine knows, which it never does.
  retirement_.take_back(va);
  RefusedAccesses::Site* const site = refused_accesses_.find(va, word);
  if (site == nullptr) return request(Stop::GiveBack);

  const MemoryInstruction& instruction = site->instruction;
  const std::uint64_t address = address_of(instruction, va);
  // The engine knows better what an access does that is not aligned. The guess may be wrong at
  // any time, so that chaos has it wrong at random.
  const bool aligned = (address & (instruction.element_bytes - 1U)) == 0;
  const bool wrong = !aligned || (chaos_.enabled() && chaos_.coin());
  const std::uint32_t pstate = engine_.pstate();
  const Access access = instruction.is_store ? Access::Write : Access::Read;
  const Fault* const fault =
      wrong ? nullptr
            : mmu_.foresee_stage2_fault(address & ~(PhysicalMemory::kFrameSize - 1),
                                        access_context(access, pstate, instruction.unprivileged),
                                        site->fault);
  if (fault == nullptr) {
    RefusedAccesses::passed(*site);
    return request(Stop::GiveBack);
  }
  RefusedAccesses::refused_in_place(*site);
  if (timing_) timing_->refuse(retirement_.total());
  record_data_abort(*fault, (pstate >> 2) & 3, instruction.is_store, address, &instruction, va);
  leave_by_trap(va + Retirement::kInstructionBytes);
}

}  // namespace axvm::sim::aarch64
