#pragma once
// What makes a machine the same one in another run.

#include <expected>
#include <filesystem>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/load/image.hpp>
#include <optional>
#include <string>
#include <string_view>
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

/// A line of JSON for each part, and the reverse: nothing when `text` is not exactly what would be
/// written.
[[nodiscard]] std::string to_lines(const MachineIdentity& identity);
[[nodiscard]] std::optional<MachineIdentity> parse_identity(std::string_view text);
/// The same for one line without its end.
[[nodiscard]] std::optional<IdentityPart> parse_identity_part(std::string_view line);

/// The first part in which two machines differ, and how: "vm1 vCPUs is 2, expected 1".
struct IdentityDifference {
  std::size_t part = 0;
  std::string what;
};
[[nodiscard]] std::optional<IdentityDifference> first_difference(const MachineIdentity& expected,
                                                                 const MachineIdentity& is);

/// The digest of a file's bytes, 16 hexadecimal digits; nothing when it cannot be read.
[[nodiscard]] std::optional<std::string> digest_of_file(const std::filesystem::path& file);

}  // namespace axvm::hal_sim
