#pragma once
// The CPU proper: runs guest code on the engine between VMRUN and the next #VMEXIT, and is the
// hardware around it: translation, exceptions and their delivery, intercepts, counting of retired
// instructions, asynchronous points.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <sim/arch/x86_64/code_blocks.hpp>
#include <sim/arch/x86_64/decode.hpp>
#include <sim/arch/x86_64/engine.hpp>
#include <sim/arch/x86_64/mmu.hpp>
#include <sim/arch/x86_64/retirement.hpp>
#include <sim/arch/x86_64/vmcb.hpp>
#include <sim/cpu/chaos.hpp>
#include <sim/cpu/examined_pages.hpp>
#include <sim/cpu/fetch_coherence.hpp>
#include <sim/cpu/statistics.hpp>
#include <span>
#include <string>
#include <vector>

namespace axvm::sim {
struct BoardDevice;
}

namespace axvm::sim::x86_64 {

class Machine;

/// What the hypervisor has in its own registers, as far as its guests depend on it.
struct HostRegisters {
  std::uint64_t efer = 0;
  std::uint64_t cr4 = 0;
  std::uint64_t vm_cr = 0;
  std::uint64_t vm_hsave_pa = 0;
  bool gif = true;

  void describe(StateVisitor& visitor);
};

class GuestCore final : public EngineCaches, private TableWrites {
 public:
  GuestCore(Machine& machine, unsigned index, Engine engine, std::uint32_t tlb_entries);
  ~GuestCore() = default;
  GuestCore(const GuestCore&) = delete;
  GuestCore& operator=(const GuestCore&) = delete;

  /// VMRUN: runs the guest of the control block at a physical address until the next #VMEXIT; its
  /// EXITCODE. A machine check (Exception0 + 18) when the CPU cannot go on: failure() says why.
  ExitCode vmrun(std::uint64_t vmcb_pa);
  /// VMLOAD and VMSAVE: FS, GS, TR, LDTR, and the MSRs of system calls. False: no RAM is there.
  bool vmload(std::uint64_t vmcb_pa);
  bool vmsave(std::uint64_t vmcb_pa);
  void invlpga(std::uint64_t va, std::uint16_t asid);

  [[nodiscard]] HostRegisters& host() noexcept { return host_; }
  [[nodiscard]] std::uint64_t gpr(unsigned n) const { return engine_.gpr(n); }
  void set_gpr(unsigned n, std::uint64_t v) { engine_.set_gpr(n, v); }

  // Time. Local guest time is retired instructions plus idle skips, in nanoseconds; the time-stamp
  // counter counts it.
  [[nodiscard]] std::uint64_t instructions() const noexcept { return retirement_.total(); }
  [[nodiscard]] std::uint64_t time() const noexcept { return retirement_.total() + idle_; }
  void skip_to(std::uint64_t t) {
    if (t > time()) idle_ += t - time();
  }
  void set_turn_end(std::uint64_t t) noexcept { turn_end_ = t; }
  void set_instruction_limit(std::uint64_t n) noexcept { limit_ = n; }
  [[nodiscard]] bool stopped_at_limit() const noexcept { return stopped_at_limit_; }
  [[nodiscard]] bool stopped_by_owner() const noexcept { return stopped_by_owner_; }

  [[nodiscard]] Mmu& mmu() noexcept { return mmu_; }
  [[nodiscard]] const Mmu& mmu() const noexcept { return mmu_; }
  [[nodiscard]] const Statistics& statistics() const noexcept { return statistics_; }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] bool guest_is_stuck() const noexcept { return guest_is_stuck_; }
  void set_chaos(std::uint64_t seed) { chaos_.seed(seed); }
  void describe(StateVisitor& visitor);
  /// The guest's linear PC; between runs only.
  [[nodiscard]] std::uint64_t pc() const { return linear_pc_; }
  /// Lets the engine reach the board's devices at [base, base + size).
  bool mount(std::uint64_t base, std::uint64_t size, BoardDevice* device);
  /// Between runs. What is fetched next is looked at anew.
  void forget_all_code();

  // EngineCaches
  void forget_code(std::uint64_t pa) override;
  void forget_translations() override {
    engine_.flush_tlb();
    blocks_.forget();
  }

 private:
  static constexpr std::uint64_t kNoTarget = ~0ULL;
  static constexpr std::uint64_t kPageMask = 4095;

  /// Why the engine stopped, when a hook decided so.
  enum class Stop : std::uint8_t {
    None,     ///< the engine's own reason: a denied translation, an engine error
    Trap,     ///< the engine reported `trap_`
    Points,   ///< an asynchronous point at which something is due
    Limit,    ///< the instruction limit
    Exactly,  ///< run exactly `exact_count_` more instructions, then go on
    Resume,   ///< nothing: go on
  };
  /// A translation that the fill hook refused.
  struct Refusal {
    /// OwnCode: the write may change what is about to run. Ahead: a fetch of what the program has
    /// not come to. NoMemory: the tables lead to nowhere.
    enum class Kind : std::uint8_t { Fault, OwnCode, NoMemory, Ahead } kind;
    Fault fault;
    Access access;
    std::uint64_t page;  ///< linear address of the page
    std::uint64_t pa;    ///< NoMemory: where they lead
    /// Of a byte that the engine was about to access in the page; kPageMask + 1: not known.
    std::uint64_t offset;
  };
  /// What was beside a refused page before the instruction.
  static constexpr std::size_t kSpillBytes = 16;
  struct Spill {
    std::uint8_t* to;  ///< null: nothing can be written there
    std::uint8_t bytes[kSpillBytes];
  };
  /// Nothing: the guest goes on. Otherwise it is left for this.
  using Exit = std::optional<ExitCode>;

