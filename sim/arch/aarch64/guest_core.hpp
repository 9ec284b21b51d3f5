#pragma once
// The CPU proper: runs guest code on the engine between ERET and the next trap to EL2, and is the
// hardware around it: translation, exception delivery to EL1, trap synthesis for EL2, counting of
// retired instructions, asynchronous points.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <sim/arch/aarch64/el2_registers.hpp>
#include <sim/arch/aarch64/engine.hpp>
#include <sim/arch/aarch64/guest_timing.hpp>
#include <sim/arch/aarch64/interrupts.hpp>
#include <sim/arch/aarch64/machine.hpp>
#include <sim/arch/aarch64/mmu.hpp>
#include <sim/arch/aarch64/pcpu.hpp>
#include <sim/arch/aarch64/refused_accesses.hpp>
#include <sim/arch/aarch64/timers.hpp>
#include <sim/arch/aarch64/traps.hpp>
#include <sim/cpu/chaos.hpp>
#include <sim/cpu/examined_pages.hpp>
#include <sim/cpu/fetch_coherence.hpp>
#include <sim/cpu/retirement.hpp>
#include <sim/cpu/statistics.hpp>
#include <string>
#include <utility>

namespace axvm::sim::aarch64 {

class GuestCore final : public EngineCaches {
 public:
  GuestCore(Machine& machine, unsigned index, Engine engine, std::uint32_t tlb_entries);
  ~GuestCore() = default;
  GuestCore(const GuestCore&) = delete;
  GuestCore& operator=(const GuestCore&) = delete;

  /// ERET: runs the guest until the next trap to EL2.
  Vector enter();

  // Registers as EL2 software sees them.
  [[nodiscard]] std::uint64_t read(SysReg reg);
  void write(SysReg reg, std::uint64_t value);
  [[nodiscard]] std::uint64_t gpr(unsigned n) const { return engine_.x(n); }
  void set_gpr(unsigned n, std::uint64_t v) { engine_.set_x(n, v); }
  [[nodiscard]] std::array<std::uint64_t, 2> vreg(unsigned n) const { return engine_.v(n); }
  void set_vreg(unsigned n, std::array<std::uint64_t, 2> v) { engine_.set_v(n, v); }
  void at_s1(std::uint64_t va, unsigned el, bool write);

  // Time. Local guest time is retired instructions plus idle skips, in nanoseconds.
  [[nodiscard]] std::uint64_t instructions() const noexcept { return retirement_.total(); }
  [[nodiscard]] std::uint64_t time() const noexcept { return retirement_.total() + idle_; }
  void skip_to(std::uint64_t t);
  void set_turn_end(std::uint64_t t) noexcept { turn_end_ = t; }
  void set_instruction_limit(std::uint64_t n) noexcept { limit_ = n; }
  [[nodiscard]] bool stopped_at_limit() const noexcept { return stopped_at_limit_; }
  [[nodiscard]] bool stopped_by_owner() const noexcept { return stopped_by_owner_; }

  // The physical interrupt controller (interrupt_delivery.cpp).
  void enable_interrupt(std::uint32_t intid, bool on);
  std::uint32_t acknowledge_interrupt();
  void end_interrupt(std::uint32_t intid);
  [[nodiscard]] std::uint64_t next_deadline() const noexcept { return interrupt_due_; }

  [[nodiscard]] El2Registers& el2() noexcept { return el2_; }
  [[nodiscard]] const Timers& timers() const noexcept { return timers_; }
  [[nodiscard]] Mmu& mmu() noexcept { return mmu_; }
  [[nodiscard]] const Mmu& mmu() const noexcept { return mmu_; }
  [[nodiscard]] const Statistics& statistics() const noexcept { return statistics_; }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] bool guest_is_stuck() const noexcept { return guest_is_stuck_; }
  void set_chaos(std::uint64_t seed);
  /// Observes what guests access; without this, nobody does.
  [[nodiscard]] GuestTiming& observe();
  /// Null before that.
  [[nodiscard]] const GuestTiming* timing() const noexcept { return timing_.get(); }
  void describe(StateVisitor& visitor);

