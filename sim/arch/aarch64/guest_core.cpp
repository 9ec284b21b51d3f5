#include <fmt/format.h>

#include <algorithm>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/syndrome.hpp>
#include <utility>

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kIllegalState = 1ULL << 20;  // SPSR_ELx.IL

/// So many exceptions in a row will never end. At one address: a vector that cannot be fetched, say
/// (an instruction that gets somewhere takes a few, while EL2 backs each page of it and of its
/// tables). Anywhere: a circle of undefined instructions and of others that EL2 carries out (in a
/// straight line the latter may be many).
constexpr std::uint32_t kStuckHere = 1'000;
constexpr std::uint32_t kStuckAnywhere = 100'000;

}  // namespace

GuestCore::GuestCore(Machine& machine, unsigned index, Engine engine, std::uint32_t tlb_entries)
    : machine_(machine),
      index_(index),
      engine_(std::move(engine)),
      mmu_(machine.memory(), tlb_entries, statistics_) {
  install_hooks();
  reset_registers();
}

Vector GuestCore::enter() {
  if (!timing_) return run_guest();
  refresh_timing();
  const Vector vector = run_guest();
  timing_->stop(retirement_.total());
  return vector;
}

Vector GuestCore::run_guest() {
  if (!failure_.empty()) return Vector::SError;
  std::uint64_t pc = el2_.elr;
  if (refused_at_ != kNoTarget) [[unlikely]]
    note_refusal(pc);
  if (std::exchange(spsr_written_, false)) {
    engine_.set_pstate(static_cast<std::uint32_t>(el2_.spsr));
    note_use_of_sp_el0();
    if ((el2_.spsr & kIllegalState) != 0) {
      take_synchronous_to_el1(illegal_state_syndrome(), pc);
      pc = engine_.pc();
    }
  }
  stopped_by_owner_ = false;
  // A stop at the limit is the owner's doing: what follows continues as if it had not been.
  if (!std::exchange(stopped_at_limit_, false)) {
    retirement_.discontinue();
    event_ = true;  // EL2's ERET is an exception return, too (D1.6.1)
  }
  schedule_attention();
  while (failure_.empty()) {
    stop_ = Stop::None;
    refusal_.reset();
    const uc_err error = engine_.run(pc);
    if (const auto vector = after_run(error)) return *vector;
    pc = engine_.pc();
  }
  return fail(failure_);
}

std::optional<Vector> GuestCore::after_run(uc_err error) {
  for (;;) {
    switch (stop_) {
      case Stop::Trap: return leave_for_el2(Vector::Synchronous);
      case Stop::Interrupt:
        el2_.elr = engine_.pc();
        spsr_is_current_ = true;
        return leave_for_el2(Vector::Irq);
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
      case Stop::Undefined: {
        const std::uint64_t pc = engine_.pc();
        stop_ = Stop::None;
        on_undefined(instruction_at(pc), pc);
        if (stop_ == Stop::Trap) continue;
        return std::nullopt;
      }
      case Stop::Refused: return take_abort(*refusal_, retirement_.successor());
      case Stop::IllegalReturn: take_illegal_return(); return std::nullopt;
      case Stop::Wfi: return after_wfi();
      case Stop::GiveBack: give_back(retirement_.successor()); return std::nullopt;
      case Stop::MisalignedStack:
        take_synchronous_to_el1(sp_alignment_syndrome(), engine_.pc());
        return std::nullopt;
      case Stop::Failed: return fail(failure_);
      case Stop::None: break;
    }
    if (error == UC_ERR_EXCEPTION && refusal_) {
      if (refusal_->kind == Refusal::Kind::OwnCode) {
        const std::uint64_t pc = engine_.pc();
        retirement_.stop_at(pc);
        stepping_own_code_ = true;
        error = run_exactly(pc, 1);
        stepping_own_code_ = false;
        continue;
      }
      if (refusal_->kind == Refusal::Kind::Interface) {
        error = access_interface();
        if (stop_ == Stop::None && error == UC_ERR_OK) return std::nullopt;
        continue;
      }
      if (refusal_->kind == Refusal::Kind::NoCopy) {
        retirement_.close();
        forget_all_code();
        return std::nullopt;
      }
      return after_refusal();
    }
    return fail(fmt::format("the engine stopped at {:#x}: {}", engine_.pc(), uc_strerror(error)));
  }
}

