#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tools/axvm/event_counts.hpp>

namespace axvm::tool {
namespace {

using sim::timing::Counters;
using sim::timing::kLevels;
using sim::timing::Level;
using sim::timing::Profile;

constexpr std::array<std::string_view, kLevels> kServers{"l1", "l2", "l3", "memory"};
// The levels that tables of guests have, with pages of 4 KiB. Arm counts them from the root,
// RISC-V from the pages.
constexpr unsigned levels_of(hal_sim::Isa isa) { return isa == hal_sim::Isa::Aarch64 ? 4 : 5; }
constexpr unsigned height_of(unsigned level, hal_sim::Isa isa) {
  return isa == hal_sim::Isa::Aarch64 ? levels_of(isa) - 1 - level : level;
}

class Events {
 public:
  void add(std::string name, std::uint64_t count) { rows_.push_back({std::move(name), count}); }
  std::vector<EventCount> take() { return std::move(rows_); }

 private:
  std::vector<EventCount> rows_;
};

void add_functional(const CpuCounts& counts, Events& events) {
  const sim::Statistics& s = counts.statistics;
  events.add("tlb_hits", s.tlb_hits);
  events.add("tlb_misses", s.tlb_misses);
  events.add("walks", s.walks);
  events.add("stage1_references", s.stage1_references);
  events.add("stage2_references", s.stage2_references);
}

// Unified TLBs of the second level count for both sides, as on hardware.
void add_tlbs(const Counters& c, const Profile& profile, Events& events) {
  events.add("L1I_TLB_REFILL", c.fetch_l1_tlb_refills);
  events.add("L1D_TLB_REFILL", c.l1_tlb_refills - c.fetch_l1_tlb_refills);
  if (!profile.l2_tlbs.empty()) {
    const bool unified = std::ranges::any_of(
        profile.l2_tlbs, [](const auto& tlb) { return tlb.fetches && tlb.data; });
    if (!unified) {
      events.add("L2I_TLB", c.fetch_l2_tlb_accesses);
      events.add("L2I_TLB_REFILL", c.fetch_l2_tlb_refills);
    }
    events.add("L2D_TLB", c.l2_tlb_accesses - (unified ? 0 : c.fetch_l2_tlb_accesses));
    events.add("L2D_TLB_REFILL", c.l2_tlb_refills - (unified ? 0 : c.fetch_l2_tlb_refills));
  }
  events.add("ITLB_WALK", c.fetch_walks);
  events.add("DTLB_WALK", c.walks - c.fetch_walks);
}

// By the level that served: whoever was served further out asked each level before in vain.
void add_caches(const Counters& c, const Profile& profile, Events& events) {
  std::array<std::uint64_t, kLevels> walks{};
  for (const auto* const stage : {&c.stage1, &c.stage2}) {
    for (const auto& height : *stage) {
      for (std::size_t level = 0; level < kLevels; ++level) walks.at(level) += height.at(level);
    }
  }
  const auto from = [](const std::array<std::uint64_t, kLevels>& served, std::size_t first) {
    std::uint64_t sum = 0;
    for (std::size_t level = first; level < kLevels; ++level) sum += served.at(level);
    return sum;
  };
  const bool apart = profile.memory.instructions.lines != 0;
  if (apart) {
    events.add("L1I_CACHE", from(c.fetched, 0));
    events.add("L1I_CACHE_REFILL", from(c.fetched, 1));
  }
  std::string_view last;
  std::uint64_t last_count = 0;
  for (std::size_t level = 0; level + 1 < kLevels; ++level) {
    if (profile.memory.caches.at(level).lines == 0) continue;
    const bool first = level == 0;
    const auto count = [&](std::size_t served_from) {
      const bool walks_ask = !first || profile.memory.walker_enters == Level::L1;
      return from(c.data, served_from) + (first && apart ? 0 : from(c.fetched, served_from)) +
             (walks_ask ? from(walks, served_from) : 0);
    };
    events.add(fmt::format("L{}D_CACHE", level + 1), count(level));
    events.add(fmt::format("L{}D_CACHE_REFILL", level + 1), count(level + 1));
    last = kServers.at(level);
    last_count = count(level);
  }
  const std::uint64_t memory =
      from(c.data, kLevels - 1) + from(c.fetched, kLevels - 1) + from(walks, kLevels - 1);
  if (!last.empty()) {
    events.add("LL_CACHE_RD", last_count);
    events.add("LL_CACHE_MISS_RD", memory);
  }
  events.add("MEM_ACCESS", from(c.data, 0));
  events.add("memory_reads", memory);
}

void add_references(const Counters& c, hal_sim::Isa isa, Events& events) {
  const std::array stages{&c.stage1, &c.stage2};
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    for (unsigned level = 0; level < levels_of(isa); ++level) {
      const auto& served = stages.at(stage)->at(height_of(level, isa));
      for (std::size_t server = 0; server < kLevels; ++server) {
        events.add(fmt::format("stage{}_level{}_from_{}", stage + 1, level, kServers.at(server)),
                   served.at(server));
      }
    }
  }
  events.add("stage1_walk_cache_hits", c.stage1_walk_cache_hits);
  events.add("stage2_walk_cache_hits", c.stage2_walk_cache_hits);
  events.add("ipa_cache_hits", c.ipa_cache_hits);
  events.add("ipa_cache_misses", c.ipa_cache_misses);
  events.add("walk_faults", c.faults);
  events.add("refused_accesses", c.refused);
  events.add("line_fetches", c.fetches);
  events.add("walk_cycles", c.walk_cycles);
}

}  // namespace

std::vector<EventCount> event_counts(const CpuCounts& counts, const Profile* profile) {
  Events events;
  const sim::Statistics& s = counts.statistics;
  events.add("INST_RETIRED", counts.instructions);
  events.add("CPU_CYCLES", s.cycles);
  events.add("EXC_TAKEN", s.traps_to_el1 + s.traps_to_el2);
  events.add("exceptions_to_el1", s.traps_to_el1);
  events.add("exceptions_to_el2", s.traps_to_el2);
  if (profile == nullptr || !counts.model) {
    add_functional(counts, events);
    return events.take();
  }
  add_tlbs(*counts.model, *profile, events);
  add_caches(*counts.model, *profile, events);
  add_references(*counts.model, counts.isa, events);
  return events.take();
}

}  // namespace axvm::tool
