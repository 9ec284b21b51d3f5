// Taking exceptions (DDI 0487 D1.3): to EL1 as the guest sees them, to EL2 as the VMM sees them.

#include <fmt/format.h>

#include <cstring>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/syndrome.hpp>

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kSynchronousOffset = 0;
constexpr std::uint64_t kPageMask = 4095;

/// What the engine calls the exceptions it cannot take.
enum Interrupt : std::uint32_t {
  kUndefined = 1,
  kSvc = 2,
  kUnaligned = 4,
  kBrk = 7,
  kHvc = 11,
  kSmc = 13,
};

/// imm16 of SVC, HVC, SMC and BRK.
std::uint16_t immediate(std::uint32_t instruction) {
  return static_cast<std::uint16_t>(instruction >> 5);
}

/// Whether each of the instruction's accesses is a multiple of its size. DC ZVA never counts as
/// that: to Device memory it is an alignment fault.
bool is_aligned(const MemoryInstruction& instruction, std::uint64_t address) {
  if (instruction.is_dc_zva) return false;
  return instruction.element_bytes == 0 || address % instruction.element_bytes == 0;
}

/// The page of an address without its tag byte.
std::uint64_t page_of(std::uint64_t va) { return (va << 8) & ~(kPageMask << 8); }

}  // namespace

std::uint32_t GuestCore::instruction_at(std::uint64_t va) const {
  if ((va & 3) != 0) return 0;
  const std::uint64_t page = va & ~kPageMask;
  if (page != instruction_page_.va) {
    const auto t = mmu_.translate_without_side_effects(
        page,
        {.access = Access::Fetch, .el = static_cast<std::uint8_t>(current_el()), .pan = false});
    const std::uint8_t* const bytes = t ? machine_.memory().at(t->pa) : nullptr;
    if (bytes == nullptr) return 0;
    instruction_page_ = {.va = page, .pa = t->pa & ~kPageMask, .bytes = bytes};
  }
  std::uint32_t word = 0;
  std::memcpy(&word, instruction_page_.bytes + (va & kPageMask), sizeof word);
  return word;
}

void GuestCore::on_interrupt(std::uint32_t number) {
  if (number == kSvc || number == kHvc) {
    // These end their blocks, so that the PC need not be asked for.
    retirement_.close();
    const std::uint64_t next = retirement_.successor();
    return number == kSvc ? on_svc(next) : on_hvc(next);
  }
  const std::uint64_t pc = engine_.pc();
  retirement_.stop_at(pc);
  switch (number) {
    case kSmc:
      // There is no EL3: SMC is undefined unless EL2 wants to see it.
      retirement_.take_back(pc - 4);
      if ((el2_.hcr & hcr::TSC) != 0) {
        record_trap(smc_syndrome(immediate(instruction_at(pc - 4))), pc - 4);
        request(Stop::Trap);
      } else {
        take_synchronous_to_el1(unknown_syndrome(), pc - 4);
      }
      return;
    case kBrk: take_synchronous_to_el1(brk_syndrome(immediate(instruction_at(pc))), pc); return;
    case kUndefined: on_undefined(instruction_at(pc), pc); return;
    case kUnaligned: refuse_as_unaligned(); return;
    default:
      failure_ = fmt::format("the engine raised exception {} at {:#x}", number, pc);
      request(Stop::Failed);
  }
}

void GuestCore::on_svc(std::uint64_t next) {
  const std::uint64_t va = next - Retirement::kInstructionBytes;
  const std::uint32_t word = instruction_at(va);
  if (!is_svc(word)) return on_replaced(word, va);
  take_synchronous_to_el1(svc_syndrome(immediate(word)), next);
}

void GuestCore::on_hvc(std::uint64_t next) {
  const std::uint64_t va = next - Retirement::kInstructionBytes;
  if ((el2_.hcr & hcr::HCD) != 0) {
    retirement_.take_back(va);
    return take_synchronous_to_el1(unknown_syndrome(), va);
  }
  record_trap(hvc_syndrome(immediate(instruction_at(va))), next);
  leave_by_trap(next);
}

void GuestCore::refuse_as_unaligned() {
  // Address and direction are the instruction's, which take_abort() looks at.
  refusal_ = Refusal{Refusal::Kind::Unaligned,
                     {.kind = FaultKind::Alignment, .va = 0, .ipa = 0},
                     Access::Read,
                     0,
                     current_el()};
  request(Stop::Refused);
}

