#pragma once
// The hart proper: runs guest code on the engine between SRET and the next trap to HS-mode, and is
// the hardware around it: translation, traps to VS-mode, traps to HS-mode, counting of retired
// instructions, asynchronous points.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <sim/arch/riscv64/code_pages.hpp>
#include <sim/arch/riscv64/decode.hpp>
#include <sim/arch/riscv64/engine.hpp>
#include <sim/arch/riscv64/guest_timing.hpp>
#include <sim/arch/riscv64/hs_registers.hpp>
#include <sim/arch/riscv64/interrupts.hpp>
#include <sim/arch/riscv64/machine.hpp>
#include <sim/arch/riscv64/mmu.hpp>
#include <sim/arch/riscv64/pcpu.hpp>
#include <sim/arch/riscv64/retirement.hpp>
#include <sim/arch/riscv64/system_instruction.hpp>
#include <sim/cpu/chaos.hpp>
#include <sim/cpu/examined_pages.hpp>
#include <sim/cpu/fetch_coherence.hpp>
#include <sim/cpu/statistics.hpp>
#include <string>
#include <utility>

namespace axvm::sim::riscv64 {

class GuestCore final : public EngineCaches {
 public:
  GuestCore(Machine& machine, unsigned index, Engine engine, std::uint32_t tlb_entries,
            const Features& features);
  ~GuestCore() = default;
  GuestCore(const GuestCore&) = delete;
  GuestCore& operator=(const GuestCore&) = delete;

  /// SRET with hstatus.SPV set: runs the guest until the next trap to HS-mode; its scause.
  Cause enter();

  // Registers as HS-mode sees them (hs_access.cpp).
  [[nodiscard]] std::uint64_t read(Csr csr);
  void write(Csr csr, std::uint64_t value);
  [[nodiscard]] std::uint64_t gpr(unsigned n) const { return engine_.x(n); }
  void set_gpr(unsigned n, std::uint64_t v) { engine_.set_x(n, v); }
  [[nodiscard]] std::uint64_t fpr(unsigned n) const { return engine_.f(n); }
  void set_fpr(unsigned n, std::uint64_t v) { engine_.set_f(n, v); }
  /// What an SC by HS-mode does.
  void clear_reservation() { engine_.write(Hidden::ReservedAddress, ~0ULL); }
  [[nodiscard]] std::optional<std::uint64_t> hlv(std::uint64_t va, unsigned bytes);
  [[nodiscard]] std::optional<std::uint16_t> hlvx(std::uint64_t va);
  bool hsv(std::uint64_t va, unsigned bytes, std::uint64_t value);

  // Time. Local guest time is retired instructions plus idle skips, in nanoseconds.
  [[nodiscard]] std::uint64_t instructions() const noexcept { return retirement_.total(); }
  [[nodiscard]] std::uint64_t time() const noexcept { return retirement_.total() + idle_; }
  void skip_to(std::uint64_t t);
  void set_turn_end(std::uint64_t t) noexcept { turn_end_ = t; }
  void set_instruction_limit(std::uint64_t n) noexcept { limit_ = n; }
  [[nodiscard]] bool stopped_at_limit() const noexcept { return stopped_at_limit_; }
  [[nodiscard]] bool stopped_by_owner() const noexcept { return stopped_by_owner_; }
  [[nodiscard]] std::uint64_t next_deadline() const noexcept {
    return std::min(Interrupts::timer_for_hs(hs_, time()), Interrupts::timer_for_vs(hs_, time()));
  }

  [[nodiscard]] HsRegisters& hs() noexcept { return hs_; }
  [[nodiscard]] Mmu& mmu() noexcept { return mmu_; }
  [[nodiscard]] const Mmu& mmu() const noexcept { return mmu_; }
  [[nodiscard]] const Statistics& statistics() const noexcept { return statistics_; }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] bool guest_is_stuck() const noexcept { return guest_is_stuck_; }
  void set_chaos(std::uint64_t seed);
  /// The timing fidelity, from now on; before the first instruction.
  GuestTiming& observe();
  [[nodiscard]] const GuestTiming* timing() const noexcept { return timing_.get(); }
  void describe(StateVisitor& visitor);