  /// The guest's PC; between runs only.
  [[nodiscard]] std::uint64_t pc() const noexcept { return el2_.elr; }
  /// This CPU's GICV_* registers, for those accesses that the engine carries out.
  [[nodiscard]] BoardDevice& interface_frame() noexcept { return interface_frame_; }
  /// Lets the engine reach the board's devices at [base, base + size).
  bool mount(std::uint64_t base, std::uint64_t size, BoardDevice* device);
  /// Between runs. What is fetched next is looked at anew.
  void forget_all_code();

  // EngineCaches
  void forget_code(std::uint64_t pa) override;
  void forget_translations() override {
    engine_.flush_tlb();
    instruction_page_.va = InstructionPage::kNone;
  }

 private:
  /// Why the engine stopped, when a hook decided so.
  enum class Stop : std::uint8_t {
    None,             ///< the engine's own reason: a denied translation, an engine error
    Trap,             ///< a trap to EL2 is recorded in the registers
    Interrupt,        ///< an asynchronous point with a physical interrupt for EL2
    TurnEnd,          ///< an asynchronous point after the turn's end
    Limit,            ///< the instruction limit
    Exactly,          ///< run exactly `exact_count_` more instructions, then go on
    Resume,           ///< nothing: go on
    Undefined,        ///< the next instruction is an exception to EL1, though the engine has it
    Failed,           ///< `failure_` says what the engine did
    Refused,          ///< `refusal_` was recorded by the last instruction, which is no access
    IllegalReturn,    ///< the next instruction is an ERET whose SPSR_EL1 is illegal
    MisalignedStack,  ///< the next instruction finds SP misaligned
    Wfi,              ///< a WFI has retired that waits
    GiveBack,         ///< the instruction to come was replaced, and should not have been
  };
  static constexpr std::uint64_t kNoTarget = ~0ULL;
  /// Beyond so many watches all are dropped and set again where code is still fetched from.
  static constexpr std::size_t kMaxWatches = 1024;
  /// A page with more trapping instructions than this is watched as a whole.
  static constexpr std::size_t kMaxWatchesOfPage = 128;

  /// A translation that the fill hook refused.
  struct Refusal {
    /// Interface: the address is that of GICV_* registers, at `page` of the frame. NoCopy: there is
    /// no room for another copy of code.
    enum class Kind : std::uint8_t { Fault, OwnCode, NoMemory, Unaligned, Interface, NoCopy } kind;
    Fault fault;
    Access access;
    std::uint64_t page;  ///< virtual address of the page
    unsigned el;         ///< where the access came from
  };
  /// The page of code looked at last, so that looking again costs no translation.
  struct InstructionPage {
    static constexpr std::uint64_t kNone = 1;
    std::uint64_t va = kNone;
    std::uint64_t pa = 0;
    const std::uint8_t* bytes = nullptr;
  };
  /// The instruction that was asked about last, so that one which traps again and again is looked
  /// up once. Valid until a register of EL2 changes.
  struct TrapAnswer {
    std::uint32_t word = 0;  ///< UDF, which EL2 cannot trap
    bool traps = false;
  };

  /// enter() without the timing fidelity.
  Vector run_guest();

