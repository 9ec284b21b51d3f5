#pragma once
// Configuration files plus what the command line changes in them.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/host/host.hpp>
#include <optional>
#include <string>
#include <vector>

namespace axvm::tool {

/// Arguments that every command has.
struct ConfigurationOptions {
  std::vector<std::string> files;
  std::vector<std::string> image_directories;  ///< --images
  std::optional<std::uint32_t> vcpus;          ///< --vcpus
  std::optional<std::uint64_t> memory;         ///< --memory: of each VM's first region
  std::uint64_t chaos = 0;                     ///< --chaos
};

/// Reads the files and applies the options. On failure prints one line per finding to stderr.
[[nodiscard]] std::optional<hal_sim::MachineConfig> read_configuration(
    const ConfigurationOptions& options, bool quiet);

/// Makes the machine and boots its VMs. Images and chaos are what `options` says, the rest what
/// `host_options` does. On failure prints one line per finding to stderr.
[[nodiscard]] std::unique_ptr<hal_sim::Host> make_host(const hal_sim::MachineConfig& config,
                                                       const ConfigurationOptions& options,
                                                       hal_sim::HostOptions host_options = {});

[[nodiscard]] hal_sim::ImageSearch image_search(const ConfigurationOptions& options);

/// Prints to stderr. If that is gone there is nobody left to tell.
void say(std::string_view text);
/// Prints "axvm: <text>" to stderr.
void complain(std::string_view text);

}  // namespace axvm::tool