uc_err GuestCore::run_exactly(std::uint64_t pc, std::uint64_t count) {
  retirement_.close();
  const std::uint64_t target = pc + count * Retirement::kInstructionBytes;
  const auto here = mmu_.translate_without_side_effects(
      pc, {.access = Access::Fetch, .el = static_cast<std::uint8_t>(current_el()), .pan = false});
  // Code already translated does not know the watch: it must be forgotten before and after.
  const auto forget = [&] {
    if (here && machine_.memory().at(here->pa) != nullptr) {
      engine_.forget_code(fetched_from(here->pa & ~(kPage - 1)), kPage);
    } else {
      engine_.flush_code();
    }
  };
  forget();
  const uc_hook watch = engine_.watch(target, target, watch_function(), this);
  exact_target_ = retirement_.total() + count;
  exact_end_ = target;
  attention_ = 0;
  stop_ = Stop::None;
  refusal_.reset();
  const uc_err error = engine_.run(pc);
  exact_target_ = kNoTarget;
  engine_.unwatch(watch);
  forget();
  schedule_attention();
  return error;
}

std::optional<Vector> GuestCore::after_refusal() {
  const std::uint64_t pc = engine_.pc();
  // A refused fetch stops between blocks; a refused access inside one.
  if (refusal_->access == Access::Fetch) {
    retirement_.close();
  } else {
    retirement_.stop_at(pc);
  }
  return take_abort(*refusal_, pc);
}

std::optional<Vector> GuestCore::after_wfi() {
  const std::uint64_t next = engine_.pc();
  const std::uint64_t wake = std::min(turn_end_, interrupt_due_);
  if (wake == Pcpu::kNever) {
    return fail(fmt::format("WFI at {:#x} waits for an interrupt that nothing can raise",
                            next - Retirement::kInstructionBytes));
  }
  skip_to(wake);
  if (wake == turn_end_) return leave_to_owner(next);
  retirement_.discontinue();
  schedule_attention();
  return std::nullopt;
}

Vector GuestCore::leave_to_owner(std::uint64_t pc) {
  el2_.elr = pc;
  spsr_is_current_ = true;
  stopped_by_owner_ = true;
  return Vector::Irq;
}

Vector GuestCore::leave_for_el2(Vector vector) {
  ++statistics_.traps_to_el2;
  note_exception(el2_.elr);
  synchronise_time();
  return vector;
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
      "the guest took {} exceptions in a row, the last at {:#x}, without executing an instruction",
      exceptions_, return_address);
  guest_is_stuck_ = true;
  request(Stop::Failed);
}

Vector GuestCore::fail(std::string what) {
  failure_ = std::move(what);
  el2_.elr = engine_.pc();
  spsr_is_current_ = true;
  return Vector::SError;
}

void GuestCore::skip_to(std::uint64_t t) {
  if (t > time()) idle_ += t - time();
}

void GuestCore::synchronise_time() {
  skip_to(machine_.published_time());
  machine_.publish_time(time());
}

std::uint64_t GuestCore::exact_time() {
  const std::uint64_t now = retirement_.total_at(engine_.pc()) + idle_;
  if (machine_.published_time() > now) {
    idle_ += machine_.published_time() - now;
    schedule_attention();
  }
  machine_.publish_time(std::max(now, machine_.published_time()));
  return machine_.published_time();
}

}  // namespace axvm::sim::aarch64