  // engine_hooks.cpp: what the engine asks while it runs, and what it is told.
  void install_hooks();
  void reset_registers();
  bool on_fill(std::uint64_t va, uc_mem_type type, uc_tlb_entry& entry);
  /// What a data access in this PSTATE is for; `unprivileged`: by LDTR, STTR and their kin.
  [[nodiscard]] static AccessContext access_context(Access access, std::uint32_t pstate,
                                                    bool unprivileged) noexcept {
    constexpr std::uint32_t kPan = 1U << 22;
    if (unprivileged) return {.access = access, .el = 0, .pan = false};
    return {.access = access,
            .el = static_cast<std::uint8_t>((pstate >> 2) & 3),
            .pan = (pstate & kPan) != 0};
  }
  /// Decides what the engine may do with a translated page on its own.
  bool grant(std::uint64_t va, Access access, const Translation& translation, uc_tlb_entry& entry);
  /// True when the instruction being executed lies in the frame at `pa`.
  [[nodiscard]] bool runs_from(std::uint64_t pa) const;
  void on_block(std::uint64_t va, std::uint32_t size);
  /// The rare part of on_block. Inline, it would have every block save registers.
  [[gnu::noinline]] void attend_block(std::uint64_t va, std::uint64_t count);
  /// False: the block must not run now.
  bool attend(std::uint64_t va, std::uint64_t count);
  /// What the strict TLB dropped for capacity, its caches must drop.
  void after_eviction(Access access, std::uint64_t pc);
  [[nodiscard]] static Engine::CodeHook watch_function() noexcept;
  void schedule_attention() noexcept;
  /// How many instructions will have retired at a local time; kNoTarget: never.
  [[nodiscard]] std::uint64_t instructions_at(std::uint64_t time) const noexcept {
    if (time == Pcpu::kNever) return kNoTarget;
    return time > idle_ ? time - idle_ : 0;
  }
  void request(Stop stop) {
    stop_ = stop;
    engine_.stop();
  }
  /// From inside a hook: a trap to EL2 has been recorded. True when the guest goes on at `next`
  /// with the hook's return, which has to see to it.
  bool leave_by_trap(std::uint64_t next) {
    stop_ = Stop::Trap;
    return engine_.park(next);
  }
  /// Runs at most `count` instructions from `pc`, then stops exactly there.
  uc_err run_exactly(std::uint64_t pc, std::uint64_t count);
  /// Continues after the engine returned; the vector when a trap to EL2 was taken.
  std::optional<Vector> after_run(uc_err error);
  std::optional<Vector> after_refusal();
  std::optional<Vector> after_wfi();
  Vector leave_for_el2(Vector vector);
  /// The turn's end or the limit, with `pc` as the next instruction.
  Vector leave_to_owner(std::uint64_t pc);
  Vector fail(std::string what);
  /// Counts exceptions between which nothing is executed; too many are a failure.
  void note_exception(std::uint64_t return_address);
  void synchronise_time();
  [[nodiscard]] std::uint64_t exact_time();

  // guest_core_timing.cpp: what the timing fidelity is told.
  /// The instruction at `va` is about to be executed, or another hook says otherwise.
  void on_instruction(std::uint64_t va);
  /// Translation may have changed.
  void refresh_timing() {
    if (timing_) timing_->set_regime(mmu_.regime());
  }

  // interface_frame.cpp: the virtual CPU interface in memory.
  class InterfaceFrame final : public BoardDevice {
   public:
    explicit InterfaceFrame(GuestCore& core) noexcept : core_(core) {}
    [[nodiscard]] std::string_view name() const override { return "gicv"; }
    std::uint64_t read(std::uint64_t offset, unsigned width) override;
    void write(std::uint64_t offset, unsigned width, std::uint64_t value) override;
    [[nodiscard]] bool irq() const override { return false; }

   private:
    GuestCore& core_;
  };
  /// The instruction at which the engine stopped accesses GICV_* registers: carries it out, and
  /// returns how the engine ended that did what cannot be done here.
  uc_err access_interface();
  /// The same for the instruction at `pc` if it is a plain load or store; false otherwise. `page`
  /// is the offset of the page in the frame.
  bool move_to_interface(std::uint64_t pc, std::uint64_t page);

  // interrupt_delivery.cpp: interrupts at asynchronous points.
  /// Finds out when the next interrupt will be asserted, seen from local time `now`.
  void refresh_interrupts(std::uint64_t now) noexcept;
  /// Whether a physical interrupt is signalled to the CPU now.
  [[nodiscard]] bool interrupt_asserted(std::uint64_t now) noexcept;
  [[nodiscard]] std::uint32_t asserted_interrupts(std::uint64_t now) const noexcept;
  [[nodiscard]] bool maintenance_is_due() const noexcept;
  /// The local time at which this CPU leaves its guest at the next asynchronous point.
  [[nodiscard]] std::uint64_t leaves_at() const noexcept {
    const bool to_el2 = (el2_.hcr & hcr::IMO) != 0;
    return to_el2 && interrupt_due_ < turn_end_ ? interrupt_due_ : turn_end_;
  }
  /// The instruction that has retired, the one before `va`, makes `va` an asynchronous point.
  [[nodiscard]] bool follows_synchronization(std::uint64_t va) const;
  /// Takes what is due at an asynchronous point, at `va`. False: nothing is.
  bool take_interrupt(std::uint64_t va);
  /// Pending virtual interrupts, masked or not: bit 0 FIQ, 1 IRQ, 2 SError.
  [[nodiscard]] unsigned virtual_interrupts() const noexcept {
    const unsigned signalled = (el2_.gic.fiq() ? 1U : 0U) | (el2_.gic.irq() ? 2U : 0U);
    return static_cast<unsigned>((el2_.hcr >> hcr::kRouteShift) &
                                 (el2_.hcr >> hcr::kPendingShift | signalled) & 7);
  }
  [[nodiscard]] std::uint64_t isr() noexcept;