std::optional<Vector> GuestCore::take_abort(const Refusal& refusal, std::uint64_t pc) {
  const unsigned el = refusal.el;
  Fault fault = refusal.fault;
  if (refusal.kind == Refusal::Kind::NoMemory) fault.kind = FaultKind::ExternalAbort;

  if (refusal.access == Access::Fetch) {
    if (timing_) timing_->refuse_fetch(pc, retirement_.total());
    const Target target = fault.stage == 2 ? Target::El2 : Target::El1;
    const std::uint64_t esr = instruction_abort_syndrome(fault, target, el);
    if (target == Target::El1) {
      take_abort_to_el1(esr, pc, pc);
      return std::nullopt;
    }
    record_abort(fault, esr, pc, pc);
    return leave_for_el2(Vector::Synchronous);
  }

  const auto instruction = decode_memory_instruction(instruction_at(pc));
  const MemoryInstruction* const known = instruction ? &*instruction : nullptr;
  bool write = refusal.access == Access::Write;
  std::uint64_t far = refusal.page;
  if (instruction) {
    write |= instruction->is_store && !instruction->is_load;
    const std::uint64_t address = address_of(*instruction, pc);
    // An access that crosses into the refused page faults at that page's first byte.
    if (refusal.kind == Refusal::Kind::Unaligned || page_of(address) == page_of(far)) {
      far = address;
    }
    // B2.9.1: stage 1 looks at alignment before stage 2 is asked, and before memory is.
    const bool later = fault.stage == 2 || refusal.kind == Refusal::Kind::NoMemory;
    if (later && !fault.during_stage1_walk && !is_aligned(*instruction, address) &&
        mmu_.is_device_at_stage1(address, el)) {
      fault = {.kind = FaultKind::Alignment, .va = address, .ipa = 0};
      far = address;
    }
  }
  const bool translated = fault.kind != FaultKind::Alignment;
  if (timing_ && translated) timing_->refuse(retirement_.total());
  if (fault.stage != 2) {
    take_abort_to_el1(data_abort_syndrome(fault, Target::El1, el, write, known), far, pc);
    return std::nullopt;
  }
  record_data_abort(fault, el, write, far, known, pc);
  if (known != nullptr && known->syndrome_valid) refused_at_ = pc;
  return leave_for_el2(Vector::Synchronous);
}

void GuestCore::record_data_abort(const Fault& fault, unsigned el, bool write, std::uint64_t far,
                                  const MemoryInstruction* instruction, std::uint64_t pc) {
  record_abort(fault, data_abort_syndrome(fault, Target::El2, el, write, instruction), far, pc);
}

void GuestCore::record_abort(const Fault& fault, std::uint64_t esr, std::uint64_t far,
                             std::uint64_t pc) {
  el2_.far = far;
  if (hpfar_valid(fault)) el2_.hpfar = hpfar(fault.ipa);
  record_trap(esr, pc);
}

void GuestCore::take_to_el1(std::uint64_t vector_offset, std::uint64_t return_address) {
  ++statistics_.traps_to_el1;
  const std::uint32_t old = engine_.pstate();
  const bool from_lower = ((old >> 2) & 3) == 0;
  const std::uint64_t group = from_lower ? 0x400 : (old & 1) != 0 ? 0x200 : 0;
  constexpr std::uint32_t kNzcv = 0xf0000000;
  constexpr std::uint32_t kEl1hMasked = 0x3c5;
  engine_.set_system(reg::ELR_EL1, return_address);
  engine_.take_exception((old & kNzcv) | kEl1hMasked, old);
  engine_.set_pc(engine_.system(reg::VBAR_EL1) + group + vector_offset);
  retirement_.discontinue();
  note_exception(return_address);
}

void GuestCore::take_synchronous_to_el1(std::uint64_t esr, std::uint64_t return_address) {
  engine_.set_system(reg::ESR_EL1, esr);
  take_to_el1(kSynchronousOffset, return_address);
}

void GuestCore::take_abort_to_el1(std::uint64_t esr, std::uint64_t far,
                                  std::uint64_t return_address) {
  engine_.set_system(reg::FAR_EL1, far);
  take_synchronous_to_el1(esr, return_address);
}

}  // namespace axvm::sim::aarch64
