#pragma once
// The interrupt controller of a VM: which interrupts are pending, enabled, active, and whose they
// are (IHI 0069, chapter 4). Its registers are devices (distributor.hpp, redistributor.hpp); vCPUs
// get interrupts by list registers (core/arch/aarch64/interrupts.hpp).

#include <array>
#include <atomic>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/aarch64/gic/interrupt_bank.hpp>
#include <core/arch/aarch64/gic/list_registers.hpp>
#include <core/arch/aarch64/gic/lpis.hpp>
#include <core/arch/aarch64/gic/sgi.hpp>
#include <core/arch/aarch64/gic/sgi_sources.hpp>
#include <core/arch/aarch64/gic/vcpu_interface.hpp>
#include <core/lock.hpp>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::aarch64 {

/// The first of the special INTIDs: those below name interrupts.
inline constexpr std::uint32_t kIntidCount = 1020;
inline constexpr std::uint32_t kPrivateCount = 32;  ///< SGIs 0..15, PPIs 16..31

/// What a VM that sees a GICv3 finds in a feature register, besides what the CPU has:
/// ID_AA64PFR0_EL1.GIC.
[[nodiscard]] std::uint64_t guest_gic_feature(const VcpuInterface& interface,
                                              std::uint16_t encoding) noexcept;

class Its;

/// Every call may come from any CPU. What it changes for vCPUs, take_wakes() tells.
class Gic {
 public:
  /// `affinities[i]` is how the guest knows vCPU i (MPIDR_EL1), and `interfaces[i]` its part; both
  /// and the lock outlive the controller. Errors: NoMemory.
  [[nodiscard]] static Result<Box<Gic>> try_make(Allocator allocator, AnyLock& lock,
                                                 std::size_t vcpus);
  Gic(AnyLock& lock, Array<InterruptBank> private_banks, Array<SgiSources> sgi_sources,
      Array<ListRegisters> lent, Array<VcpuInterface*> interfaces,
      Array<std::uint64_t> affinities) noexcept;
  Gic(const Gic&) = delete;
  Gic& operator=(const Gic&) = delete;

  /// Once per vCPU, in their order, before anything else.
  void add_vcpu(std::uint64_t affinity, VcpuInterface& interface) noexcept;
  /// The VM has a distributor, by which the guest sets the interrupts up. Without one they are all
  /// enabled, of group 1 and equal priority, and go to vCPU 0.
  void add_distributor() noexcept {
    has_distributor_ = true;
    reset();
  }
  /// The same for a GICv2, which has kGicv2Cpus at most: SGIs are told by their senders, shared
  /// interrupts go to one of a set of vCPUs.
  void add_distributor_v2() noexcept;
  [[nodiscard]] bool has_distributor() const noexcept { return has_distributor_; }
  /// The VM has LPIs. After the last add_vcpu(). Errors: NoMemory.
  [[nodiscard]] Result<> add_lpis(Allocator allocator);
  [[nodiscard]] bool has_lpis() const noexcept { return lpis_.has_value(); }
  [[nodiscard]] bool is_v2() const noexcept { return is_v2_; }
  void reset() noexcept;

  [[nodiscard]] unsigned vcpu_count() const noexcept {
    return static_cast<unsigned>(interfaces_.size());
  }
  [[nodiscard]] std::uint64_t affinity(unsigned vcpu) const noexcept { return affinities_[vcpu]; }

  // --- sources --------------------------------------------------------------------------------
  /// The wire of a shared interrupt, 32 <= intid < kIntidCount; others are ignored.
  void set_line(std::uint32_t intid, bool high) noexcept;
  /// The wire of a private one, 16 <= intid < 32.
  void set_private_line(unsigned vcpu, std::uint32_t intid, bool high) noexcept;
  /// An interrupt out of the blue, as a message: intid < kIntidCount. Shared ones go where they are
  /// routed, private ones to `vcpu`.
  void make_pending(unsigned vcpu, std::uint32_t intid) noexcept;
  /// ICC_SGI<n>R_EL1 of `sender`; reaches the CPUs where the SGI is of this group.
  void send(unsigned sender, const SgiRequest& request, bool group1) noexcept;
  /// GICD_SGIR of a GICv2: `intid` < 16 to each vCPU with a bit in `targets`.
  void send_v2(unsigned sender, std::uint8_t targets, std::uint32_t intid) noexcept;

