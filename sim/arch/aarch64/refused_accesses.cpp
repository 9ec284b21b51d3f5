// Aborts of loads and stores that stage 2 refuses again and again, raised before the access.

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
  if (!refused_accesses_.refused(va, word, *instruction)) return;
  watch(va, va);
  // Code already translated does not know the watch.
  engine_.forget_code(fetched_from(instruction_page_.pa), PhysicalMemory::kFrameSize);
}

void GuestCore::refuse_in_place(RefusedAccesses::Site& site) {
  const MemoryInstruction& instruction = site.instruction;
  const std::uint64_t address = address_of(instruction, site.va);
  // The engine knows better what an access does that is not aligned. The guess may be wrong at
  // any time, so that chaos has it wrong at random.
  const bool aligned = (address & (instruction.element_bytes - 1U)) == 0;
  if (!aligned || (chaos_.enabled() && chaos_.coin())) return;

  const std::uint32_t pstate = engine_.pstate();
  const Access access = instruction.is_store ? Access::Write : Access::Read;
  const Fault* const fault = mmu_.foresee_stage2_fault(
      address & ~(PhysicalMemory::kFrameSize - 1),
      access_context(access, pstate, instruction.unprivileged), site.fault);
  if (fault == nullptr) {
    if (!RefusedAccesses::passed(site)) {
      forget_watches_next_ = true;
      attention_ = 0;
    }
    return;
  }
  RefusedAccesses::refused_in_place(site);
  retirement_.stop_at(site.va);
  record_data_abort(*fault, (pstate >> 2) & 3, instruction.is_store, address, &instruction,
                    site.va);
  leave_past(site.va);
}

}  // namespace axvm::sim::aarch64
