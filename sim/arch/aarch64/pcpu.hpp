#pragma once
// One physical CPU of the machine, as software at EL2 sees it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sim/arch/aarch64/el2_registers.hpp>
#include <sim/arch/aarch64/sysreg.hpp>
#include <sim/arch/aarch64/timers.hpp>
#include <sim/arch/aarch64/translation.hpp>
#include <sim/cpu/pcpu.hpp>
#include <span>
#include <string>

namespace axvm::sim::aarch64 {

class GuestCore;
class Machine;
class Mmu;

/// Which vector of VBAR_EL2 was taken.
enum class Vector : std::uint8_t { Synchronous, Irq, Fiq, SError };

/// TLB maintenance by instruction name (DDI 0487 D8.17). All forms here are Inner Shareable: they
/// reach every pCPU of the machine.
enum class Tlbi : std::uint8_t { IPAS2E1IS, VMALLE1IS, VMALLS12E1IS, ALLE1IS };

class Pcpu final : public sim::Pcpu {
 public:
  Pcpu(Machine& machine, unsigned index, std::unique_ptr<GuestCore> core);
  ~Pcpu() override;

  // --- what EL2 software does ---------------------------------------------------------------
  [[nodiscard]] std::uint64_t read(SysReg reg);
  void write(SysReg reg, std::uint64_t value);
  /// The same for a register known beforehand: what EL2 looks at when it handles traps and enters
  /// guests costs a load or a store.
  template <SysReg R>
  [[nodiscard]] std::uint64_t read() {
    if constexpr (El2Registers::has(R) && R != reg::SPSR_EL2) {
      return *el2_.find(R);
    } else if constexpr (constexpr auto field = Timers::field_of(R); field.has_value()) {
      return timers_.runs(*field) ? read_timer(*field) : timers_.read(*field, 0, 0);
    } else if constexpr (R == reg::CNTFRQ_EL0) {
      return Timers::kFrequency;
    } else if constexpr (R == reg::SCTLR_EL1) {
      return translation_.sctlr_el1;
    } else {
      return read(R);
    }
  }
  template <SysReg R>
  void write(std::uint64_t value) {
    if constexpr (is_syndrome(R)) {
      *el2_.find(R) = value;
    } else {
      write(R, value);
    }
  }
  /// X0..X30; valid between a trap and the next entry.
  [[nodiscard]] std::uint64_t gpr(unsigned n) const;
  void set_gpr(unsigned n, std::uint64_t value);
  /// ERET to EL1/EL0; returns at the next trap to EL2.
  Vector enter_guest();
  /// `operand` as the instruction's Xt (IPAS2E1IS: IPA >> 12).
  void tlbi(Tlbi op, std::uint64_t operand);
  /// V0..V31 as bits 63:0 and 127:64, likewise.
  [[nodiscard]] std::array<std::uint64_t, 2> vreg(unsigned n) const;
  void set_vreg(unsigned n, std::array<std::uint64_t, 2> value);
  /// AT S1E1R, S1E1W (`el` 1), S1E0R, S1E0W (`el` 0): result in PAR_EL1.
  void at_s1(std::uint64_t va, unsigned el, bool write);
  /// IC IALLUIS: instruction fetches see all earlier writes.
  void ic_ialluis();
  /// DC CIVAC of lines of RAM, given by where the host keeps them. Data caches are coherent here;
  /// but what software at EL2 writes must be made known where guests may have run it as code.
  void dc_civac(std::span<const std::byte> lines);

  /// The physical interrupt controller's part for this CPU. Interrupts are private ones of the
  /// timers, 27 (CNTV), 30 (CNTP), 26 (CNTHP), and of the virtual CPU interface's maintenance, 25,
  /// level-sensitive, all disabled at reset. One that is
  /// asserted, enabled and not active makes enter_guest return Irq at the first asynchronous point
  /// (HCR_EL2.IMO set), or goes to EL1 there (IMO clear, PSTATE.I clear).
  void enable_interrupt(std::uint32_t intid, bool on);
  /// The pending interrupt, which becomes active; 1023 when there is none.
  std::uint32_t acknowledge_interrupt();
  /// The interrupt is no longer active; while its timer asserts it, it is pending again.
  void end_interrupt(std::uint32_t intid);

  /// MachineOptions::gicv: where EL1 finds this CPU's GICV_* when stage 2 maps it.
  [[nodiscard]] std::optional<std::uint64_t> gicv() const noexcept;

  // --- sim::Pcpu; the guest is left by an IRQ for the turn's end and the limit, and by an SError
  // when the pCPU cannot go on --------------------------------------------------------------
  void set_turn_end(std::uint64_t t) override;
  void set_instruction_limit(std::uint64_t n) override;
  [[nodiscard]] bool stopped_at_limit() const noexcept override;
  [[nodiscard]] bool stopped_by_owner() const noexcept override;
  [[nodiscard]] std::uint64_t instructions() const noexcept override;
  [[nodiscard]] std::uint64_t time() const noexcept override;
  void skip_to(std::uint64_t t) override;
  [[nodiscard]] const std::string& failure() const noexcept override;
  [[nodiscard]] bool guest_is_stuck() const noexcept override;
  [[nodiscard]] Statistics statistics() const noexcept override;
  [[nodiscard]] std::uint64_t pc() const override;
  void set_chaos(std::uint64_t seed) override;
  [[nodiscard]] bool set_timing(const timing::Profile& profile) override;
  [[nodiscard]] bool set_access_listener(timing::AccessListener listener) override;
  [[nodiscard]] std::optional<timing::Counters> timing_counters() const noexcept override;
  void describe(StateVisitor& visitor) override;

  // --- for tests and tools --------------------------------------------------------------------
  /// Local time at which the next enabled interrupt is asserted, earlier than now when one is;
  /// kNever.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;
  /// Registers that translation depends on, the TLB, observed walks.
  [[nodiscard]] const Mmu& mmu() const noexcept;

 private:
  friend class Machine;
  bool mount(std::uint64_t base, std::uint64_t size, BoardDevice* device) override;
  void forget_all_code() override;
  [[nodiscard]] std::uint64_t read_timer(Timers::Field field) const;
  /// Registers whose writes have no effect but that.
  static constexpr bool is_syndrome(SysReg r) {
    return r == reg::ESR_EL2 || r == reg::ELR_EL2 || r == reg::FAR_EL2 || r == reg::HPFAR_EL2;
  }

  Machine& machine_;
  std::unique_ptr<GuestCore> core_;
  El2Registers& el2_;
  const Registers& translation_;
  const Timers& timers_;
};

}  // namespace axvm::sim::aarch64
