// What decides a CPU's future, for hash, snapshot and comparison.

#include <array>
#include <sim/arch/aarch64/guest_core.hpp>
#include <string_view>
#include <utility>

namespace axvm::sim::aarch64 {
namespace {

struct Named {
  std::string_view name;
  SysReg reg;
};

/// EL1 and EL0 registers that live in the engine, in the order of their encodings.
constexpr std::array kEngineRegisters{
    Named{"MDSCR_EL1", {2, 0, 0, 2, 2}},    Named{"SCTLR_EL1", {3, 0, 1, 0, 0}},
    Named{"CPACR_EL1", {3, 0, 1, 0, 2}},    Named{"TTBR0_EL1", {3, 0, 2, 0, 0}},
    Named{"TTBR1_EL1", {3, 0, 2, 0, 1}},    Named{"TCR_EL1", {3, 0, 2, 0, 2}},
    Named{"SPSR_EL1", {3, 0, 4, 0, 0}},     Named{"ELR_EL1", {3, 0, 4, 0, 1}},
    Named{"AFSR0_EL1", {3, 0, 5, 1, 0}},    Named{"AFSR1_EL1", {3, 0, 5, 1, 1}},
    Named{"ESR_EL1", {3, 0, 5, 2, 0}},      Named{"FAR_EL1", {3, 0, 6, 0, 0}},
    Named{"PAR_EL1", {3, 0, 7, 4, 0}},      Named{"MAIR_EL1", {3, 0, 10, 2, 0}},
    Named{"VBAR_EL1", {3, 0, 12, 0, 0}},    Named{"CONTEXTIDR_EL1", {3, 0, 13, 0, 1}},
    Named{"TPIDR_EL1", {3, 0, 13, 0, 4}},   Named{"CNTKCTL_EL1", {3, 0, 14, 1, 0}},
    Named{"CSSELR_EL1", {3, 2, 0, 0, 0}},   Named{"TPIDR_EL0", {3, 3, 13, 0, 2}},
    Named{"TPIDRRO_EL0", {3, 3, 13, 0, 3}},
};

constexpr std::array<std::string_view, 32> kVectorNames{
    "V0",  "V1",  "V2",  "V3",  "V4",  "V5",  "V6",  "V7",  "V8",  "V9",  "V10",
    "V11", "V12", "V13", "V14", "V15", "V16", "V17", "V18", "V19", "V20", "V21",
    "V22", "V23", "V24", "V25", "V26", "V27", "V28", "V29", "V30", "V31"};
constexpr std::array<std::string_view, 31> kGeneralNames{
    "X0",  "X1",  "X2",  "X3",  "X4",  "X5",  "X6",  "X7",  "X8",  "X9",  "X10",
    "X11", "X12", "X13", "X14", "X15", "X16", "X17", "X18", "X19", "X20", "X21",
    "X22", "X23", "X24", "X25", "X26", "X27", "X28", "X29", "X30"};

/// Shows a value that lives in the engine; stores it back when the visitor changed it.
template <class Set>
void visit(StateVisitor& visitor, std::string_view name, std::uint64_t value, Set&& set) {
  std::uint64_t changed = value;
  visitor.field(name, changed);
  if (changed != value) set(changed);
}

}  // namespace

void GuestCore::describe(StateVisitor& visitor) {
  // SPSR_EL2 stands for PSTATE while the guest is out.
  static_cast<void>(read(SysReg(3, 4, 4, 0, 0)));
  el2_.describe(visitor);
  trap_answer_ = {};
  visit(visitor, "PSTATE", engine_.pstate(),
        [this](std::uint64_t v) { engine_.set_pstate(static_cast<std::uint32_t>(v)); });
  for (unsigned n = 0; n < kGeneralNames.size(); ++n) {
    visit(visitor, kGeneralNames[n], engine_.x(n),
          [this, n](std::uint64_t v) { engine_.set_x(n, v); });
  }
  for (unsigned el = 0; el < 2; ++el) {
    visit(visitor, el == 0 ? "SP_EL0" : "SP_EL1", engine_.sp_el(el),
          [this, el](std::uint64_t v) { engine_.set_sp_el(el, v); });
  }
  for (const Named& named : kEngineRegisters) {
    visit(visitor, named.name, engine_.system(named.reg),
          [&](std::uint64_t v) { engine_.set_system(named.reg, v); });
  }
  for (unsigned n = 0; n < kVectorNames.size(); ++n) {
    Engine::Vector128 v = engine_.v(n);
    const Engine::Vector128 old = v;
    visitor.field(kVectorNames[n], v[0]);
    visitor.field(kVectorNames[n], v[1]);
    if (v != old) engine_.set_v(n, v);
  }
  for (const auto& [name, id] : {std::pair{std::string_view("FPCR"), UC_ARM64_REG_FPCR},
                                 std::pair{std::string_view("FPSR"), UC_ARM64_REG_FPSR}}) {
    visit(visitor, name, engine_.reg(id), [&](std::uint64_t v) { engine_.set_reg(id, v); });
  }
  const ExclusiveMonitor old = engine_.exclusive_monitor();
  ExclusiveMonitor monitor = old;
  visitor.field("exclusive_address", monitor.address);
  visitor.field("exclusive_low", monitor.low);
  visitor.field("exclusive_high", monitor.high);
  if (monitor != old) engine_.set_exclusive_monitor(monitor);
  timers_.describe(visitor);
  interrupts_.describe(visitor);
  visitor.field("interrupt_due", interrupt_due_);
  visitor.value("event", event_);
  retirement_.describe(visitor);
  visitor.field("progress", progress_);
  visitor.field("progress_pc", progress_pc_);
  visitor.value("exceptions", exceptions_);
  visitor.value("exceptions_here", exceptions_here_);
  visitor.field("idle", idle_);
  visitor.field("turn_end", turn_end_);
  visitor.value("stopped_at_limit", stopped_at_limit_);
  visitor.value("spsr_written", spsr_written_);
  mmu_.describe(visitor);
  if (visitor.restores()) forget_caches();
}

void GuestCore::forget_caches() {
  instruction_page_ = {};
  refused_accesses_ = {};
  refused_at_ = kNoTarget;
  stack_is_misaligned_ = stacks_are_misaligned();
  stack_patience_ = 1;
  if (timing_) timing_->restart(retirement_.total());
  forget_watches();
}

}  // namespace axvm::sim::aarch64