  /// A device's message, as one write of GITS_TRANSLATER by it; serialised with accesses of the
  /// ITS. Errors: Unsupported (no ITS), and those of Its::translate.
  Result<> send_message(std::uint32_t device, std::uint32_t event);
  /// What translates messages; outlives their sending.
  void attach(Its& its) noexcept { its_ = &its; }

  // --- LPIs; only where there are any; `intid` is one -------------------------------------------
  [[nodiscard]] bool are_lpis_enabled() noexcept;  ///< for some vCPU
  [[nodiscard]] bool are_lpis_enabled(unsigned vcpu) noexcept;
  /// GICR_CTLR.EnableLPIs: as Lpis::enable and disable.
  void enable_lpis(unsigned vcpu, const LpiBits& pending) noexcept;
  LpiBits disable_lpis(unsigned vcpu) noexcept;
  /// What the configuration table says of the LPIs from `first` on.
  void configure_lpis(std::uint32_t first, std::span<const std::uint8_t> bytes) noexcept;
  void make_lpi_pending(unsigned vcpu, std::uint32_t intid) noexcept;
  /// If it is pending for `from`, it is so for `to` instead; for nobody when there is no such vCPU.
  void move_lpi(unsigned from, std::uint32_t intid, unsigned to) noexcept;
  void move_all_lpis(unsigned from, unsigned to) noexcept;

  // --- list registers -------------------------------------------------------------------------
  /// How many list registers fill() has filled for `vcpu`; those are to be folded before the next
  /// fill(). For the CPU that the vCPU is resident in: nobody else changes it.
  [[nodiscard]] unsigned lent_count(unsigned vcpu) const noexcept { return lent_[vcpu].count; }
  /// `held` is what they hold now: what the guest has acknowledged and ended since. It has ended
  /// `ends` others besides (ICH_HCR_EL2.EOIcount). Returns a bit per private interrupt whose
  /// physical one the guest has ended with it.
  std::uint32_t fold(unsigned vcpu, const ListRegisters& held, unsigned ends) noexcept;
  /// What they are to hold, at most `capacity`; the rest is kept here. A bit per private interrupt
  /// in `hardware`: whose physical one is active. Comes after fold().
  [[nodiscard]] ListRegisters fill(unsigned vcpu, unsigned capacity,
                                   std::uint32_t hardware) noexcept;
  /// Private interrupts of `vcpu` that are active (as last folded).
  [[nodiscard]] std::uint32_t active_private(unsigned vcpu) noexcept;

  // --- whom to tell ---------------------------------------------------------------------------
  /// vCPUs whose list registers may have to change, one bit each, since the last call.
  [[nodiscard]] std::uint64_t take_wakes() noexcept {
    if (wakes_.load(std::memory_order_acquire) == 0) [[likely]]
      return 0;
    return wakes_.exchange(0, std::memory_order_acq_rel);
  }

  // --- registers ------------------------------------------------------------------------------
  /// GICD_CTLR.{EnableGrp0, EnableGrp1}: bits 0 and 1.
  [[nodiscard]] unsigned groups_enabled() noexcept;
  void enable_groups(unsigned groups) noexcept;
  /// The registers that come in banks of 32 interrupts, at their offset from GICD_base (IHI 0069,
  /// table 12-25), which is that from a redistributor's SGI_base, too. `bank` 0 is `vcpu`'s.
  [[nodiscard]] std::uint32_t read_bank(unsigned vcpu, std::uint64_t offset) noexcept;
  /// Writes those bytes of the register that are set in `mask`.
  void write_bank(unsigned vcpu, std::uint64_t offset, std::uint32_t value,
                  std::uint32_t mask) noexcept;
  /// The bank that a register at `offset` belongs to; nothing when none is there.
  [[nodiscard]] static std::optional<unsigned> bank_of(std::uint64_t offset) noexcept;
  /// GICD_IROUTER<n>, n = `intid`: affinity fields as in MPIDR_EL1. 32 <= intid < kIntidCount.
  [[nodiscard]] std::uint64_t route(std::uint32_t intid) noexcept;
  void set_route(std::uint32_t intid, std::uint64_t affinity) noexcept;
  /// GICD_ITARGETSR<n> of a GICv2: a bit per vCPU that may get the interrupt; the first of them
  /// does. 32 <= intid < kIntidCount.
  [[nodiscard]] std::uint8_t targets(std::uint32_t intid) noexcept {
    return static_cast<std::uint8_t>(route(intid));
  }
  void set_targets(std::uint32_t intid, std::uint8_t targets) noexcept;
  /// GICD_SPENDSGIR<n> and GICD_CPENDSGIR<n> of a GICv2: a bit per sender of the SGI that waits for
  /// `vcpu`. `intid` < 16.
  [[nodiscard]] std::uint8_t sgi_senders(unsigned vcpu, std::uint32_t intid) noexcept;
  void add_sgi_senders(unsigned vcpu, std::uint32_t intid, std::uint8_t senders) noexcept;
  void remove_sgi_senders(unsigned vcpu, std::uint32_t intid, std::uint8_t senders) noexcept;

