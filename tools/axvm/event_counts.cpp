#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tools/axvm/event_counts.hpp>
#include <tools/axvm/event_names.hpp>

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
  explicit Events(hal_sim::Isa isa) : names(event_names(isa)) {}

  void add(std::string_view name, std::uint64_t count) {
    rows_.push_back({std::string(name), count});
  }
  void add(const AccessNames& accesses, std::uint64_t all, std::uint64_t misses) {
    add(accesses.all, all);
    add(accesses.misses, misses);
  }
  std::vector<EventCount> take() { return std::move(rows_); }

  const EventNames& names;

 private:
  std::vector<EventCount> rows_;
};

void add_functional(const CpuCounts& counts, Events& events) {
  const sim::Statistics& s = counts.statistics;
  events.add("tlb_hits", s.tlb_hits);
  events.add("tlb_misses", s.tlb_misses);
  events.add("walks", s.walks);
  events.add(fmt::format("{}_references", events.names.stages[0]), s.stage1_references);
  events.add(fmt::format("{}_references", events.names.stages[1]), s.stage2_references);
}

// Unified TLBs of the second level count for both sides, as on hardware.
void add_tlbs(const Counters& c, const Profile& profile, Events& events) {
  const EventNames& names = events.names;
  events.add(names.fetch_tlb_misses, c.fetch_l1_tlb_refills);
  events.add(names.data_tlb_misses, c.l1_tlb_refills - c.fetch_l1_tlb_refills);
  if (!profile.l2_tlbs.empty()) {
    const bool unified = std::ranges::any_of(
        profile.l2_tlbs, [](const auto& tlb) { return tlb.fetches && tlb.data; });
    if (!unified) {
      events.add(names.fetch_l2_tlb, c.fetch_l2_tlb_accesses, c.fetch_l2_tlb_refills);
    }
    events.add(names.l2_tlb, c.l2_tlb_accesses - (unified ? 0 : c.fetch_l2_tlb_accesses),
               c.l2_tlb_refills - (unified ? 0 : c.fetch_l2_tlb_refills));
  }
  events.add(names.fetch_walks, c.fetch_walks);
  events.add(names.data_walks, c.walks - c.fetch_walks);
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
    events.add(events.names.fetch_cache, from(c.fetched, 0), from(c.fetched, 1));
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
    events.add(events.names.caches.at(level), count(level), count(level + 1));
    last = kServers.at(level);
    last_count = count(level);
  }
  const std::uint64_t memory =
      from(c.data, kLevels - 1) + from(c.fetched, kLevels - 1) + from(walks, kLevels - 1);
  if (!last.empty()) {
    events.add(events.names.last_level, last_count, memory);
  }
  events.add(events.names.data_accesses, from(c.data, 0));
  events.add("memory_reads", memory);
}

void add_references(const Counters& c, hal_sim::Isa isa, Events& events) {
  const std::array stages{&c.stage1, &c.stage2};
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    for (unsigned level = 0; level < levels_of(isa); ++level) {
      const auto& served = stages.at(stage)->at(height_of(level, isa));
      for (std::size_t server = 0; server < kLevels; ++server) {
        events.add(fmt::format("{}_level{}_from_{}", events.names.stages.at(stage), level,
                               kServers.at(server)),
                   served.at(server));
      }
    }
  }
  events.add(fmt::format("{}_walk_cache_hits", events.names.stages[0]), c.stage1_walk_cache_hits);
  events.add(fmt::format("{}_walk_cache_hits", events.names.stages[1]), c.stage2_walk_cache_hits);
  events.add(events.names.ipa_cache, c.ipa_cache_hits, c.ipa_cache_misses);
  events.add("walk_faults", c.faults);
  events.add("refused_accesses", c.refused);
  events.add("line_fetches", c.fetches);
  events.add("walk_cycles", c.walk_cycles);
}

}  // namespace

std::vector<EventCount> event_counts(const CpuCounts& counts, const Profile* profile) {
  Events events(counts.isa);
  const sim::Statistics& s = counts.statistics;
  events.add(events.names.instructions, counts.instructions);
  events.add(events.names.cycles, s.cycles);
  events.add(events.names.traps, s.traps_to_el1 + s.traps_to_el2);
  events.add(events.names.traps_to_guest, s.traps_to_el1);
  events.add(events.names.traps_to_vmm, s.traps_to_el2);
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
