#pragma once
// Table walks through caches: each descriptor that a walker reads, and what the reads cost.

#include <array>
#include <cstdint>
#include <optional>
#include <sim/memory/physical_memory.hpp>
#include <sim/timing/counters.hpp>
#include <sim/timing/memory_hierarchy.hpp>
#include <sim/timing/page_cache.hpp>
#include <sim/timing/profile.hpp>
#include <sim/timing/table_format.hpp>
#include <vector>

namespace axvm::sim::timing {

/// The tables of one stage.
struct Stage {
  const TableFormat* format = nullptr;  ///< null: the stage is off, addresses stay what they are
  std::uint64_t root = 0;  ///< stage 1: an intermediate address; stage 2: a physical one
  std::uint64_t sign = 0;  ///< what the bits above the format's input are
  bool refuses = false;    ///< nothing is mapped, and no table is read to know
};

/// Where an address leads.
struct Translation {
  std::uint64_t address = 0;
  unsigned page_shift = 0;  ///< the page that this is true of: the smaller one of both stages
  unsigned run_shift = 0;   ///< the aligned block around it that leads to memory in a row
  unsigned leaf_shift = 0;  ///< of the stage-1 leaf; 0 without stage 1
  bool global = false;      ///< true in all address spaces of the VM
};

/// Walks of both stages. Its caches hold what it has read: they have to be told what software
/// invalidates.
class Walker {
 public:
  /// Precondition: the profile's shapes are valid. `memory` and `hierarchy` outlive the walker.
  Walker(const Profile& profile, const PhysicalMemory& memory, MemoryHierarchy& hierarchy,
         Counters& counters);

  void set_stage1(Stage stage) noexcept { stage1_ = {stage, stage}; }
  /// Of the lower and the upper half of all addresses, told apart by bit 63.
  void set_stage1(Stage lower, Stage upper) noexcept { stage1_ = {lower, upper}; }
  void set_stage2(Stage stage) noexcept { stage2_ = stage; }
  /// The tables that a walk of `va` begins with.
  [[nodiscard]] const Stage& stage1(std::uint64_t va) const noexcept { return stage1_[va >> 63]; }
  [[nodiscard]] const Stage& stage2() const noexcept { return stage2_; }
  /// Whether walks look at the descriptors beside those they read, for pages that follow each
  /// other.
  void look_beside(bool look) noexcept { looks_beside_ = look; }

  /// Adds the cycles of the reads to `cycles`. `space` tags what stage 1 says, `vm` what stage 2
  /// says. Nothing when a descriptor is invalid, or where no memory is.
  std::optional<Translation> walk(std::uint64_t va, SpaceNumber space, SpaceNumber vm,
                                  std::uint32_t& cycles);

  /// Forgets what `stale(entry, stage)` is true of, stage 1 or 2; intermediate addresses are those
  /// of stage 2. Entries of walk caches stand for all that their table translates.
  template <class F>
  void remove_if(F&& stale) {
    for (WalkCache& cache : walk_caches1_) {
      cache.pages.remove_if([&](const PageCache::Entry& entry) { return stale(entry, 1U); });
    }
    for (WalkCache& cache : walk_caches2_) {
      cache.pages.remove_if([&](const PageCache::Entry& entry) { return stale(entry, 2U); });
    }
    for (IpaCache& cache : ipa_caches_) {
      cache.pages.remove_if([&](const PageCache::Entry& entry) { return stale(entry, 2U); });
    }
  }

 private:
  struct WalkCache {
    PageCache pages;            // by what one table translates; the value is the table's address
    std::uint64_t heights = 0;  // as bits
  };
  struct IpaCache {
    PageCache pages;
    std::uint64_t shifts = 0;  // as bits; 0: all
  };
  /// Where a walk begins.
  struct Start {
    std::uint64_t table;
    unsigned height;
  };

  [[nodiscard]] static std::vector<WalkCache> make(const std::vector<WalkCacheProfile>& profiles);
  [[nodiscard]] static Start start(std::vector<WalkCache>& caches, const Stage& stage,
                                   std::uint64_t address, SpaceNumber space, std::uint64_t& hits);
  static void note_table(std::vector<WalkCache>& caches, const TableFormat& format,
                         std::uint64_t address, unsigned height, SpaceNumber space,
                         std::uint64_t table);

  std::optional<Translation> stage2(std::uint64_t ipa, SpaceNumber vm, std::uint32_t& cycles);
  std::optional<Translation> walk_stage2(std::uint64_t ipa, SpaceNumber vm, std::uint32_t& cycles);
  [[nodiscard]] std::optional<Descriptor> read(const TableFormat& format, std::uint64_t pa,
                                               unsigned height, References& references,
                                               std::uint32_t& cycles);

  /// The size of the aligned block of pages around that of the leaf at `pa`, in the same line of
  /// memory, that follow each other.
  [[nodiscard]] unsigned run_shift(const TableFormat& format, std::uint64_t pa,
                                   unsigned height) const;

  const PhysicalMemory& memory_;
  MemoryHierarchy& hierarchy_;
  Counters& counters_;
  bool looks_beside_ = false;
  std::array<Stage, 2> stage1_;
  Stage stage2_;
  std::vector<WalkCache> walk_caches1_;
  std::vector<WalkCache> walk_caches2_;
  std::vector<IpaCache> ipa_caches_;
};

}  // namespace axvm::sim::timing
