#include <hal-common/placement.hpp>
#include <hal-sim/host/placement.hpp>

namespace axvm::hal_sim {

std::vector<std::optional<unsigned>> place_vcpus(std::span<const std::uint64_t> affinity_masks,
                                                 std::vector<unsigned>& load) {
  std::vector<std::optional<unsigned>> places;
  for (const std::uint64_t mask : affinity_masks) {
    places.push_back(hal_common::place_vcpu(mask, load));
  }
  return places;
}

}  // namespace axvm::hal_sim