  /// D1.7.2: a pending interrupt completes WFI, masked or not.
  [[nodiscard]] bool wfi_completes(std::uint64_t now) noexcept {
    return virtual_interrupts() != 0 || interrupt_asserted(now);
  }

  // exceptions.cpp: what exceptions do to PSTATE and registers.
  void on_interrupt(std::uint32_t number);
  /// The instruction before `next` was an SVC, or stands for another one.
  void on_svc(std::uint64_t next);
  void on_hvc(std::uint64_t next);
  void take_to_el1(std::uint64_t vector_offset, std::uint64_t return_address);
  void take_synchronous_to_el1(std::uint64_t esr, std::uint64_t return_address);
  void take_abort_to_el1(std::uint64_t esr, std::uint64_t far, std::uint64_t return_address);
  /// The load or store at which the guest was stopped is an alignment fault.
  void refuse_as_unaligned();
  /// Records a synchronous trap to EL2.
  void record_trap(std::uint64_t esr, std::uint64_t return_address) {
    el2_.esr = esr;
    el2_.elr = return_address;
    spsr_is_current_ = true;
  }
  std::optional<Vector> take_abort(const Refusal& refusal, std::uint64_t pc);
  /// Records an abort by stage 2.
  void record_abort(const Fault& fault, std::uint64_t esr, std::uint64_t far, std::uint64_t pc);
  /// The same for data; `instruction` may be null.
  void record_data_abort(const Fault& fault, unsigned el, bool write, std::uint64_t far,
                         const MemoryInstruction* instruction, std::uint64_t pc);
  /// The address that a memory instruction at `pc` accesses.
  [[nodiscard]] std::uint64_t address_of(const MemoryInstruction& instruction,
                                         std::uint64_t pc) const {
    return instruction.address([this](unsigned n) { return n == 31 ? engine_.sp() : engine_.x(n); },
                               pc);
  }
  [[nodiscard]] unsigned current_el() const { return (engine_.pstate() >> 2) & 3; }
  /// The instruction at a virtual address that can be fetched; 0 (UDF) when it cannot.
  [[nodiscard]] std::uint32_t instruction_at(std::uint64_t va) const;

  // system_registers.cpp: MRS, MSR and SYS as the guest executes them.
  bool on_mrs(const uc_arm64_cp_reg& cp, uc_arm64_reg target);
  bool on_msr(const uc_arm64_cp_reg& cp);
  bool on_sys(const uc_arm64_cp_reg& cp);
  /// False when the engine has to execute it, too.
  bool on_tlbi(SysReg op, std::uint64_t operand);
  void on_undefined(std::uint32_t instruction, std::uint64_t pc);
  /// The instruction at `pc` has been carried out without the engine.
  void go_on_behind(std::uint64_t pc);
  /// Carries out an access to the virtual CPU interface; false when the instruction is none.
  bool access_interrupt_controller(std::uint32_t instruction, std::uint64_t pc);
  /// Traps the system access, WFE, WFI or FP instruction at `pc` to EL2.
  void trap_instruction(std::uint32_t instruction, std::uint64_t pc) {
    record_trap_of(instruction, pc);
    leave_past(pc);
  }
  /// A trap of the instruction at `pc` has been recorded: leaves the engine, to be entered behind
  /// it.
  void leave_past(std::uint64_t pc) {
    const std::uint64_t next = pc + Retirement::kInstructionBytes;
    // Behind it the engine leaves the block, as after any change of its PC.
    if (leave_by_trap(next)) engine_.set_pc(next);
  }
  void record_trap_of(std::uint32_t instruction, std::uint64_t pc);
  /// traps_to_el2() by the registers as they are now.
  [[nodiscard]] bool traps_by_controls(std::uint32_t instruction) const noexcept {
    if (instruction != trap_answer_.word) [[unlikely]]
      trap_answer_ = {instruction, traps_to_el2(el2_, instruction)};
    return trap_answer_.traps;
  }
  /// The same from `el`.
  [[nodiscard]] bool traps_from(unsigned el, std::uint32_t instruction) const;
  [[nodiscard]] bool timer_open_to_el0(SysReg reg) const;
  /// A register that this machine answers at `el`, not the engine; the engine's checks come first.
  [[nodiscard]] std::optional<std::uint64_t> answer(SysReg reg, unsigned el);
  /// The system instruction at `pc` faults for the address `va`.
  void refuse_system_instruction(const Fault& fault, std::uint64_t va, std::uint64_t pc);