  /// The guest's PC; between runs only.
  [[nodiscard]] std::uint64_t pc() const noexcept { return hs_.sepc; }
  /// Lets the engine reach the board's devices at [base, base + size).
  bool mount(std::uint64_t base, std::uint64_t size, BoardDevice* device);
  /// Between runs. What is fetched next is looked at anew.
  void forget_all_code();

  // EngineCaches
  void forget_code(std::uint64_t pa) override;
  void forget_translations() override {
    engine_.flush_tlb();
    code_pages_.forget_pages();
  }

 private:
  /// Why the engine stopped, when a hook decided so.
  enum class Stop : std::uint8_t {
    None,       ///< the engine's own reason: a denied translation, EBREAK, an engine error
    Trap,       ///< a trap to HS-mode is recorded in the registers
    Interrupt,  ///< an asynchronous point with an interrupt for HS-mode
    TurnEnd,    ///< an asynchronous point after the turn's end
    Limit,      ///< the instruction limit
    Exactly,    ///< run exactly `exact_count_` more instructions, then go on
    Resume,     ///< nothing: go on
    Wfi,        ///< a WFI has retired that waits
    Failed,     ///< `failure_` says what the engine did
  };
  static constexpr std::uint64_t kNoTarget = ~0ULL;
  static constexpr std::uint64_t kPageMask = 4095;
  /// Beyond so many watches all are dropped and set again where code is still fetched from.
  static constexpr std::size_t kMaxWatches = 1024;
  /// A page with more of them is watched as a whole, so that any block's pages need far fewer.
  static constexpr std::size_t kMaxWatchesOfPage = 128;

  /// A translation that the fill hook refused.
  struct Refusal {
    /// Ahead: it was a fetch of what the program has not come to.
    enum class Kind : std::uint8_t { Fault, OwnCode, NoMemory, Ahead } kind;
    Fault fault;
    Access access;
    std::uint64_t page;  ///< virtual address of the page
  };
  /// What became of a system instruction.
  enum class Outcome : std::uint8_t { Done, Illegal, Virtual, Left };

  // engine_hooks.cpp: what the engine asks while it runs, and what it is told.
  void install_hooks();
  bool on_fill(std::uint64_t va, uc_mem_type type, uc_tlb_entry& entry);
  /// What an access by the guest is for.
  [[nodiscard]] AccessContext access_context(Access access) const;
  /// Whether a fetch from the page at `va` is of what comes later than the PC.
  [[nodiscard]] static bool is_ahead(std::uint64_t va, std::uint64_t pc) noexcept {
    return va == (pc & ~kPageMask) + kPageMask + 1 && pc != va - 2;
  }
  /// A block of one instruction that cannot be decoded has no size, and its last byte is before its
  /// first for the engine, which wants to know where that is. It gets the block's own page.
  bool lend_page(std::uint64_t pc, uc_tlb_entry& entry);
  /// Has the engine forget that.
  void settle_borrowed_page() {
    if (!page_is_lent_) return;
    page_is_lent_ = false;
    forget_translations();
  }
  bool grant_ahead(std::uint64_t va, uc_tlb_entry& entry);
  /// Decides what the engine may do with a translated page on its own.
  bool grant(std::uint64_t va, Access access, const Translation& translation, uc_tlb_entry& entry);
  bool refuse(Refusal::Kind kind, Access access, std::uint64_t va, const Fault& fault);
  /// True when the instruction being executed lies, with any of its bytes, in the frame at `pa`, or
  /// the block that it is in does.
  [[nodiscard]] bool runs_from(std::uint64_t pa) const;
  void on_block(std::uint64_t va, std::uint32_t size);
  void begin_block(std::uint64_t va, const CodeBlock& block) noexcept;
  /// The block of code, when it is not at hand.
  [[gnu::noinline]] const CodeBlock* find_block(std::uint64_t va, std::uint32_t size);
  /// The running block has been left, with `next` to come: does what it needs when it was left at
  /// its end.
  void repair(std::uint64_t next);
  /// The rare part of on_block. Inline, it would have every block save registers.
  [[gnu::noinline]] bool attend(std::uint64_t va, std::uint64_t count);
  /// What the strict TLB dropped for capacity, its caches must drop.
  void after_eviction(Access access, std::uint64_t pc);
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

