#pragma once
// The memory management unit of one hart while V=1: both stages, walked entry by entry, behind the
// strict TLB.

#include <cstdint>
#include <expected>
#include <optional>
#include <sim/arch/riscv64/fence.hpp>
#include <sim/arch/riscv64/stages.hpp>
#include <sim/arch/riscv64/tlb.hpp>
#include <sim/arch/riscv64/translation.hpp>
#include <sim/arch/riscv64/walk.hpp>
#include <sim/cpu/statistics.hpp>
#include <sim/memory/physical_memory.hpp>
#include <sim/state.hpp>

namespace axvm::sim::riscv64 {

class Mmu {
 public:
  /// `memory` and `statistics` must outlive the MMU.
  Mmu(const PhysicalMemory& memory, std::uint32_t tlb_capacity, Statistics& statistics,
      const Features& features = {});

  /// May be changed at any time; the next translation sees the change.
  [[nodiscard]] Registers& registers() noexcept { return registers_; }
  [[nodiscard]] const Registers& registers() const noexcept { return registers_; }
  [[nodiscard]] const Features& features() const noexcept { return features_; }
  /// What the registers mean now.
  [[nodiscard]] const Regime& regime() const noexcept {
    if (registers_ != decoded_) [[unlikely]]
      decode();
    return regime_;
  }
  /// hgatp.VMID.
  [[nodiscard]] std::uint16_t vmid() const noexcept { return regime().g.vmid; }

  /// Translates for a real access: through the TLB, which remembers the result. A fault is never
  /// remembered. Counted in the statistics.
  [[nodiscard]] std::expected<Translation, Fault> translate(std::uint64_t va,
                                                            AccessContext context);
  /// The same answer without a trace: uses the TLB, changes nothing, counts nothing. For
  /// debuggers and for what the hart itself looks at.
  [[nodiscard]] std::expected<Translation, Fault> translate_without_side_effects(
      std::uint64_t va, AccessContext context) const;
  /// What translate() would answer, provided that it would change nothing: nothing when it would
  /// fault or have the TLB remember something. For fetches ahead of the program counter.
  [[nodiscard]] std::optional<Translation> translate_ahead(std::uint64_t va,
                                                           AccessContext context) const;

  /// Walks the tables, no TLB involved; `observer.step(const WalkStep&)` sees each entry read.
  template <class Observer>
  [[nodiscard]] std::expected<Translation, Fault> walk(std::uint64_t va, AccessContext context,
                                                       Observer& observer) const {
    NoGStageCache no_cache;
    VsLeaf first;
    GLeaf second;
    return Walker{*memory_, regime(), no_cache, observer}.translate(va, context, first, second);
  }
  /// The same for the G-stage alone; `access` is checked against its permissions.
  template <class Observer>
  [[nodiscard]] std::expected<Translation, Fault> walk_g_stage(std::uint64_t gpa, Access access,
                                                               Observer& observer) const {
    NoGStageCache no_cache;
    return Walker{*memory_, regime(), no_cache, observer}.translate_gpa(gpa, access);
  }

  // --- Fences. The TLB forgets exactly what each orders ("Supervisor Memory-Management Fence
  // Instruction", "Hypervisor Memory-Management Fence Instructions").

  /// SFENCE.VMA in VS-mode and HFENCE.VVMA: the VS-stage of a VM. Nothing for `va`: all addresses;
  /// for `asid`: all of them, and what is global.
  void fence_vs_stage(std::uint16_t vmid, std::optional<std::uint64_t> va,
                      std::optional<std::uint16_t> asid);
  /// The same for [start, start + size).
  void fence_vs_stage(std::uint16_t vmid, std::uint64_t start, std::uint64_t size,
                      std::optional<std::uint16_t> asid);
  /// HFENCE.GVMA: the G-stage of a VM, and whatever of both stages was made from it. Nothing for
  /// `gpa`: all addresses.
  void fence_g_stage(std::uint16_t vmid, std::optional<std::uint64_t> gpa);
  /// The same for [start, start + size).
  void fence_g_stage(std::uint16_t vmid, std::uint64_t start, std::uint64_t size);

  /// Is told of each of these from now on; null: nobody is.
  void set_observer(FenceObserver* observer) noexcept { observer_ = observer; }

  [[nodiscard]] const Tlb& tlb() const noexcept { return tlb_; }

  /// Registers and TLB.
  void describe(StateVisitor& visitor);

 private:
  void drop_vs_stage(std::uint16_t vmid, std::optional<std::uint64_t> va,
                     std::optional<std::uint16_t> asid);
  void tell(const Fence& fence) const {
    if (observer_ != nullptr) observer_->forget(fence);
  }
  void decode() const noexcept;
  [[nodiscard]] const TlbEntry* find_combined(const Regime& regime,
                                              std::uint64_t va) const noexcept;
  [[nodiscard]] std::expected<Translation, Fault> translate_by_walk(std::uint64_t va,
                                                                    AccessContext context);

  const PhysicalMemory* memory_;
  Statistics* statistics_;
  Features features_;
  Registers registers_;
  Tlb tlb_;
  FenceObserver* observer_ = nullptr;
  // What the registers mean, decoded when they differ from what was decoded last.
  mutable Registers decoded_;
  mutable Regime regime_;
};

}  // namespace axvm::sim::riscv64
