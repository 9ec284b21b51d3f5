#include <sim/arch/x86_64/unsafe_code.hpp>

#include <algorithm>
#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>

namespace axvm::sim::x86_64 {
namespace {

/// With more of them all are dropped, and found again where code is still fetched from.
constexpr std::size_t kMaxUnsafePlaces = 16384;

/// The engine stops where it is asked to by a HLT of its own.
constexpr bool is_engine_stop(std::uint32_t trap) noexcept {
  return trap == kInterceptBase + code_of(ExitCode::Hlt);
}

}  // namespace

void GuestCore::examine_code(std::uint64_t page, std::uint64_t pa) {
  if (examined_pages_.note(page, pa, 0)) return;
  const std::uint8_t* const bytes = machine_.memory().at(pa);
  const std::size_t before = unsafe_places_.size();
  for_each_unsafe_place(std::span(bytes, PhysicalMemory::kFrameSize),
                        [&](std::uint32_t offset) { unsafe_places_.push_back(page + offset); });
  if (unsafe_places_.size() == before) return;
  std::ranges::sort(unsafe_places_);
  const auto same = std::ranges::unique(unsafe_places_);
  unsafe_places_.erase(same.begin(), same.end());
  engine_.set_exits(unsafe_places_);
}

void GuestCore::forget_unsafe_places() {
  unsafe_places_.clear();
  examined_pages_.forget_all();
  engine_.set_exits(unsafe_places_);
}

GuestCore::Exit GuestCore::after_unsafe_place() {
  constexpr std::uint8_t kUndefined = 6;
  if (upsets_engine(instruction_)) return raise(kUndefined);
  // It only looked like one, or was one once.
  if (unsafe_places_.size() > kMaxUnsafePlaces) forget_all_code();
  return run_unstopped();
}

GuestCore::Exit GuestCore::run_unstopped() {
  if (retirement_.total() >= limit_) {
    stopped_at_limit_ = true;
    return leave_to_owner();
  }
  prepare_run();
  stepping_ = 1;
  attention_ = 0;
  const std::uint64_t end = current_pc() + std::max<std::uint64_t>(instruction_.length, 1);
  const uc_err error = engine_.run_until(engine_.rip(), end);
  stepping_ = 0;
  // What was translated for this ends where others must not.
  engine_.flush_code();
  if (stop_ == Stop::Trap && is_engine_stop(trap_) && current_pc() == end) stop_ = Stop::Resume;
  if (stop_ != Stop::Resume) return after_run(error);
  retirement_.stop_at(current_pc());
  return std::nullopt;
}

}  // namespace axvm::sim::x86_64