  void describe(StateVisitor& visitor);

 private:
  static constexpr unsigned kSharedBanks = (kIntidCount - kPrivateCount + 31) / 32;
  static constexpr std::uint8_t kNobody = 0xff;

  struct SharedBank : InterruptBank {
    std::array<std::uint64_t, 32> route{};
    std::array<std::uint8_t, 32> target{};  ///< vCPU of that route; kNobody
    std::array<std::uint8_t, 32> holder{};  ///< vCPU that has it in a list register, or active
  };
  struct Place {
    InterruptBank* bank;
    std::uint32_t bit;
    unsigned index;
    SharedBank* shared;  ///< null for private interrupts
  };

  [[nodiscard]] Place place(unsigned vcpu, std::uint32_t intid) noexcept;
  [[nodiscard]] unsigned find_vcpu(std::uint64_t affinity) const noexcept;
  [[nodiscard]] bool is_gicv2_sgi(std::uint32_t intid) const noexcept {
    return is_v2_ && intid < kSgiCount;
  }
  /// The vCPU that set_route() or set_targets() has named by `value`; kNobody.
  [[nodiscard]] std::uint8_t target_of(std::uint64_t value) const noexcept;
  void route_to(std::uint32_t intid, std::uint64_t value) noexcept;
  void wake(unsigned vcpu) noexcept;
  void wake_all() noexcept;
  /// Whoever gets, or has, the interrupts in `bits`.
  void wake_for(unsigned vcpu, unsigned bank, std::uint32_t bits) noexcept;
  [[nodiscard]] bool is_lent(unsigned vcpu, std::uint32_t intid) const noexcept;
  /// Those of `bits` that may be in a list register.
  [[nodiscard]] std::uint32_t held_of(unsigned vcpu, unsigned bank,
                                      std::uint32_t bits) const noexcept;
  void move_lent_lpis(unsigned from, std::uint8_t to, std::uint32_t first,
                      std::uint32_t end) noexcept;
  void fold_lpi(unsigned vcpu, unsigned n, std::uint32_t intid, bool pending) noexcept;
  void fold_one(unsigned vcpu, const ListRegister& was, const ListRegister& now) noexcept;
  void end_unlisted(unsigned vcpu) noexcept;
  [[nodiscard]] std::uint32_t enabled_groups(const InterruptBank& bank) const noexcept;
  /// Puts what comes first of a bank in its place among `best`.
  void collect(unsigned vcpu, unsigned bank, ListRegisters& best, unsigned capacity) noexcept;
  void lend(unsigned vcpu, ListRegister& entry, std::uint32_t hardware) noexcept;
  [[nodiscard]] InterruptBank& bank(unsigned vcpu, unsigned n) noexcept {
    return n == 0 ? private_[vcpu] : shared_[n - 1];
  }

  AnyLock& lock_;
  bool has_distributor_ = false;
  bool is_v2_ = false;
  unsigned groups_ = 0;
  Array<InterruptBank> private_;
  std::array<SharedBank, kSharedBanks> shared_{};
  std::optional<Lpis> lpis_;
  Its* its_ = nullptr;
  Array<SgiSources> sgi_sources_;  ///< per vCPU; of a GICv2
  Array<ListRegisters> lent_;      ///< per vCPU, as fill() gave them
  Array<VcpuInterface*> interfaces_;
  Array<std::uint64_t> affinities_;
  std::atomic<std::uint64_t> wakes_{0};
};

}  // namespace axvm::aarch64
