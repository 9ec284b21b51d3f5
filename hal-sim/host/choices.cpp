#include <hal-sim/host/choices.hpp>
#include <hal-sim/state/split_mix.hpp>

namespace axvm::hal_sim {

std::uint64_t DeterministicChoices::entropy() { return split_mix(entropy_state_); }

}  // namespace axvm::hal_sim
