#pragma once
// Configurations as sources of an EL2 image: what hal-el2/guest.hpp declares.

#include <expected>
#include <filesystem>
#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/load/load_plan.hpp>
#include <span>
#include <string>

namespace axvm::tool {

/// A VM and what it boots with.
struct El2Vm {
  hal_sim::VmFile file;
  hal_sim::LoadPlan plan;
};

/// The VMs as constant initialised C++: of each its VmConfig, and where the pieces of its images
/// go. Only what the plan says is taken from images: entry and device tree. A `traced` image tells
/// of all traps.
[[nodiscard]] std::string el2_config_source(std::span<const El2Vm> vms, bool traced);

/// Writes into `folder`, which is made if need be: `config.cpp` (el2_config_source), `pieces.S`,
/// and a file for the bytes of each piece. Files that hold the same already are left alone. One
/// line otherwise.
[[nodiscard]] std::expected<void, std::string> write_el2_sources(
    std::span<const El2Vm> vms, bool traced, const std::filesystem::path& folder);

}  // namespace axvm::tool
