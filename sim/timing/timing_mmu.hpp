#pragma once
// The timing fidelity's MMU: TLBs before the walker, data caches behind it, and a clock.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sim/memory/physical_memory.hpp>
#include <sim/timing/access_clock.hpp>
#include <sim/timing/counters.hpp>
#include <sim/timing/foresight.hpp>
#include <sim/timing/page_cache.hpp>
#include <sim/timing/profile.hpp>
#include <sim/timing/reference.hpp>
#include <sim/timing/walker.hpp>
#include <span>
#include <vector>

namespace axvm::sim::timing {

/// Whose translations are looked up and filled. Those of a stream: one address space of one VM.
struct Spaces {
  SpaceNumber asid = 1;    ///< of this address space
  SpaceNumber global = 1;  ///< of all address spaces of the VM
  SpaceNumber vm = 1;      ///< of stage 2
};

/// Translates addresses as a processor of some profile would, and counts what it does for that.
/// Nothing that a guest can see depends on it.
class TimingMmu {
 public:
  /// Precondition: the profile's shapes are valid. `memory` holds the tables and outlives this.
  TimingMmu(const Profile& profile, const PhysicalMemory& memory);
  TimingMmu(const TimingMmu&) = delete;
  TimingMmu& operator=(const TimingMmu&) = delete;

  void set_stage1(Stage stage) noexcept {
    walker_.set_stage1(stage);
    foresight_.forget();
  }
  void set_stage2(Stage stage) noexcept {
    walker_.set_stage2(stage);
    foresight_.forget();
  }
  /// What a guest's registers say: the tables of both halves, and whose they are.
  void set_context(Stage lower, Stage upper, Stage stage2, Spaces spaces) noexcept {
    walker_.set_stage1(lower, upper);
    walker_.set_stage2(stage2);
    spaces_ = spaces;
    recent_ = {};
    foresight_.forget();
  }

  /// The next access of the program: its address is translated, then its data are fetched. When it
  /// `waits`, its address depends on the data of the access before. Nothing when a walk ends at an
  /// invalid descriptor.
  std::optional<std::uint64_t> access(std::uint64_t va, Access access, bool waits = false) {
    const bool fetch = access == Access::Fetch;
    if (fetch) ++counters_.fetches;
    clock_.start(waits);
    std::uint64_t ready = clock_.begin;
    std::uint64_t pa = 0;
    if (recent_.has(va, fetch)) {
      ready += recent_.cycles;
      pa = va + recent_.distance;
    } else if (!translate(va, access, ready, pa)) {
      ++nowhere_;
      clock_.finish(ready);
      return std::nullopt;
    }
    counters_.translation_cycles += ready - clock_.begin;
    const MemoryHierarchy::Answer answer = hierarchy_.access(pa);
    ++counters_.data[static_cast<std::size_t>(answer.level)];
    clock_.finish(ready + answer.cycles);
    return pa;
  }
  /// access() of each in turn, at `base` + its offset, to the first that leads nowhere: how many
  /// there were before that.
  std::size_t access_all(std::uint64_t base, std::span<const Reference> references) {
    const std::uint64_t before = counters_.l1_tlb_refills;
    const std::size_t done =
        foresees_ ? access_in_row<true>(base, references) : access_in_row<false>(base, references);
    foresees_ = (counters_.l1_tlb_refills - before) * kRefillsOf > references.size();
    return done;
  }

  /// A guest fetches the line of instructions at `va`: what follows waits for it, unless it is in
  /// the first level of everything.
  void fetch(std::uint64_t va);
  /// A guest's access to `va` ends in an abort: it is translated, and goes no further.
  void refuse(std::uint64_t va, Access access);
  /// Cycles in which a guest's instructions begin that access nothing.
  void advance(std::uint64_t cycles) noexcept { clock_.advance(cycles); }

  /// Forgets what `stale(entry, stage)` is true of: translations (stage 0), and what is remembered
  /// of tables of stages 1 and 2 as Walker::remove_if() says.
  template <class F>
  void forget_if(F&& stale) {
    forget_translations([&](const PageCache::Entry& entry) { return stale(entry, 0U); });
    walker_.remove_if(stale);
  }

