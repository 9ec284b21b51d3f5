#pragma once
// Configurations as sources of an bare-metal image: what hal-metal/guest.hpp declares.

#include <cstdint>
#include <expected>
#include <filesystem>
#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/load/load_plan.hpp>
#include <optional>
#include <span>
#include <string>
#include <tools/axvm/metal_devices.hpp>

namespace axvm::tool {

/// A VM, what it boots with, and what is behind its devices.
struct MetalVm {
  hal_sim::VmFile file;
  hal_sim::LoadPlan plan;
  MetalDevices devices;
};

/// What an image tells of.
enum class MetalTrace : std::uint8_t {
  None,
  Traps,   ///< and what was done about them
  Tables,  ///< and what stage 2 maps
};

struct MetalOptions {
  MetalTrace trace = MetalTrace::None;
  std::optional<std::uint64_t> max_resets{};  ///< as SimOptions has it
};

/// The VMs as constant initialised C++: of each its VmConfig, where the pieces of its images go,
/// and its disks, cards and firmware files.
[[nodiscard]] std::string metal_config_source(std::span<const MetalVm> vms,
                                              const MetalOptions& options);

/// Writes into `folder`, which is made if need be: `config.cpp` (metal_config_source), `pieces.S`,
/// and a file for the bytes of each piece, disk and firmware file. Files that hold the same already
/// are left alone. One line otherwise.
[[nodiscard]] std::expected<void, std::string> write_metal_sources(
    std::span<const MetalVm> vms, const MetalOptions& options, const std::filesystem::path& folder);

}  // namespace axvm::tool
