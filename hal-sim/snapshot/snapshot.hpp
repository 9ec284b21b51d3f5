#pragma once
// A saved machine, ready to be restored: Host::save writes it, HostOptions::snapshot restores it.

#include <cstddef>
#include <expected>
#include <hal-sim/record/machine_identity.hpp>
#include <hal-sim/snapshot/snapshot_format.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// A snapshot's file, mapped and checked.
class Snapshot {
 public:
  /// Otherwise one line that begins with the file's name: it cannot be read, is no snapshot,
  /// damaged, or of another machine than `machine`.
  [[nodiscard]] static std::expected<std::unique_ptr<Snapshot>, std::string> open(
      const std::string& file, const MachineIdentity& machine);
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  /// What a section holds; nothing when there is none of this name.
  [[nodiscard]] std::optional<std::span<const std::byte>> section(
      std::string_view name) const noexcept;
  /// A digest of all of it.
  [[nodiscard]] std::string digest() const;

 private:
  explicit Snapshot(std::string file) : file_(std::move(file)) {}
  std::optional<std::string> map();
  std::optional<std::string> check(const MachineIdentity& machine);

  std::string file_;
  std::span<const std::byte> bytes_;
  std::vector<SnapshotSection> sections_;
};

}  // namespace axvm::hal_sim