  // guest_core.cpp: the loop between SRET and the next trap.
  /// enter() without the timing fidelity.
  Cause run_guest();
  /// Runs at most `count` instructions from `pc`, then stops exactly there.
  uc_err run_exactly(std::uint64_t pc, std::uint64_t count);
  /// Runs the block at `pc` without what it has in the next page, which begins at `page`.
  uc_err run_up_to(std::uint64_t pc, std::uint64_t page);
  /// Continues after the engine returned; the cause when a trap to HS-mode was taken.
  std::optional<Cause> after_run(uc_err error);
  std::optional<Cause> after_refusal();
  std::optional<Cause> after_wfi();
  Cause leave_for_hs();
  /// The turn's end or the limit, with `pc` as the next instruction.
  Cause leave_to_owner(std::uint64_t pc);
  Cause fail(std::string what);
  /// Counts traps between which nothing is executed; too many are a failure.
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

  // exceptions.cpp: what traps do to registers.
  /// What the engine calls an interrupt: an exception that it cannot take.
  void on_exception(std::uint32_t number);
  /// EBREAK stopped the engine.
  std::optional<Cause> after_breakpoint();
  /// A trap to VS-mode, between blocks or from an exception's hook.
  void take_to_vs(Cause cause, std::uint64_t return_address, std::uint64_t value);
  /// Records a trap to HS-mode. `address`: stval is a guest virtual address.
  void record_trap(Cause cause, std::uint64_t return_address, std::uint64_t value, bool address);
  /// An exception goes where hedeleg sends it: to VS-mode (true), or it is recorded for HS-mode.
  bool raise(Cause cause, std::uint64_t return_address, std::uint64_t value, bool address);
  std::optional<Cause> take_fault(const Refusal& refusal, std::uint64_t pc);
  /// What an atomic's store would fault for, where its load was refused.
  [[nodiscard]] Fault fault_of_store(const Refusal& refusal) const;
  /// The same for an atomic at `pc` whose address is misaligned.
  bool raise_misaligned(std::uint64_t pc);
  /// From inside a hook: a trap to HS-mode has been recorded. True when the guest goes on at `next`
  /// with the hook's return, which has to see to it.
  bool leave_by_trap(std::uint64_t next);
  /// htinst of a fault at `address` by an instruction.
  [[nodiscard]] std::uint64_t transformed(const MemoryInstruction& instruction,
                                          std::uint64_t address) const;
  [[nodiscard]] std::uint64_t address_of(const MemoryInstruction& instruction) const {
    return instruction.address([this](unsigned n) { return engine_.x(n); });
  }
  /// The bytes of the page of code at a virtual address; null when it cannot be fetched.
  [[nodiscard]] const std::uint8_t* code_page(std::uint64_t page) const;
  /// The instruction at a virtual address; 0, which is none, when it cannot be fetched.
  [[nodiscard]] std::uint32_t instruction_at(std::uint64_t va) const;

  // system_instructions.cpp: what the machine carries out itself.
  /// `word` at `va` is the instruction to be executed; `next` the one behind.
  Outcome carry_out(std::uint32_t word, std::uint64_t va);
  /// It has been: the instruction at `va` retires.
  void retire(std::uint64_t va);
  Outcome access_csr(const CsrInstruction& instruction);
  Outcome fence(std::uint32_t word);
  Outcome wait(std::uint64_t va);
  /// What becomes of an instruction that has not retired. True when the guest goes on behind it
  /// with the hook's return.
  bool refuse_instruction(Outcome outcome, std::uint32_t word, std::uint64_t va);

  // guest_csrs.cpp: CSRs by the guest's instructions.
  /// Whether the guest may access a CSR here and now.
  [[nodiscard]] Outcome permit(std::uint16_t csr, bool write) const;
  [[nodiscard]] Outcome permit_counter(std::uint16_t csr) const;
  [[nodiscard]] std::uint64_t read_as_guest(std::uint16_t csr);
  void write_as_guest(std::uint16_t csr, std::uint64_t value);
  [[nodiscard]] std::uint64_t counter(std::uint16_t csr);
  void write_fcsr(std::uint64_t value);

