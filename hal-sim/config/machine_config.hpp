#pragma once
// The whole configuration of a run: one or more VM files and the machine under them.

#include <expected>
#include <filesystem>
#include <hal-sim/config/diagnostic.hpp>
#include <hal-sim/config/sim_options.hpp>
#include <hal-sim/config/vm_file.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::hal_sim {

struct MachineConfig {
  std::vector<VmFile> vms;
  SimOptions sim;
  std::vector<Diagnostic> warnings;
};

/// A file's text and the name it has in reports.
struct ConfigText {
  std::string file;
  std::string text;
};

/// Parses and checks every file. At most one of them may have a [sim] table; VM ids are distinct.
[[nodiscard]] std::expected<MachineConfig, std::vector<Diagnostic>> parse_config(
    const std::vector<ConfigText>& files);

/// The same for files on disk.
[[nodiscard]] std::expected<MachineConfig, std::vector<Diagnostic>> load_config(
    const std::vector<std::filesystem::path>& files);

/// RAM of the machine: exactly `sim.memory` if given, else a bank at `sim.memory_base` for what the
/// VMs allocate and banks for identity-mapped and reserved regions. Sorted, disjoint.
[[nodiscard]] std::vector<MemoryBank> plan_memory(const MachineConfig& config);

/// Number of pCPUs: `sim.pcpus`, or one per vCPU (64 at most).
[[nodiscard]] unsigned plan_pcpus(const MachineConfig& config);

}  // namespace axvm::hal_sim
