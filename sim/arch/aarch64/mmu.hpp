#pragma once
// The memory management unit of one pCPU, EL1&0 regime: both stages, walked descriptor by
// descriptor, behind the strict TLB. 4 KiB granule only: the other granule sizes are not
// implemented, so that a TG0, TG1 or VTCR_EL2.TG0 that selects one behaves as 4 KiB (DDI 0487
// D8.2.1; the ID registers must say so: ID_AA64MMFR0_EL1.TGran16 = 0b0000, TGran64 = 0b1111).

#include <cstdint>
#include <expected>
#include <sim/arch/aarch64/fault_memo.hpp>
#include <sim/arch/aarch64/stage1.hpp>
#include <sim/arch/aarch64/stage2.hpp>
#include <sim/arch/aarch64/tlb.hpp>
#include <sim/arch/aarch64/tlb_maintenance.hpp>
#include <sim/arch/aarch64/translation.hpp>
#include <sim/arch/aarch64/walk.hpp>
#include <sim/cpu/statistics.hpp>
#include <sim/memory/physical_memory.hpp>
#include <sim/state.hpp>

namespace axvm::sim::aarch64 {

class Mmu {
 public:
  /// `memory` and `statistics` must outlive the MMU.
  Mmu(const PhysicalMemory& memory, std::uint32_t tlb_capacity, Statistics& statistics,
      const Features& features = {});

  /// May be changed at any time; the next translation sees the change.
  [[nodiscard]] Registers& registers() noexcept { return registers_; }
  [[nodiscard]] const Registers& registers() const noexcept { return registers_; }
  [[nodiscard]] const Features& features() const noexcept { return features_; }

  /// The current tags: TTBRn_EL1.ASID by TCR_EL1.A1 and AS, VTTBR_EL2.VMID.
  [[nodiscard]] std::uint16_t asid() const noexcept { return regime().stage1.asid; }
  [[nodiscard]] std::uint16_t vmid() const noexcept { return regime().stage2.vmid; }
  /// True when stage 1 translates (SCTLR_EL1.M, not HCR_EL2.DC).
  [[nodiscard]] bool stage1_enabled() const noexcept { return regime().stage1.enabled; }
  /// What the registers mean now.
  [[nodiscard]] const Regime& regime() const noexcept {
    if (registers_ != decoded_) [[unlikely]]
      decode();
    return regime_;
  }

  /// Translates for a real access: through the TLB, which remembers the result. A fault is never
  /// remembered. Counted in the statistics.
  [[nodiscard]] std::expected<Translation, Fault> translate(std::uint64_t va,
                                                            AccessContext context);
  /// The fault of stage 2, not met in stage 1's tables, that translate() would return: counted as
  /// translate() counts it. Null, and nothing is changed or counted, when it would succeed, fail
  /// otherwise or have the TLB remember something. `memo` belongs to the caller and makes the next
  /// call cheaper.
  [[nodiscard]] const Fault* foresee_stage2_fault(std::uint64_t va, AccessContext context,
                                                  FaultMemo& memo);
  /// The same answer without a trace: uses the TLB, changes nothing, counts nothing. For
  /// speculative fills and debuggers.
  [[nodiscard]] std::expected<Translation, Fault> translate_without_side_effects(
      std::uint64_t va, AccessContext context) const;

  /// Walks the tables, no TLB involved; `observer.step(const WalkStep&)` sees each descriptor read.
  template <class Observer>
  [[nodiscard]] std::expected<Translation, Fault> walk(std::uint64_t va, AccessContext context,
                                                       Observer& observer) const {
    NoStage2Cache no_cache;
    Stage1Leaf first;
    Stage2Leaf second;
    return Walker{*memory_, regime(), no_cache, observer}.translate(va, context, first, second);
  }
  /// The same for stage 2 alone; `access` is checked against stage 2's permissions.
  template <class Observer>
  [[nodiscard]] std::expected<Translation, Fault> walk_stage2(std::uint64_t ipa, Access access,
                                                              Observer& observer) const {
    NoStage2Cache no_cache;
    return Walker{*memory_, regime(), no_cache, observer}.translate_ipa(ipa, access);
  }

  // --- TLB maintenance, DDI 0487 D8.17; addresses are full VAs and IPAs -------------------------
  void tlbi_vmalle1(std::uint16_t vmid);
  void tlbi_aside1(std::uint16_t vmid, std::uint16_t asid);
  /// Entries of `asid` and global entries.
  void tlbi_vae1(std::uint16_t vmid, std::uint16_t asid, std::uint64_t va);
  void tlbi_vaae1(std::uint16_t vmid, std::uint64_t va);
  /// Last level only: the TLB holds nothing but results of last-level lookups, so that these drop
  /// what tlbi_vae1 and tlbi_vaae1 drop.
  void tlbi_vale1(std::uint16_t vmid, std::uint16_t asid, std::uint64_t va);
  void tlbi_vaale1(std::uint16_t vmid, std::uint64_t va);
  /// Stage-2-only entries; combined entries made from them stay until a stage-1 invalidation.
  void tlbi_ipas2e1(std::uint16_t vmid, std::uint64_t ipa);
  void tlbi_vmalls12e1(std::uint16_t vmid);
  void tlbi_alle1();
  /// Is told of each of these from now on; null: nobody is.
  void set_observer(MaintenanceObserver* observer) noexcept { observer_ = observer; }

  /// AT S1E1R, S1E1W (`el` 1), S1E0R, S1E0W (`el` 0): the value of PAR_EL1. Stage 2 failing for a
  /// stage-1 descriptor, or an external abort, is no result but an exception: the fault comes back.
  [[nodiscard]] std::expected<std::uint64_t, Fault> at_s1(std::uint64_t va, unsigned el,
                                                          bool write) const;
  /// Whether stage 1 gives `va` a Device memory type, seen from `el`. False when it does not
  /// translate it.
  [[nodiscard]] bool is_device_at_stage1(std::uint64_t va, unsigned el) const;
  /// AT S12E1R, S12E1W, S12E0R, S12E0W: the value of PAR_EL1, whatever happens.
  [[nodiscard]] std::uint64_t at_s12(std::uint64_t va, unsigned el, bool write) const;

  [[nodiscard]] const Tlb& tlb() const noexcept { return tlb_; }

  /// Registers and TLB.
  void describe(StateVisitor& visitor);

 private:
  void drop(std::uint16_t vmid, std::uint16_t asid, std::uint64_t va);
  void tell(const TlbMaintenance& maintenance) const {
    if (observer_ != nullptr) observer_->forget(maintenance);
  }
  void decode() const noexcept;
  [[nodiscard]] std::expected<Translation, Fault> translate_by_walk(std::uint64_t va,
                                                                    AccessContext context);
  [[nodiscard]] bool find_stage2_fault(const Regime& regime, std::uint64_t va,
                                       AccessContext context, FaultMemo& memo) const;
  /// Counts a translation that was not answered by a combined entry; `hit`: stage 2 was found in
  /// the TLB.
  void count_walk(bool hit) noexcept;

  const PhysicalMemory* memory_;
  Statistics* statistics_;
  Features features_;
  Registers registers_;
  Tlb tlb_;
  MaintenanceObserver* observer_ = nullptr;
  // What the registers mean, decoded when they differ from what was decoded last.
  mutable Registers decoded_;
  mutable std::uint64_t decodings_ = 0;
  mutable Regime regime_;
};

}  // namespace axvm::sim::aarch64