  // vmrun.cpp: VMRUN's and #VMEXIT's state.
  [[nodiscard]] static bool is_runnable(const Vmcb& block, const Controls& controls) noexcept;
  void load_guest(const Vmcb& block);
  void save_guest();
  /// #VMEXIT: the exit's fields, and the guest's state.
  ExitCode leave(ExitCode code, std::uint64_t info1 = 0, std::uint64_t info2 = 0);
  /// The same behind or before an instruction that would go on at `next_rip`.
  ExitCode leave_at_instruction(ExitCode code, std::uint64_t info1 = 0, std::uint64_t info2 = 0);
  ExitCode leave_to_owner();

  // guest_core.cpp: the loop between VMRUN and #VMEXIT.
  ExitCode run_guest();
  void prepare_run();
  Exit after_run(uc_err error);
  /// Runs at most `count` instructions, one by one.
  Exit run_exactly(std::uint64_t count);
  uc_err step();
  Exit after_refusal();
  ExitCode fail(std::string what);
  /// Counts exceptions and exits between which nothing is executed; too many are a failure.
  void note_progress();
  [[nodiscard]] std::uint64_t linear(std::uint64_t rip);
  /// Where the engine is.
  [[nodiscard]] std::uint64_t current_pc() { return linear(engine_.rip()); }
  void request(Stop stop) {
    stop_ = stop;
    engine_.stop();
  }

  // engine_hooks.cpp: what the engine asks while it runs, and what it is told.
  void install_hooks();
  bool on_fill(std::uint64_t va, uc_mem_type type, uc_tlb_entry& entry);
  bool grant(std::uint64_t va, Access access, const Translation& t, uc_tlb_entry& entry);
  bool grant_ahead(std::uint64_t va, uc_tlb_entry& entry);
  bool refuse(const Refusal& refusal) {
    refusal_ = refusal;
    return false;
  }
  /// Has the engine tell by way of the trap page what exactly it accesses there.
  bool trap_access(const Refusal& refusal, uc_tlb_entry& entry);
  void on_trapped_access(std::uint64_t pa);
  void on_block(std::uint64_t va, std::uint32_t size);
  [[gnu::noinline]] const CodeBlock& find_block(std::uint64_t va, std::uint32_t size);
  [[gnu::noinline]] bool attend(std::uint64_t va, std::uint64_t count);
  void schedule_attention() noexcept;
  [[nodiscard]] AccessContext access_context(Access access);
  [[nodiscard]] bool is_ahead(std::uint64_t va);
  [[nodiscard]] bool runs_from(std::uint64_t pa);
  void on_interrupt(std::uint32_t number);
  /// IN, OUT, SYSCALL, SYSENTER: carried out behind the hook.
  [[noreturn]] void on_instruction();
  void on_rdtsc(bool with_aux);
  // TableWrites
  void table_written(std::uint64_t pa) override;

  // asynchronous_points.cpp
  [[nodiscard]] bool is_asynchronous_point(std::uint64_t va) const noexcept {
    return va != retirement_.successor() || retirement_.synchronizes();
  }
  [[nodiscard]] bool in_shadow();
  /// A virtual interrupt that the guest takes, or that is intercepted, now.
  [[nodiscard]] bool virtual_interrupt_is_due();
  /// `taken`: something was, and the guest is left or goes on elsewhere.
  Exit take_what_is_due(bool& taken);
  [[nodiscard]] std::uint64_t cut() const noexcept;

  // exceptions.cpp: exceptions, intercepted or delivered.
  Exit raise(std::uint8_t vector, std::optional<std::uint32_t> error = std::nullopt);
  Exit raise_fault(const Fault& fault);
  Exit deliver(const Event& event, std::uint64_t return_rip);
  Exit inject(std::uint64_t injection);
  Exit after_exception(std::uint8_t vector);

  // event_delivery.cpp: what the processor does to take an event.
  struct DeliveryFault {
    std::uint8_t vector = 0;
    std::uint32_t error = 0;
    std::optional<Fault> memory = std::nullopt;  ///< instead
  };
  using Delivered = std::expected<void, DeliveryFault>;
  Delivered take_event(const Event& event, std::uint64_t return_rip);
  Delivered take_in_real_mode(const Event& event, std::uint64_t return_rip);
  Delivered take_by_gate(const Event& event, std::uint64_t return_rip);
  Delivered take_in_long_mode(const Event& event, std::uint64_t return_rip);