  /// TLBI ALLE1 and its like: nothing is remembered.
  void invalidate_all();
  /// Forgets what stage 1 and both stages together say of [va, va + size) in the current space.
  void invalidate_va(std::uint64_t va, std::uint64_t size);
  /// Forgets what stage 2 says of [ipa, ipa + size), and everything that followed from stage 2.
  void invalidate_ipa(std::uint64_t ipa, std::uint64_t size);

  [[nodiscard]] Counters counters() const noexcept {
    Counters counters = counters_;
    counters.cycles = clock_.end - started_;
    // Each access gets its data, or leads nowhere.
    counters.accesses = nowhere_;
    for (const std::uint64_t served : counters.data) counters.accesses += served;
    return counters;
  }
  /// What was counted so far counts no more; caches keep what they hold.
  void reset_counters() noexcept;

 private:
  // Foresight pays where one of so many accesses misses the first-level TLBs.
  static constexpr std::uint64_t kRefillsOf = 16;
  template <bool kForesee>
  std::size_t access_in_row(std::uint64_t base, std::span<const Reference> references);

  struct Tlb {
    PageCache pages;
    std::uint64_t shifts = 0;  // as bits; 0: all
    std::uint32_t cycles = 0;
    bool fetches = true;
    bool data = true;
    bool fracture = false;
    unsigned coalesce_bits = 0;

    [[nodiscard]] bool serves(Access access) const noexcept {
      return access == Access::Fetch ? fetches : data;
    }
    /// The size of the entry that this has for what was found: that of the page, more where the TLB
    /// coalesces, less where it keeps pieces; 0 when it has none.
    [[nodiscard]] unsigned entry_shift(const Translation& found) const noexcept;
  };
  [[nodiscard]] static std::vector<Tlb> make(const std::vector<TlbProfile>& profiles);
  [[nodiscard]] const PageCache::Entry* find(std::span<Tlb> tlbs, std::uint64_t va, Access access,
                                             std::uint32_t& cycles) const noexcept;
  /// The size of the entry for `va` that the level has from now on; 0 when none of its TLBs holds
  /// such pages. `found` is what was found for `va` in the space that has it.
  static unsigned fill(std::span<Tlb> tlbs, std::uint64_t va, Access access, Translation found,
                       SpaceNumber space);
  /// translate() for a fetch: leaves the last translation of data alone, and says for itself what
  /// it has cost.
  bool translate_fetch(std::uint64_t va, std::uint64_t& ready, std::uint64_t& pa);
  /// Translates; `ready` is when that begins, and then when it is done. False when nothing is
  /// mapped.
  bool translate(std::uint64_t va, Access access, std::uint64_t& ready, std::uint64_t& pa);
  /// Takes those of which `stale(entry)` is true out of all TLBs.
  template <class F>
  void forget_translations(F&& stale) {
    recent_ = {};
    for (Tlb& tlb : l1_) tlb.pages.remove_if(stale);
    for (Tlb& tlb : l2_) tlb.pages.remove_if(stale);
  }

  /// The last translation that a first-level TLB had: there, it is the youngest already.
  struct Recent {
    std::uint64_t page = 0;
    std::uint64_t size = 0;      ///< 0: none
    std::uint64_t distance = 0;  ///< from an address to where it leads
    std::uint32_t cycles = 0;
    bool fetch = false;

    [[nodiscard]] bool has(std::uint64_t va, bool for_fetch) const noexcept {
      return va - page < size && for_fetch == fetch;
    }
  };

  Counters counters_;
  Spaces spaces_;
  std::uint64_t nowhere_ = 0;  // accesses that nothing is mapped for
  MemoryHierarchy hierarchy_;
  Walker walker_;
  Foresight foresight_;
  bool foresees_ = false;  // the last accesses in a row have missed often
  Recent recent_;
  std::vector<Tlb> l1_;
  std::vector<Tlb> l2_;
  bool split_ = true;                // no first-level TLB serves both fetches and data
  std::vector<std::uint64_t> data_;  // the clock's
  AccessClock clock_;
  std::uint64_t started_ = 0;           // when counters were reset
  std::vector<std::uint64_t> walkers_;  // when each is free
};

}  // namespace axvm::sim::timing
