#include <fmt/format.h>

#include <explain/walk_cost.hpp>
#include <sim/timing/cost_model.hpp>

namespace axvm::explain {

namespace {

constexpr std::string_view kServers[] = {"L1", "L2", "L3", "memory"};

}  // namespace

WalkCost walk_cost(std::span<const std::uint64_t> addresses,
                   const sim::timing::HierarchyProfile* memory) {
  WalkCost cost;
  if (memory == nullptr) {
    const sim::CostModel flat;
    cost.model = fmt::format("flat: {} for the TLB miss, {} for each descriptor", flat.tlb_miss,
                             flat.descriptor);
    cost.cycles_before = flat.tlb_miss;
    std::uint64_t sum = cost.cycles_before;
    for (std::size_t n = 0; n < addresses.size(); ++n) {
      sum += flat.descriptor;
      cost.reads.push_back({.cycles = flat.descriptor, .cycles_so_far = sum});
    }
    return cost;
  }
  cost.model = "data caches of the profile, cold; no walk caches";
  sim::timing::MemoryHierarchy hierarchy(*memory);
  std::uint64_t sum = 0;
  for (const std::uint64_t address : addresses) {
    const auto answer = hierarchy.walk(address);
    sum += answer.cycles;
    cost.reads.push_back({.cycles = answer.cycles,
                          .served_by = kServers[static_cast<std::size_t>(answer.level)],
                          .cycles_so_far = sum});
  }
  return cost;
}

}  // namespace axvm::explain
