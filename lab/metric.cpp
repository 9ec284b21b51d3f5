#include <algorithm>
#include <array>
#include <lab/metric.hpp>

namespace axvm::lab {
namespace {

using sim::timing::Counters;
using sim::timing::Level;
using sim::timing::References;

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::uint64_t served_by(const References& references, Level level) {
  std::uint64_t sum = 0;
  for (const auto& height : references) sum += height[static_cast<std::size_t>(level)];
  return sum;
}

template <Level level>
std::uint64_t walk_reads(const Counters& c) {
  return served_by(c.stage1, level) + served_by(c.stage2, level);
}

template <Level level>
std::uint64_t data(const Counters& c) {
  return c.data[static_cast<std::size_t>(level)];
}

constexpr std::array kMetrics{
    Metric{"references_per_walk", "descriptors read per walk",
           [](const Counters& c) { return ratio(c.references(), c.walks); }},
    Metric{"stage1_references_per_walk", "of those, the guest's",
           [](const Counters& c) { return ratio(c.stage1_references(), c.walks); }},
    Metric{"stage2_references_per_walk", "of those, the hypervisor's",
           [](const Counters& c) { return ratio(c.stage2_references(), c.walks); }},
    Metric{"references_per_access", "descriptors read per access",
           [](const Counters& c) { return ratio(c.references(), c.accesses); }},
    Metric{"l1_tlb_refill_ratio", "accesses that no first-level TLB could translate",
           [](const Counters& c) { return ratio(c.l1_tlb_refills, c.accesses); }},
    Metric{"walks_per_access", "accesses that no TLB could translate",
           [](const Counters& c) { return ratio(c.walks, c.accesses); }},
    Metric{"cycles_per_walk", "cycles of a walk's reads",
           [](const Counters& c) { return ratio(c.walk_cycles, c.walks); }},
    Metric{"cycles_per_access", "cycles from the first access to the last, per access",
           [](const Counters& c) { return ratio(c.cycles, c.accesses); }},
    Metric{"translation_cycles_per_access", "cycles from an access to its physical address",
           [](const Counters& c) { return ratio(c.translation_cycles, c.accesses); }},
    Metric{"ipa_cache_hit_ratio", "stage-2 look-ups that the IPA cache answered",
           [](const Counters& c) {
             return ratio(c.ipa_cache_hits, c.ipa_cache_hits + c.ipa_cache_misses);
           }},
    Metric{"walk_memory_ratio", "descriptors that came from DRAM",
           [](const Counters& c) { return ratio(walk_reads<Level::Memory>(c), c.references()); }},
};

constexpr std::array kCounters{
    NamedCounter{"accesses", &Counters::accesses},
    NamedCounter{"fetches", &Counters::fetches},
    NamedCounter{"l1_tlb_refills", &Counters::l1_tlb_refills},
    NamedCounter{"l2_tlb_accesses", &Counters::l2_tlb_accesses},
    NamedCounter{"l2_tlb_refills", &Counters::l2_tlb_refills},
    NamedCounter{"walks", &Counters::walks},
    NamedCounter{"faults", &Counters::faults},
    NamedCounter{"stage1_walk_cache_hits", &Counters::stage1_walk_cache_hits},
    NamedCounter{"stage2_walk_cache_hits", &Counters::stage2_walk_cache_hits},
    NamedCounter{"ipa_cache_hits", &Counters::ipa_cache_hits},
    NamedCounter{"ipa_cache_misses", &Counters::ipa_cache_misses},
    NamedCounter{"walk_cycles", &Counters::walk_cycles},
    NamedCounter{"translation_cycles", &Counters::translation_cycles},
    NamedCounter{"cycles", &Counters::cycles},
};

constexpr std::array kSums{
    NamedSum{"stage1_references", [](const Counters& c) { return c.stage1_references(); }},
    NamedSum{"stage2_references", [](const Counters& c) { return c.stage2_references(); }},
    NamedSum{"walk_reads_l1", walk_reads<Level::L1>},
    NamedSum{"walk_reads_l2", walk_reads<Level::L2>},
    NamedSum{"walk_reads_l3", walk_reads<Level::L3>},
    NamedSum{"walk_reads_memory", walk_reads<Level::Memory>},
    NamedSum{"data_l1", data<Level::L1>},
    NamedSum{"data_l2", data<Level::L2>},
    NamedSum{"data_l3", data<Level::L3>},
    NamedSum{"data_memory", data<Level::Memory>},
};

using ReadsName = std::array<char, sizeof "stage1_height0_memory">;

constexpr std::size_t kReads = 2 * sim::timing::kMaxHeights * sim::timing::kLevels;
constexpr std::array<std::string_view, sim::timing::kLevels> kLevelNames{"l1", "l2", "l3",
                                                                         "memory"};

// By stage, height and level.
constexpr ReadsName reads_name(std::size_t number) {
  ReadsName name{};
  std::string_view("stage1_height0_").copy(name.data(), name.size());
  const std::size_t of_stage = kReads / 2;
  name[5] = number < of_stage ? '1' : '2';
  name[13] = static_cast<char>('0' + number % of_stage / sim::timing::kLevels);
  kLevelNames[number % sim::timing::kLevels].copy(name.data() + 15, name.size() - 15);
  return name;
}
constexpr auto kReadsNames = [] {
  std::array<ReadsName, kReads> names{};
  for (std::size_t number = 0; number < kReads; ++number) names[number] = reads_name(number);
  return names;
}();
constexpr auto kNamedReads = [] {
  std::array<NamedReads, kReads> reads{};
  for (std::size_t number = 0; number < kReads; ++number) {
    reads[number] = {kReadsNames[number].data(),
                     number < kReads / 2 ? &Counters::stage1 : &Counters::stage2,
                     number % (kReads / 2) / sim::timing::kLevels, number % sim::timing::kLevels};
  }
  return reads;
}();

}  // namespace

std::span<const Metric> metrics() { return kMetrics; }

const Metric* find_metric(std::string_view name) {
  const auto* const found = std::ranges::find(kMetrics, name, &Metric::name);
  return found == kMetrics.end() ? nullptr : &*found;
}

std::span<const NamedCounter> named_counters() { return kCounters; }
std::span<const NamedSum> named_sums() { return kSums; }
std::span<const NamedReads> named_reads() { return kNamedReads; }

}  // namespace axvm::lab
