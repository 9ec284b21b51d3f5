#pragma once
// A VmFile in the form that the core takes.

#include <axvm/config.hpp>
#include <hal-sim/config/diagnostic.hpp>
#include <hal-sim/config/vm_file.hpp>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// Owns the lists that a VmConfig points to; refers to the strings of its VmFile, which has to
/// outlive it.
///
/// `passthrough_addresses` become windows that map to themselves, behind the explicit ones.
/// Device-tree paths have no window here: this machine's board has no device tree to look them up
/// in.
class LentVmConfig {
 public:
  explicit LentVmConfig(const VmFile& file);
  LentVmConfig(const LentVmConfig&) = delete;
  LentVmConfig& operator=(const LentVmConfig&) = delete;

  /// Valid as long as this object.
  [[nodiscard]] VmConfig view() const;

  /// The core's finding, at its place in the file.
  [[nodiscard]] Diagnostic locate(const ConfigError& error) const;

 private:
  [[nodiscard]] std::string key_of(const ConfigError& error) const;

  const VmFile& file_;
  std::vector<VcpuConfig> vcpus_;
  std::vector<MemoryRegionConfig> memory_regions_;
  std::vector<EmulatedDeviceConfig> emulated_devices_;
  std::vector<PassthroughDeviceConfig> passthrough_devices_;
  std::vector<std::string> passthrough_keys_;  // of the file, per element of passthrough_devices_
};

}  // namespace axvm::hal_sim
