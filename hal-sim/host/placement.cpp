#include <hal-sim/host/placement.hpp>

namespace axvm::hal_sim {

std::vector<std::optional<unsigned>> place_vcpus(std::span<const std::uint64_t> affinity_masks,
                                                 std::vector<unsigned>& load) {
  std::vector<std::optional<unsigned>> places;
  for (const std::uint64_t mask : affinity_masks) {
    std::optional<unsigned> best;
    for (unsigned p = 0; p < load.size() && p < 64; ++p) {
      const bool allowed = (mask >> p & 1) != 0;
      if (allowed && (!best || load[p] < load[*best])) best = p;
    }
    if (best) ++load[*best];
    places.push_back(best);
  }
  return places;
}

}  // namespace axvm::hal_sim