  // refused_accesses.cpp: what emulated devices cost.
  /// The engine was stopped because stage 2 refused the access at `refused_at_`, and EL2 has the
  /// guest go on at `pc`.
  void note_refusal(std::uint64_t pc);
  /// Instead of a replaced access: raises its abort if stage 2 refuses it, and gives it back to the
  /// engine otherwise.
  void refuse_in_place(std::uint32_t word, std::uint64_t va);
  /// From now on the engine fetches `word` at `va`. It is stopped.
  void substitute(std::uint64_t va, std::uint32_t word);
  /// The engine goes on at `va`, with the instruction that is there in memory.
  void give_back(std::uint64_t va);

  // replaced_instructions.cpp: instructions that the engine never sees.
  [[nodiscard]] bool replaces(std::uint32_t word) const noexcept;
  /// The engine has executed what stands for `word` at `va`.
  void on_replaced(std::uint32_t word, std::uint64_t va);
  void on_wfi(std::uint64_t va);
  void on_wfe(std::uint64_t va);
  /// DC or IC by VA.
  void maintain_cache(std::uint32_t word, std::uint64_t va);
  /// Why it faults.
  std::optional<Fault> maintenance_fault(SysReg op, std::uint64_t va, unsigned el);
  /// IC IVAU.
  void invalidate_line(std::uint64_t va, unsigned el);
  /// The instruction has not retired after all: it traps to EL2.
  void trap_replaced(std::uint32_t word, std::uint64_t va);
  /// The same: it is undefined here, or EL1 refuses it to EL0.
  void refuse_replaced(std::uint32_t word, std::uint64_t va);

  // watches.cpp: instructions before which to look.
  void on_watch(std::uint64_t va);
  [[nodiscard]] bool needs_watch(std::uint32_t word, std::uint64_t cpacr,
                                 unsigned el) const noexcept;
  void take_illegal_return();
  /// SCTLR_EL1.A: loads and stores fault unless they are aligned. SA and SA0: those whose base is
  /// SP fault unless that is, at EL1 and at EL0.
  static constexpr std::uint64_t kSctlrA = 1U << 1;
  static constexpr std::uint64_t kSctlrSa = 1U << 3;
  static constexpr std::uint64_t kSctlrSa0 = 1U << 4;
  [[nodiscard]] bool checks_alignment() const noexcept {
    return (mmu_.registers().sctlr_el1 & kSctlrA) != 0;
  }
  [[nodiscard]] bool checks_stack_at(unsigned el) const noexcept {
    return (mmu_.registers().sctlr_el1 & (el == 0 ? kSctlrSa0 : kSctlrSa)) != 0;
  }
  /// The load or store `word` at `va` is not aligned: it faults. False: it is.
  bool refuse_unaligned(std::uint32_t word, std::uint64_t va);
  /// SCTLR_EL1 changes: what has to be watched may, too.
  void control_alignment(std::uint64_t old, std::uint64_t now);

