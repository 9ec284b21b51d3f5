#include <fmt/format.h>

#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>
#include <utility>

namespace axvm::sim::x86_64 {
namespace {

/// So many exceptions and exits in a row, with nothing executed, will never end.
constexpr std::uint32_t kStuck = 100'000;

constexpr ExitCode kMachineCheck = static_cast<ExitCode>(code_of(ExitCode::Exception0) + 18);

}  // namespace

GuestCore::GuestCore(Machine& machine, unsigned index, Engine engine, std::uint32_t tlb_entries)
    : machine_(machine),
      index_(index),
      engine_(std::move(engine)),
      mmu_(machine.memory(), tlb_entries, statistics_) {
  mmu_.set_listener(this);
  install_hooks();
}

ExitCode GuestCore::vmrun(std::uint64_t vmcb_pa) {
  if (!failure_.empty()) return kMachineCheck;
  if ((host_.efer & efer::SVME) == 0) return fail("VMRUN without EFER.SVME");
  vmcb_pa_ = vmcb_pa & ~kPageMask;
  std::uint8_t* const frame = machine_.memory().at(vmcb_pa_);
  if (frame == nullptr) return fail("VMRUN of a control block that is not in RAM");
  Vmcb v(frame);
  controls_ = Controls(v);
  stopped_by_owner_ = false;
  if (!is_runnable(v, controls_)) {
    v.write(vmcb::kExitCode, code_of(ExitCode::Invalid));
    return ExitCode::Invalid;
  }
  host_.gif = true;
  load_guest(v);
  mmu_.tlb_control(controls_.tlb_control, static_cast<std::uint16_t>(controls_.asid));
  // A stop at the limit is the owner's doing: what follows continues as if it had not been.
  if (!std::exchange(stopped_at_limit_, false)) retirement_.discontinue();
  const std::uint64_t injection = v.read(vmcb::kEventInjection);
  v.write(vmcb::kEventInjection, injection & ~(1ULL << 31));
  if (const Exit exit = inject(injection)) return *exit;
  return run_guest();
}

ExitCode GuestCore::run_guest() {
  while (failure_.empty()) {
    const bool others = std::exchange(cached_for_, mmu_.registers()) != mmu_.registers();
    if (others) forget_translations();
    schedule_attention();
    prepare_run();
    if (const Exit exit = after_run(engine_.run(engine_.rip()))) return *exit;
  }
  return fail(failure_);
}

void GuestCore::prepare_run() {
  // The engine has pages translated that it is to trap at: none of them may stay.
  const bool trapped = std::exchange(refusal_, std::nullopt).has_value();
  if (mmu_.take_forgotten() || trapped) forget_translations();
  stop_ = Stop::None;
}

GuestCore::Exit GuestCore::after_run(uc_err error) {
  switch (stop_) {
    case Stop::Trap:
      retirement_.stop_at(current_pc());
      instruction_ = {};
      return carry_out(static_cast<ExitCode>(trap_ - kInterceptBase));
    case Stop::Points: {
      bool taken = false;
      return take_what_is_due(taken);
    }
    case Stop::Limit: stopped_at_limit_ = true; return leave_to_owner();
    case Stop::Exactly: return run_exactly(exact_count_);
    case Stop::Resume:
      if (std::exchange(flush_code_next_, false)) engine_.flush_code();
      return std::nullopt;
    case Stop::None: break;
  }
  if (refusal_) return after_refusal();
  if (error == UC_ERR_OK) return std::nullopt;
  return fail(fmt::format("the engine stopped at {:#x}: {}", current_pc(), uc_strerror(error)));
}

uc_err GuestCore::step() {
  const std::uint64_t rip = engine_.rip();
  bool shadow = false;
  // Code in an interrupt shadow is one instruction long for the engine.
  engine_.change([&](EngineContext& c) {
    shadow = (c.head().hflags & hflags::kInhibitIrq) != 0;
    c.head().hflags |= hflags::kInhibitIrq;
  });
  stepping_ = 1;
  attention_ = 0;
  const uc_err error = engine_.run(rip);
  stepping_ = 0;
  if (!shadow && stop_ != Stop::Resume && engine_.rip() == rip) {
    // It did not execute, so that the shadow is still ours.
    engine_.change([](EngineContext& c) { c.head().hflags &= ~hflags::kInhibitIrq; });
  }
  return error;
}

GuestCore::Exit GuestCore::run_exactly(std::uint64_t count) {
  const std::uint64_t target = retirement_.total() + count;
  while (retirement_.total() < target) {
    prepare_run();
    const uc_err error = step();
    if (stop_ == Stop::Resume) continue;
    return after_run(error);
  }
  return std::nullopt;
}

GuestCore::Exit GuestCore::after_refusal() {
  const Refusal refusal = *refusal_;
  const std::uint64_t pc = current_pc();
  switch (refusal.kind) {
    case Refusal::Kind::OwnCode: {
      retirement_.stop_at(pc);
      stepping_own_code_ = true;
      const Exit exit = run_exactly(1);
      stepping_own_code_ = false;
      return exit;
    }
    case Refusal::Kind::Ahead: {
      retirement_.close();
      const CodeBytes code = code_at(pc);
      const auto room = static_cast<std::uint32_t>(refusal.page - pc);
      std::uint64_t count = 0;
      // The last one may go on in the page that comes next.
      for (std::uint32_t offset = 0; offset < room; ++count) {
        const unsigned length = code.at(offset).length;
        if (length == 0 || offset + length > room) break;
        offset += length;
      }
      return run_exactly(count == 0 ? 1 : count);
    }
    case Refusal::Kind::NoMemory:
      return fail(fmt::format("the guest's tables lead to {:#x}, where nothing is", refusal.pa));
    case Refusal::Kind::Fault: break;
  }
  Fault fault = refusal.fault;
  if (refusal.access == Access::Fetch) {
    retirement_.close();
    // A fetch that cannot be stops between blocks: what is due comes first.
    if (retirement_.total() >= limit_) {
      stopped_at_limit_ = true;
      return leave_to_owner();
    }
    if (is_asynchronous_point(pc) || retirement_.total() >= cut()) {
      bool taken = false;
      const Exit exit = take_what_is_due(taken);
      if (taken) return exit;
    }
    // An instruction that goes on in the refused page faults at that page's first byte.
    if ((pc & ~kPageMask) == refusal.page) {
      fault.va |= pc & kPageMask;
      if ((fault.error & page_fault::kFinal) != 0) fault.gpa |= pc & kPageMask;
    }
  } else {
    retirement_.stop_at(pc);
    take_back_spills();
    instruction_ = instruction_at(pc);
    const std::uint64_t offset = first_byte(refusal) & kPageMask;
    fault.va |= offset;
    if ((fault.error & page_fault::kFinal) != 0) fault.gpa |= offset;
    // The engine reads first what an instruction is about to modify.
    if (refusal.access == Access::Read && instruction_.modifies_memory()) {
      AccessContext context = access_context(Access::Write);
      const auto t = mmu_.translate_without_side_effects(fault.va, context);
      if (!t) fault = t.error();
    }
  }
  return raise_fault(fault);
}

ExitCode GuestCore::fail(std::string what) {
  failure_ = std::move(what);
  if (vmcb_pa_ != 0) {
    delivering_.reset();
    return leave(kMachineCheck);
  }
  return kMachineCheck;
}

void GuestCore::note_progress() {
  if (std::exchange(progress_, retirement_.total()) != retirement_.total()) idle_events_ = 0;
  if (++idle_events_ < kStuck || !failure_.empty()) return;
  failure_ = fmt::format(
      "the guest took {} exceptions and exits in a row, the last at {:#x}, "
      "without executing an instruction",
      idle_events_, current_pc());
  guest_is_stuck_ = true;
}

std::uint64_t GuestCore::linear(std::uint64_t rip) {
  const EngineHead& head = engine_.look().head();
  if ((head.hflags & hflags::kCs64) != 0) return rip;
  return (head.segments[kCs].base + rip) & 0xffff'ffff;
}

void GuestCore::invlpga(std::uint64_t va, std::uint16_t asid) {
  mmu_.invlpga(va, asid);
  if (mmu_.take_forgotten()) forget_translations();
}

void GuestCore::forget_all_code() {
  engine_.flush_code();
  forget_translations();
  forget_unsafe_places();
}

void GuestCore::forget_code(std::uint64_t pa) {
  engine_.forget_code(pa, PhysicalMemory::kFrameSize);
  blocks_.forget();
  examined_pages_.forget(pa);
}

}  // namespace axvm::sim::x86_64
