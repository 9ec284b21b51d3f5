#pragma once
// What makes a machine the same one in another run.

#include <expected>
#include <filesystem>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/load/image.hpp>
#include <optional>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// A property that two runs must share: "configuration 1" and the digest of the file's bytes, say.
struct IdentityPart {
  std::string what;
  std::string is;

  friend bool operator==(const IdentityPart&, const IdentityPart&) = default;
};
using MachineIdentity = std::vector<IdentityPart>;

/// The configuration files, what was changed in them (`vms` and sizes as in `config`), and each
/// file that they name: kernels, device trees, ramdisks, disks, firmware files; all by digests of
/// their bytes. Otherwise one line: a file cannot be read.
[[nodiscard]] std::expected<MachineIdentity, std::string> identify(const MachineConfig& config,
                                                                   const ImageSearch& images);

/// The digest of a file's bytes, 16 hexadecimal digits; nothing when it cannot be read.
[[nodiscard]] std::optional<std::string> digest_of_file(const std::filesystem::path& file);

}  // namespace axvm::hal_sim
