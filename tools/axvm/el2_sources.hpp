#pragma once
// A configuration as sources of an EL2 image: what hal-el2/guest.hpp declares.

#include <cstdint>
#include <expected>
#include <filesystem>
#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/load/load_plan.hpp>
#include <string>

namespace axvm::tool {

/// What an image tells of.
enum class El2Trace : std::uint8_t {
  None,
  Traps,   ///< and what was done about them
  Tables,  ///< and what stage 2 maps
};

/// The VM as constant initialised C++: its VmConfig, and where the pieces of its images go. Only
/// what the plan says is taken from images: entry and device tree.
[[nodiscard]] std::string el2_config_source(const hal_sim::VmFile& vm,
                                            const hal_sim::LoadPlan& plan, El2Trace trace);

/// Writes into `folder`, which is made if need be: `config.cpp` (el2_config_source), `pieces.S`,
/// and a file for the bytes of each piece. Files that hold the same already are left alone. One
/// line otherwise.
[[nodiscard]] std::expected<void, std::string> write_el2_sources(
    const hal_sim::VmFile& vm, const hal_sim::LoadPlan& plan, El2Trace trace,
    const std::filesystem::path& folder);

}  // namespace axvm::tool
