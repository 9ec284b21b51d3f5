#pragma once
// The memory management unit of one CPU while it runs a guest: both stages, walked entry by entry,
// behind the strict TLB.

#include <cstdint>
#include <expected>
#include <optional>
#include <sim/arch/x86_64/stages.hpp>
#include <sim/arch/x86_64/tlb.hpp>
#include <sim/arch/x86_64/translation.hpp>
#include <sim/arch/x86_64/walk.hpp>
#include <sim/cpu/statistics.hpp>
#include <sim/memory/physical_memory.hpp>
#include <sim/state.hpp>

namespace axvm::sim::x86_64 {

/// Is told when walks have set A or D.
class TableWrites {
 public:
  /// Of the entry at `pa`.
  virtual void table_written(std::uint64_t pa) = 0;

 protected:
  ~TableWrites() = default;
};

/// A fault invalidates what the TLB has for its address, and a refusal by the TLB alone is none:
/// the tables are walked first (APM Vol. 2 5.5.2). So software need not invalidate what it gives
/// more rights.
class Mmu {
 public:
  /// `memory` and `statistics` must outlive the MMU.
  Mmu(const PhysicalMemory& memory, std::uint32_t tlb_capacity, Statistics& statistics,
      const Features& features = {});

  /// May be changed at any time; the next translation sees the change. What a change of CR0, CR3,
  /// CR4 or EFER by the guest invalidates, is its own to say by the functions below.
  [[nodiscard]] Registers& registers() noexcept { return registers_; }
  [[nodiscard]] const Registers& registers() const noexcept { return registers_; }
  [[nodiscard]] const Features& features() const noexcept { return features_; }
  /// What the registers mean now.
  [[nodiscard]] const Regime& regime() const noexcept {
    if (registers_ != decoded_) [[unlikely]]
      decode();
    return regime_;
  }
  /// Null: nobody is told.
  void set_listener(TableWrites* listener) noexcept { listener_ = listener; }

  /// Translates for a real access: through the TLB, which remembers the result; sets A and D. A
  /// fault is never remembered. Counted in the statistics.
  [[nodiscard]] std::expected<Translation, Fault> translate(std::uint64_t va,
                                                            AccessContext context);
  /// Guest physical to physical, likewise: for what the processor does with physical addresses.
  [[nodiscard]] std::expected<Translation, Fault> translate_gpa(std::uint64_t gpa, Access access);
  /// translate()'s answer without a trace: uses the TLB, changes nothing, counts nothing. For
  /// debuggers and for what the CPU itself looks at.
  [[nodiscard]] std::expected<Translation, Fault> translate_without_side_effects(
      std::uint64_t va, AccessContext context) const;
  /// What translate() would answer, provided that it would change nothing: nothing when it would
  /// fault or have the TLB remember something. For fetches ahead of the program counter.
  [[nodiscard]] std::optional<Translation> translate_ahead(std::uint64_t va,
                                                           AccessContext context) const;

  /// Walks the tables, no TLB involved, nothing set; `observer.step(const WalkStep&)` sees each
  /// entry read.
  template <class Observer>
  [[nodiscard]] std::expected<Translation, Fault> walk(std::uint64_t va, AccessContext context,
                                                       Observer& observer) const {
    ReadOnlyTables tables(*memory_);
    NoNestedCache no_cache;
    GuestLeaf first;
    NestedLeaf second;
    return Walker(tables, regime(), no_cache, observer).translate(va, context, first, second);
  }
  /// The same for the nested stage alone.
  template <class Observer>
  [[nodiscard]] std::expected<Translation, Fault> walk_nested(std::uint64_t gpa, Access access,
                                                              Observer& observer) const {
    ReadOnlyTables tables(*memory_);
    NoNestedCache no_cache;
    return Walker(tables, regime(), no_cache, observer).translate_gpa(gpa, access);
  }

  // --- What invalidates. The TLB forgets exactly what each orders (5.5.3, 15.16).

  /// Of the running guest: everything but global pages and nested translations; with PCIDs, of the
  /// present one. MOV to CR3 without bit 63.
  void flush_address_space();
  /// Of the running guest: everything but nested translations. Changes of CR0.PG, CR4 or EFER.
  void flush_guest();
  /// INVLPG.
  void invlpg(std::uint64_t va);
  /// INVLPGA: of any guest, by linear address.
  void invlpga(std::uint64_t va, std::uint16_t asid);
  /// TLB_CONTROL of a VMCB: 1 everything, 3 all of an ASID, 7 all of it but global pages. Others
  /// do nothing.
  void tlb_control(unsigned control, std::uint16_t asid);

  /// True when the TLB may have less, or something else, than when this was asked last: whoever
  /// caches what it said has to forget.
  [[nodiscard]] bool take_forgotten() noexcept;
  [[nodiscard]] const Tlb& tlb() const noexcept { return tlb_; }

  /// Registers and TLB.
  void describe(StateVisitor& visitor);

 private:
  struct FillingCache;

  void decode() const noexcept;
  /// The entry of both stages for an address, and whose it is.
  [[nodiscard]] const TlbEntry* find_combined(const Regime& regime,
                                              std::uint64_t va) const noexcept;
  [[nodiscard]] std::expected<Translation, Fault> translate_by_walk(std::uint64_t va,
                                                                    AccessContext context);
  /// Whatever of both stages covers the address.
  void drop_combined(const Regime& regime, std::uint64_t va);
  /// In place of what the TLB knows of `input`.
  void remember(TlbTag tag, std::uint64_t input, const TlbEntry& entry);
  [[nodiscard]] auto updated_tables() {
    return UpdatedTables(*memory_, [this](std::uint64_t pa) {
      if (listener_ != nullptr) listener_->table_written(pa);
    });
  }

  const PhysicalMemory* memory_;
  Statistics* statistics_;
  Features features_;
  Registers registers_;
  Tlb tlb_;
  TableWrites* listener_ = nullptr;
  std::uint64_t removals_seen_ = 0;
  bool restricted_ = false;  ///< an entry permits less than it did
  // What the registers mean, decoded when they differ from what was decoded last.
  mutable Registers decoded_;
  mutable Regime regime_;
};

}  // namespace axvm::sim::x86_64
