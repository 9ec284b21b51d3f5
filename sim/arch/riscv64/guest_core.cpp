#include <fmt/format.h>

#include <algorithm>
#include <sim/arch/riscv64/guest_core.hpp>
#include <utility>

namespace axvm::sim::riscv64 {
namespace {

/// So many traps in a row will never end: at one address (a handler that cannot be fetched, say),
/// or anywhere (a circle of illegal instructions and of others that HS-mode carries out).
constexpr std::uint32_t kStuckHere = 1'000;
constexpr std::uint32_t kStuckAnywhere = 100'000;

}  // namespace

GuestCore::GuestCore(Machine& machine, unsigned index, Engine engine, std::uint32_t tlb_entries,
                     const Features& features)
    : machine_(machine),
      index_(index),
      engine_(std::move(engine)),
      mmu_(machine.memory(), tlb_entries, statistics_, features) {
  install_hooks();
}

Cause GuestCore::enter() {
  if (!timing_) return run_guest();
  refresh_timing();
  const Cause cause = run_guest();
  timing_->stop(retirement_.total());
  return cause;
}

Cause GuestCore::run_guest() {
  if (!failure_.empty()) return Cause::HardwareError;
  if ((hs_.hstatus & hstatus::SPV) == 0) return fail("SRET to a guest with hstatus.SPV clear");
  if ((hs_.sstatus & status::FS) == 0) return fail("a guest runs with HS-level sstatus.FS Off");
  std::uint64_t pc = hs_.sepc;
  const bool user = (hs_.sstatus & status::SPP) == 0;
  const std::uint64_t enabled = (hs_.sstatus & status::SPIE) != 0 ? status::SIE : 0;
  hs_.sstatus = (hs_.sstatus & ~(status::SPP | status::SIE)) | status::SPIE | enabled;
  hs_.hstatus &= ~hstatus::SPV;
  const Privilege privilege = user ? Privilege::User : Privilege::Supervisor;
  if (engine_.privilege() != privilege) {
    engine_.write(Hidden::Privilege, static_cast<std::uint64_t>(privilege));
  }
  // The guest may write floating-point registers, whatever it says itself of that: HS-mode's FS,
  // too, is Dirty then ("Virtual Supervisor Status Register").
  hs_.sstatus |= status::FS;
  // What other harts have stored where this one has a reservation, the engine does not know.
  if (machine_.begin_run(index_)) clear_reservation();
  stopped_by_owner_ = false;
  // A stop at the limit is the owner's doing: what follows continues as if it had not been.
  if (!std::exchange(stopped_at_limit_, false)) retirement_.discontinue();
  schedule_attention();
  while (failure_.empty()) {
    stop_ = Stop::None;
    refusal_.reset();
    settle_borrowed_page();
    const uc_err error = engine_.run(pc);
    if (const auto cause = after_run(error)) return *cause;
    // The engine lets sepc be odd, and SRET take it.
    pc = engine_.pc() & ~1ULL;
  }
  return fail(failure_);
}

std::optional<Cause> GuestCore::after_run(uc_err error) {
  for (;;) {
    switch (stop_) {
      case Stop::Trap: return leave_for_hs();
      case Stop::Interrupt: record_trap(interrupt_, engine_.pc(), 0, false); return leave_for_hs();
      case Stop::TurnEnd: return leave_to_owner(engine_.pc());
      case Stop::Limit: stopped_at_limit_ = true; return leave_to_owner(engine_.pc());
      case Stop::Exactly: error = run_exactly(engine_.pc(), exact_count_); continue;
      case Stop::Resume:
        if (std::exchange(flush_code_next_, false)) engine_.flush_code();
        if (std::exchange(forget_watches_next_, false)) {
          forget_watches();
          schedule_attention();
        }
        return std::nullopt;
      case Stop::Wfi: return after_wfi();
      case Stop::Failed: return fail(failure_);
      case Stop::None: break;
    }
    if (error == UC_ERR_OK) {
      // A block that was translated for an exact stop ends where that was.
      repair(engine_.pc());
      if (!retirement_.discontinued()) retirement_.stop_at(engine_.pc());
      return std::nullopt;
    }
    if (error == UC_ERR_EXCEPTION && refusal_) {
      const std::uint64_t pc = engine_.pc();
      // A refused fetch stops between blocks; a refused access inside one.
      repair(refusal_->access == Access::Fetch ? retirement_.successor() : pc);
      if (refusal_->kind == Refusal::Kind::OwnCode) {
        retirement_.stop_at(pc);
        stepping_own_code_ = true;
        error = run_exactly(pc, 1);
        stepping_own_code_ = false;
        continue;
      }
      if (refusal_->kind == Refusal::Kind::Ahead) {
        error = run_up_to(pc, refusal_->page);
        continue;
      }
      if (refusal_->access == Access::Fetch) {
        stop_ = reason_before_fetch_fault(pc);
        if (stop_ != Stop::None) continue;
      }
      return after_refusal();
    }
    if (error == UC_ERR_INSN_INVALID) return after_breakpoint();
    return fail(fmt::format("the engine stopped at {:#x}: {}", engine_.pc(), uc_strerror(error)));
  }
}

uc_err GuestCore::run_exactly(std::uint64_t pc, std::uint64_t count) {
  retirement_.stop_at(pc);
  std::uint64_t end = pc;
  for (std::uint64_t n = 0; n < count; ++n) end += instruction_bytes(instruction_at(end));
  // Code already translated does not end there: it must be forgotten before and after.
  const auto forget = [&] {
    for (const std::uint64_t va : {pc, end - 1}) {
      const std::uint8_t* const page = code_page(va & ~kPageMask);
      const auto pa = page != nullptr ? machine_.memory().pa_of(page) : std::nullopt;
      if (!pa) return engine_.flush_code();
      engine_.forget_code(*pa, PhysicalMemory::kFrameSize);
      if ((pc & ~kPageMask) == ((end - 1) & ~kPageMask)) return;
    }
  };
  forget();
  exact_target_ = retirement_.total() + count;
  attention_ = 0;
  stop_ = Stop::None;
  refusal_.reset();
  const uc_err error = engine_.run_until(pc, end);
  exact_target_ = kNoTarget;
  forget();
  schedule_attention();
  return error;
}

uc_err GuestCore::run_up_to(std::uint64_t pc, std::uint64_t page) {
  retirement_.close();
  std::uint64_t count = 0;
  for (std::uint64_t at = pc; at < page - 2; ++count) at += instruction_bytes(instruction_at(at));
  return run_exactly(pc, count);
}

std::optional<Cause> GuestCore::after_refusal() {
  const std::uint64_t pc = engine_.pc();
  // A refused fetch stops between blocks, which are closed; a refused access inside one.
  if (refusal_->access != Access::Fetch) retirement_.stop_at(pc);
  return take_fault(*refusal_, pc);
}

std::optional<Cause> GuestCore::after_wfi() {
  const std::uint64_t next = engine_.pc();
  const std::uint64_t wake = std::min(turn_end_, next_deadline());
  if (wake == Pcpu::kNever) {
    guest_is_stuck_ = true;
    return fail(
        fmt::format("WFI before {:#x} waits for an interrupt that nothing can raise", next));
  }
  skip_to(wake);
  if (wake == turn_end_) return leave_to_owner(next);
  retirement_.discontinue();
  schedule_attention();
  return std::nullopt;
}

Cause GuestCore::leave_to_owner(std::uint64_t pc) {
  record_trap(Cause::SupervisorTimer, pc, 0, false);
  stopped_by_owner_ = true;
  return Cause::SupervisorTimer;
}

Cause GuestCore::leave_for_hs() {
  ++statistics_.traps_to_el2;
  note_exception(hs_.sepc);
  synchronise_time();
  return static_cast<Cause>(hs_.scause);
}

void GuestCore::note_exception(std::uint64_t return_address) {
  if (retirement_.total() != progress_) {
    progress_ = retirement_.total();
    exceptions_ = exceptions_here_ = 0;
  }
  if (return_address != progress_pc_) {
    progress_pc_ = return_address;
    exceptions_here_ = 0;
  }
  ++exceptions_;
  if (++exceptions_here_ != kStuckHere && exceptions_ != kStuckAnywhere) return;
  failure_ = fmt::format(
      "the guest took {} traps in a row, the last at {:#x}, without executing an instruction",
      exceptions_, return_address);
  guest_is_stuck_ = true;
  request(Stop::Failed);
}

Cause GuestCore::fail(std::string what) {
  failure_ = std::move(what);
  hs_.sepc = engine_.pc();
  return Cause::HardwareError;
}

void GuestCore::skip_to(std::uint64_t t) {
  if (t > time()) idle_ += t - time();
}

void GuestCore::synchronise_time() {
  skip_to(machine_.published_time());
  machine_.publish_time(time());
}

std::uint64_t GuestCore::exact_time() {
  const std::uint64_t now = time();
  if (machine_.published_time() > now) {
    idle_ += machine_.published_time() - now;
    schedule_attention();
  }
  machine_.publish_time(std::max(now, machine_.published_time()));
  return machine_.published_time();
}

}  // namespace axvm::sim::riscv64
