// What decides a hart's future, for hash, snapshot and comparison.

#include <array>
#include <sim/arch/riscv64/guest_core.hpp>
#include <string_view>

namespace axvm::sim::riscv64 {
namespace {

struct Named {
  std::string_view name;
  Hidden word;
};

/// The guest's registers that live in the engine.
constexpr std::array kEngineRegisters{
    Named{"vsstatus", Hidden::Mstatus},
    Named{"vstvec", Hidden::Stvec},
    Named{"vsscratch", Hidden::Sscratch},
    Named{"vsepc", Hidden::Sepc},
    Named{"vscause", Hidden::Scause},
    Named{"vstval", Hidden::Stval},
    Named{"privilege", Hidden::Privilege},
    Named{"reserved_address", Hidden::ReservedAddress},
    Named{"reserved_value", Hidden::ReservedValue},
};

constexpr std::array<std::string_view, 32> kGeneralNames{
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
    "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
    "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "x31"};
constexpr std::array<std::string_view, 32> kFloatingNames{
    "f0",  "f1",  "f2",  "f3",  "f4",  "f5",  "f6",  "f7",  "f8",  "f9",  "f10",
    "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19", "f20", "f21",
    "f22", "f23", "f24", "f25", "f26", "f27", "f28", "f29", "f30", "f31"};

/// Shows a value that lives in the engine; stores it back when the visitor changed it.
template <class Set>
void visit(StateVisitor& visitor, std::string_view name, std::uint64_t value, Set&& set) {
  std::uint64_t changed = value;
  visitor.field(name, changed);
  if (changed != value) set(changed);
}

/// The engine drops a reservation by its address alone: what was there does not matter then.
constexpr std::uint64_t kNoReservation = ~0ULL;

}  // namespace

void GuestCore::describe(StateVisitor& visitor) {
  hs_.describe(visitor);
  for (const Named& named : kEngineRegisters) {
    std::uint64_t value = engine_.read(named.word);
    const bool meaningless = named.word == Hidden::ReservedValue &&
                             engine_.read(Hidden::ReservedAddress) == kNoReservation;
    if (meaningless) value = 0;
    visit(visitor, named.name, value, [&](std::uint64_t v) { engine_.write(named.word, v); });
  }
  for (unsigned n = 1; n < kGeneralNames.size(); ++n) {
    visit(visitor, kGeneralNames[n], engine_.x(n),
          [this, n](std::uint64_t v) { engine_.set_x(n, v); });
  }
  for (unsigned n = 0; n < kFloatingNames.size(); ++n) {
    visit(visitor, kFloatingNames[n], engine_.f(n),
          [this, n](std::uint64_t v) { engine_.set_f(n, v); });
  }
  visit(visitor, "fcsr", engine_.fcsr(), [this](std::uint64_t v) { engine_.set_fcsr(v); });
  retirement_.describe(visitor);
  visitor.field("progress", progress_);
  visitor.field("progress_pc", progress_pc_);
  visitor.value("exceptions", exceptions_);
  visitor.value("exceptions_here", exceptions_here_);
  visitor.field("idle", idle_);
  visitor.field("turn_end", turn_end_);
  visitor.value("stopped_at_limit", stopped_at_limit_);
  bool ran_last = machine_.last_to_run_ == index_;
  visitor.value("ran_last", ran_last);
  if (visitor.restores() && ran_last) machine_.last_to_run_ = index_;
  mmu_.describe(visitor);
  if (!visitor.restores()) return;
  if (timing_) timing_->restart(retirement_.total());
  forget_watches();
}

}  // namespace axvm::sim::riscv64
