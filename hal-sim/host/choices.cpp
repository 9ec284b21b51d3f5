#include <hal-common/split_mix.hpp>
#include <hal-sim/host/choices.hpp>

namespace axvm::hal_sim {

std::uint64_t DeterministicChoices::entropy() { return hal_common::split_mix(entropy_state_); }

}  // namespace axvm::hal_sim
