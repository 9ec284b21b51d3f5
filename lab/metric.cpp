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

}  // namespace

std::span<const Metric> metrics() { return kMetrics; }

const Metric* find_metric(std::string_view name) {
  const auto* const found = std::ranges::find(kMetrics, name, &Metric::name);
  return found == kMetrics.end() ? nullptr : &*found;
}

std::span<const NamedCounter> named_counters() { return kCounters; }
std::span<const NamedSum> named_sums() { return kSums; }

}  // namespace axvm::lab
