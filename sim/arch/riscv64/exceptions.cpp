// Taking traps: to VS-mode as the guest sees them, to HS-mode as the VMM sees them ("Traps" of the
// hypervisor extension).

#include <fmt/format.h>

#include <cstring>
#include <sim/arch/riscv64/guest_core.hpp>

namespace axvm::sim::riscv64 {
namespace {

/// What the engine calls the exceptions it cannot take. ECALL is one in both modes.
enum Exception : std::uint32_t {
  kIllegal = 2,
  kLoadMisaligned = 4,
  kStoreMisaligned = 6,
  kEnvironmentCall = 8,
};

/// htinst for an implicit load of a VS-stage table entry of 64 bits.
constexpr std::uint64_t kImplicitLoad = 0x3000;

constexpr bool is_interrupt(Cause cause) noexcept {
  return (static_cast<std::uint64_t>(cause) >> 63) != 0;
}
constexpr std::uint64_t code_of(Cause cause) noexcept {
  return static_cast<std::uint64_t>(cause) & ~(1ULL << 63);
}

}  // namespace

const std::uint8_t* GuestCore::code_page(std::uint64_t page) const {
  if (const std::uint8_t* const known = code_pages_.find(page)) return known;
  const auto t = mmu_.translate_without_side_effects(
      page, {.access = Access::Fetch, .user = engine_.privilege() == Privilege::User});
  const std::uint8_t* const bytes = t ? machine_.memory().at(t->pa & ~kPageMask) : nullptr;
  if (bytes != nullptr) code_pages_.note(page, bytes);
  return bytes;
}

std::uint32_t GuestCore::instruction_at(std::uint64_t va) const {
  const auto parcel = [this](std::uint64_t at) -> std::uint32_t {
    const std::uint8_t* const page = code_page(at & ~kPageMask);
    std::uint16_t value = 0;
    if (page != nullptr) std::memcpy(&value, page + (at & kPageMask), sizeof value);
    return value;
  };
  const std::uint32_t first = parcel(va);
  return instruction_bytes(first) == 2 ? first : first | parcel(va + 2) << 16;
}

void GuestCore::on_exception(std::uint32_t number) {
  // The engine has its PC four bytes on, whatever the instruction was.
  const std::uint64_t va = engine_.pc() - 4;
  repair(va);
  retirement_.stop_at(va);
  settle_borrowed_page();
  switch (number) {
    case kIllegal: {
      const std::uint32_t word = instruction_at(va);
      const Outcome outcome = carry_out(word, va);
      if (outcome == Outcome::Done) {
        retire(va);
      } else {
        refuse_instruction(outcome, word, va);
      }
      return;
    }
    case kEnvironmentCall:
      if (engine_.privilege() == Privilege::User) {
        if (raise(Cause::EcallFromU, va, 0, false)) return;
      } else {
        record_trap(Cause::EcallFromVs, va, 0, false);
      }
      // The engine goes on there by itself.
      leave_by_trap(va + 4);
      return;
    case kLoadMisaligned:
    case kStoreMisaligned:
      if (!raise_misaligned(va)) leave_by_trap(va + 4);
      return;
    default:
      failure_ = fmt::format("the engine raised exception {} at {:#x}", number, va);
      request(Stop::Failed);
  }
}

std::optional<Cause> GuestCore::after_breakpoint() {
  const std::uint64_t pc = engine_.pc();
  repair(pc);
  retirement_.stop_at(pc);
  stop_ = Stop::None;
  if (raise(Cause::Breakpoint, pc, pc, true)) return std::nullopt;
  return leave_for_hs();
}

bool GuestCore::raise(Cause cause, std::uint64_t return_address, std::uint64_t value,
                      bool address) {
  if (((hs_.hedeleg >> code_of(cause)) & 1) != 0) {
    take_to_vs(cause, return_address, value);
    return true;
  }
  record_trap(cause, return_address, value, address);
  return false;
}

bool GuestCore::leave_by_trap(std::uint64_t next) {
  stop_ = Stop::Trap;
  if (engine_.park(next)) return true;
  engine_.stop();
  return false;
}

void GuestCore::take_to_vs(Cause cause, std::uint64_t return_address, std::uint64_t value) {
  ++statistics_.traps_to_el1;
  std::uint64_t vector = 0;
  engine_.change([&](HiddenState::Change& c) {
    std::uint64_t s = c.read(Hidden::Mstatus);
    const bool supervisor = c.read(Hidden::Privilege) != 0;
    const bool enabled = (s & status::SIE) != 0;
    s &= ~(status::SPP | status::SPIE | status::SIE);
    if (supervisor) s |= status::SPP;
    if (enabled) s |= status::SPIE;
    c.write(Hidden::Mstatus, Engine::mstatus_with(s, s));
    c.write(Hidden::Sepc, return_address);
    c.write(Hidden::Scause, static_cast<std::uint64_t>(cause));
    c.write(Hidden::Stval, value);
    c.write(Hidden::Privilege, static_cast<std::uint64_t>(Privilege::Supervisor));
    const std::uint64_t stvec = c.read(Hidden::Stvec);
    const bool vectored = (stvec & 3) == 1 && is_interrupt(cause);
    vector = (stvec & ~3ULL) + (vectored ? 4 * code_of(cause) : 0);
  });
  engine_.set_pc(vector);
  retirement_.discontinue();
  note_exception(return_address);
}

void GuestCore::record_trap(Cause cause, std::uint64_t return_address, std::uint64_t value,
                            bool address) {
  const bool supervisor = engine_.privilege() == Privilege::Supervisor;
  hs_.scause = static_cast<std::uint64_t>(cause);
  hs_.sepc = return_address;
  hs_.stval = value;
  hs_.htval = 0;
  hs_.htinst = 0;
  hs_.hstatus &= ~(hstatus::SPVP | hstatus::GVA);
  hs_.hstatus |= hstatus::SPV | (supervisor ? hstatus::SPVP : 0) | (address ? hstatus::GVA : 0);
  const bool enabled = (hs_.sstatus & status::SIE) != 0;
  hs_.sstatus &= ~(status::SPP | status::SPIE | status::SIE);
  hs_.sstatus |= (supervisor ? status::SPP : 0) | (enabled ? status::SPIE : 0);
}

std::uint64_t GuestCore::transformed(const MemoryInstruction& instruction,
                                     std::uint64_t address) const {
  const std::uint64_t offset = address - address_of(instruction);
  return instruction.transformed | (offset & 31) << 15;
}

bool GuestCore::raise_misaligned(std::uint64_t pc) {
  const auto instruction = decode_memory_instruction(instruction_at(pc));
  const bool store = instruction && instruction->is_store();
  const std::uint64_t address = instruction ? address_of(*instruction) : 0;
  const Cause cause = store ? Cause::StoreMisaligned : Cause::LoadMisaligned;
  if (raise(cause, pc, address, true)) return true;
  if (instruction) hs_.htinst = transformed(*instruction, address);
  return false;
}

Fault GuestCore::fault_of_store(const Refusal& refusal) const {
  // The engine loads first what an AMO or SC is about to store to.
  const auto t = mmu_.translate_without_side_effects(refusal.page, access_context(Access::Store));
  if (!t) return t.error();
  Fault fault = refusal.fault;
  fault.access = Access::Store;
  return fault;
}

std::optional<Cause> GuestCore::take_fault(const Refusal& refusal, std::uint64_t pc) {
  Fault fault = refusal.fault;
  std::uint64_t address = refusal.page;
  std::uint64_t htinst = 0;
  if (refusal.access == Access::Fetch) {
    // An instruction that goes on in the refused page faults at that page's first byte.
    if ((pc & ~kPageMask) == refusal.page) address = pc;
    if (timing_) timing_->refuse_fetch(address, retirement_.total());
  } else if (const auto instruction = decode_memory_instruction(instruction_at(pc))) {
    if (instruction->is_store() && refusal.access == Access::Load) {
      fault = fault_of_store(refusal);
    }
    const std::uint64_t start = address_of(*instruction);
    // An access that crosses into the refused page faults at that page's first byte.
    if ((start & ~kPageMask) == refusal.page) address = start;
    htinst = transformed(*instruction, address);
    if (timing_) timing_->refuse(retirement_.total());
  }
  const Cause cause = fault.cause();
  stop_ = Stop::None;
  if (fault.kind == FaultKind::GuestPage) {
    record_trap(cause, pc, address, true);
    const std::uint64_t gpa =
        fault.implicit ? fault.gpa : (fault.gpa & ~kPageMask) | (address & kPageMask);
    hs_.htval = gpa >> 2;
    hs_.htinst = fault.implicit ? kImplicitLoad : htinst;
    return leave_for_hs();
  }
  if (raise(cause, pc, address, true)) return std::nullopt;
  hs_.htinst = htinst;
  return leave_for_hs();
}

}  // namespace axvm::sim::riscv64