  // interrupt_delivery.cpp: interrupts at asynchronous points.
  /// Neither depends on how blocks are cut. The code before `va` has been closed.
  [[nodiscard]] bool is_asynchronous_point(std::uint64_t va) const noexcept {
    return va != retirement_.successor() || retirement_.synchronizes();
  }
  /// So many instructions will have retired when straight-line code is interrupted for what is due
  /// at a time; for HS-mode or the turn's end; for VS-mode.
  [[nodiscard]] std::uint64_t cut_at(std::uint64_t time) const noexcept;
  [[nodiscard]] std::uint64_t leave_cut() const noexcept;
  [[nodiscard]] std::uint64_t take_cut() const noexcept;
  /// Interrupt if HS-mode takes one now; TurnEnd; None.
  [[nodiscard]] Stop reason_to_leave();
  /// The instruction at `pc` cannot be fetched, but what is pending comes first: Limit, what
  /// reason_to_leave() says, Resume when VS-mode has taken an interrupt; None.
  [[nodiscard]] Stop reason_before_fetch_fault(std::uint64_t pc);
  /// Takes what is due in VS-mode, at `va`. False: nothing is.
  bool take_interrupt(std::uint64_t va);

  // watches.cpp: instructions before which to look.
  void on_watch(std::uint64_t va);
  [[nodiscard]] static bool needs_watch(std::uint32_t word) noexcept;
  /// The page of code is about to be fetched from: watches what has to be.
  void examine_code(std::uint64_t page_va, std::uint64_t pa);
  /// Watches lines of the frame that were written, with no FENCE.I since.
  void watch_unmaintained_code(std::uint64_t page_va, std::uint64_t pa);
  /// The instruction at `va` is about to be executed.
  void report_unmaintained_code(std::uint64_t va);
  /// FENCE.I.
  Outcome synchronise_code();
  /// Has on_watch called before the instructions in [first, last].
  void watch(std::uint64_t first, std::uint64_t last);
  void forget_watches();

  // hs_access.cpp: registers and guest memory as software in HS-mode accesses them.
  void write_hgatp(std::uint64_t value);
  [[nodiscard]] std::optional<std::uint64_t> hypervisor_load(std::uint64_t va, unsigned bytes,
                                                             bool hlvx);
  [[nodiscard]] std::optional<std::uint64_t> locate(std::uint64_t va, const AccessContext& context);
  [[nodiscard]] AccessContext hypervisor_context(Access access, bool hlvx) const;
  void record_hypervisor_fault(const Fault& fault, std::uint64_t va);

  Machine& machine_;
  unsigned index_;
  Statistics statistics_;
  Engine engine_;
  Mmu mmu_;
  HsRegisters hs_;
  Retirement retirement_;
  mutable CodePages code_pages_;
  Chaos chaos_;

  std::uint64_t idle_ = 0;
  std::uint64_t turn_end_ = Pcpu::kNever;
  std::uint64_t limit_ = Pcpu::kNever;
  std::uint64_t attention_ = 0;  ///< on_block looks closer when it would retire more than this
  bool stopped_at_limit_ = false;
  bool stopped_by_owner_ = false;
  bool stepping_own_code_ = false;
  bool page_is_lent_ = false;
  Repair repair_ = Repair::None;  ///< behind the running block
  std::uint8_t repair_rd_ = 0;
  bool evaluate_interrupts_next_ = false;  ///< what is pending and enabled may have changed
  bool flush_code_next_ = false;
  bool forget_watches_next_ = false;

  Stop stop_ = Stop::None;
  Cause interrupt_ = Cause::SupervisorTimer;
  std::uint64_t exact_count_ = 0;
  std::optional<Refusal> refusal_;
  std::uint64_t exact_target_ = kNoTarget;
  std::uint64_t progress_ = 0;
  std::uint64_t progress_pc_ = 0;
  std::uint32_t exceptions_ = 0;       ///< since `progress_`
  std::uint32_t exceptions_here_ = 0;  ///< of those, in a row at `progress_pc_`
  std::map<std::pair<std::uint64_t, std::uint64_t>, uc_hook> watches_;  // by [first, last]
  ExaminedPages examined_pages_;
  std::unique_ptr<GuestTiming> timing_;
  RetirementCursor counted_;  // of on_instruction()
  std::string failure_;
  bool guest_is_stuck_ = false;  ///< what failure_ says is the guest's doing
};

}  // namespace axvm::sim::riscv64