  // guest_memory.cpp: memory as the processor itself accesses it, with the engine stopped.
  Delivered read_linear(std::uint64_t va, std::span<std::uint8_t> to);
  Delivered write_linear(std::uint64_t va, std::span<const std::uint8_t> from);
  template <class T>
  std::expected<T, DeliveryFault> read_value(std::uint64_t va) {
    T value{};
    std::uint8_t bytes[sizeof(T)];
    if (auto done = read_linear(va, bytes); !done) return std::unexpected(done.error());
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  [[nodiscard]] CodeBytes code_at(std::uint64_t va);
  /// By CS, which far transfers and the processor's own doings change.
  [[nodiscard]] CodeSize code_size();
  [[nodiscard]] Instruction instruction_at(std::uint64_t va) { return code_at(va).at(0); }

  // operands.cpp: where instructions access memory.
  /// The linear address of the memory operand of `instruction_`.
  [[nodiscard]] std::uint64_t linear_operand();
  /// Of the access that was refused, its first byte in the refused page.
  [[nodiscard]] std::uint64_t first_byte(const Refusal& refusal);
  void take_back_spills() noexcept;

  // unsafe_code.cpp: what the engine must not translate.
  /// The page is about to be fetched from.
  void examine_code(std::uint64_t page, std::uint64_t pa);
  void forget_unsafe_places();
  /// The engine has stopped before one of them, which is `instruction_`.
  Exit after_unsafe_place();
  /// Runs the one instruction at a place that turned out to be harmless.
  Exit run_unstopped();

  // intercepts.cpp: instructions that the engine does not execute.
  Exit carry_out(ExitCode code);
  Exit carry_out_undefined();
  Exit carry_out_abandoned();
  /// The instruction has been carried out: the guest goes on behind it.
  Exit retire();
  Exit software_interrupt();
  Exit halt();
  Exit cpuid();
  Exit input_output();
  [[nodiscard]] bool port_is_intercepted(std::uint16_t port, unsigned bytes) const;
  Exit system_call();
  Exit sysenter();

  // system_registers.cpp
  Exit move_to_control_register(unsigned number);
  Exit write_cr0(std::uint64_t value);
  Exit write_cr3(std::uint64_t value);
  Exit write_cr4(std::uint64_t value);
  Exit move_cr8(bool write);
  Exit move_debug_register(unsigned number, bool write);
  Exit access_msr();
  [[nodiscard]] bool msr_is_intercepted(std::uint32_t msr, bool write) const;
  [[nodiscard]] std::optional<std::uint64_t> read_msr(std::uint32_t msr);
  bool write_msr(std::uint32_t msr, std::uint64_t value);
  [[nodiscard]] bool is_64_bit_code() { return code_size() == CodeSize::Bits64; }
  /// After a change of the registers that translation depends on.
  void set_paging(std::uint64_t cr0, std::uint64_t cr4, std::uint64_t efer);

  // core_state.cpp
  void describe_vectors(StateVisitor& visitor);

  Machine& machine_;
  unsigned index_;
  Statistics statistics_;
  Engine engine_;
  Mmu mmu_;
  HostRegisters host_;
  Retirement retirement_;
  CodeBlocks blocks_;
  ExaminedPages examined_pages_;
  std::vector<std::uint64_t> unsafe_places_;  ///< linear, sorted
  Chaos chaos_;

  // The running guest.
  std::uint64_t vmcb_pa_ = 0;
  Controls controls_;
  std::uint64_t virtual_interrupt_ = 0;  ///< the control block's field
  std::uint64_t dr_[4] = {};
  std::uint64_t dr6_ = 0;
  std::uint64_t dr7_ = 0;
  std::uint64_t pat_ = 0;
  std::uint64_t linear_pc_ = 0;
  std::optional<Event> delivering_;  ///< what EXITINTINFO is about
  Registers cached_for_;             ///< what the engine's translations were asked for with

  std::uint64_t idle_ = 0;
  std::uint64_t turn_end_ = ~0ULL;
  std::uint64_t limit_ = ~0ULL;
  std::uint64_t attention_ = 0;  ///< on_block looks closer when it would retire more than this
  bool stopped_at_limit_ = false;
  bool stopped_by_owner_ = false;
  bool stepping_own_code_ = false;
  std::uint8_t stepping_ = 0;  ///< blocks that a step has begun, from 1 on
  bool flush_code_next_ = false;
  bool abandoned_ = false;

  Stop stop_ = Stop::None;
  std::uint32_t trap_ = 0;
  std::uint64_t abandoned_rcx_ = 0;
  std::uint64_t exact_count_ = 0;
  std::optional<Refusal> refusal_;
  std::array<Spill, 2> spills_{};

  CodeSize code_size_ = CodeSize::Bits64;  ///< that the blocks known were read with
  bool cs_may_change_ = true;              ///< behind the running block
  Instruction instruction_;                ///< the one that is being carried out
  std::uint64_t progress_ = 0;
  std::uint32_t idle_events_ = 0;  ///< since `progress_`
  std::string failure_;
  bool guest_is_stuck_ = false;  ///< what failure_ says is the guest's doing
};

}  // namespace axvm::sim::x86_64