  // stack_alignment.cpp: what checks SP is watched while a stack pointer is misaligned, what may
  // misalign it always.
  [[nodiscard]] bool needs_stack_watch(std::uint32_t word, unsigned el) const noexcept;
  [[nodiscard]] bool stacks_are_misaligned() const;
  /// SP_EL0 is about to be used, perhaps by an exception level that has not set it.
  void note_use_of_sp_el0();
  /// A stack pointer becomes `value`. True when more has to be watched from now on.
  bool note_stack(std::uint64_t value);
  /// Whether SP, misaligned by the instruction at `va`, is set again before it is used.
  [[nodiscard]] bool is_passing(std::uint64_t va) const;
  /// Carries out arithmetic with SP.
  void change_stack(std::uint32_t word, std::uint64_t va);
  /// An instruction was watched because of a misaligned stack pointer.
  void lose_patience_with_stack();
  /// The instruction at `va` is about to be executed. True: not now.
  bool watch_stack(std::uint32_t word, std::uint64_t va, unsigned el);
  /// CPACR_EL1 changes.
  void control_fp(std::uint64_t old, std::uint64_t now);
  /// The page of code is about to be fetched from: replaces what has to be, watches what has to be.
  /// Returns fetched_from(pa).
  std::uint64_t examine_code(std::uint64_t page_va, std::uint64_t pa);
  /// Where the engine fetches the code of the frame at `pa` from.
  [[nodiscard]] std::uint64_t fetched_from(std::uint64_t pa) const;
  /// Watches lines of the frame that were written and not invalidated since.
  void watch_unmaintained_code(std::uint64_t page_va, std::uint64_t pa);
  /// The instruction at `va`, just looked at, is about to be executed.
  void report_unmaintained_code(std::uint64_t va);
  /// The state has been restored: nothing that was derived from the old one is left.
  void forget_caches();
  /// Has on_watch called before the instructions in [first, last].
  void watch(std::uint64_t first, std::uint64_t last);
  /// A watched instruction does nothing that its watch is for, as far as one call can tell.
  void note_idle_watch(std::uint32_t word, unsigned el);
  void forget_watches();
  void on_stage2_control(SysReg reg, std::uint64_t old);
  void mirror_translation_register(SysReg reg, std::uint64_t value);

  Machine& machine_;
  unsigned index_;
  Statistics statistics_;
  Engine engine_;
  Mmu mmu_;
  El2Registers el2_;
  Timers timers_;
  PrivateInterrupts interrupts_;
  InterfaceFrame interface_frame_{*this};
  Retirement retirement_;
  Chaos chaos_;

  std::uint64_t idle_ = 0;
  std::uint64_t turn_end_ = Pcpu::kNever;
  std::uint64_t limit_ = Pcpu::kNever;
  /// Local time of the next assertion of an interrupt that is open; kNever. Earlier than now: it
  /// has been asserted since.
  std::uint64_t interrupt_due_ = Pcpu::kNever;
  std::uint64_t attention_ = 0;  ///< on_block looks closer when it would retire more than this
  bool stopped_at_limit_ = false;
  bool stopped_by_owner_ = false;
  bool event_ = false;  ///< the event register (D1.6.1)
  bool stepping_own_code_ = false;
  bool stepping_interface_ = false;  ///< the engine may access GICV_* now
  bool flush_code_next_ = false;
  bool forget_watches_next_ = false;
  bool stack_is_misaligned_ = false;  ///< SP_EL0 or SP_EL1, or lately was; while SP is checked
  unsigned stack_patience_ = 0;
  std::uint64_t next_patience_ = 1024;
  std::uint64_t watch_patience_ = next_patience_;  ///< executions until a watch may be called idle
  bool spsr_is_current_ = false;  ///< SPSR_EL2 is the engine's PSTATE, not yet fetched
  bool spsr_written_ = false;

  Stop stop_ = Stop::None;
  std::uint64_t exact_count_ = 0;
  std::optional<Refusal> refusal_;
  mutable InstructionPage instruction_page_;
  mutable TrapAnswer trap_answer_;
  RefusedAccesses refused_accesses_;
  std::uint64_t refused_at_ = kNoTarget;
  std::uint64_t exact_target_ = kNoTarget;
  std::uint64_t exact_end_ = 0;  ///< where it is reached
  std::uint64_t progress_ = 0;
  std::uint64_t progress_pc_ = 0;
  std::uint32_t exceptions_ = 0;       ///< since `progress_`
  std::uint32_t exceptions_here_ = 0;  ///< of those, in a row at `progress_pc_`
  std::map<std::pair<std::uint64_t, std::uint64_t>, uc_hook> watches_;  // by [first, last]
  ExaminedPages examined_pages_;
  std::unique_ptr<GuestTiming> timing_;
  std::string failure_;
  bool guest_is_stuck_ = false;  ///< what failure_ says is the guest's doing
};

}  // namespace axvm::sim::aarch64
