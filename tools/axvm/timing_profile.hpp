#pragma once
// --timing: which processor is modelled.

#include <optional>
#include <sim/timing/profile.hpp>
#include <string>

namespace axvm::tool {

/// Reads the profile: a TOML file, or the name of one of those in configs/walk-lab/profiles. False
/// when it cannot be had; prints one line per finding to stderr.
[[nodiscard]] bool read_timing_profile(const std::string& name,
                                       std::optional<sim::timing::Profile>& profile);

}  // namespace axvm::tool
