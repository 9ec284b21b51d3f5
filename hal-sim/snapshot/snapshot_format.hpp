#pragma once
// The file that a machine's state is saved in.
//
// 8 bytes of magic and the format's number, then sections: a name of 8 bytes, the length of what
// follows, the checksum (XXH3) of name and that, and that. Numbers have 8 bytes, little-endian. The
// last section is empty and named "end".

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <hal-sim/state/hasher.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::hal_sim {

/// Writes sections one after the other to a file that can seek. Errors are told at the end.
class SnapshotWriter {
 public:
  /// `file` is open for writing, at its beginning, and outlives the writer.
  explicit SnapshotWriter(std::FILE* file);

  /// Begins a section; `name` has 8 characters at most.
  void begin(std::string_view name);
  void write(std::span<const std::byte> bytes);
  void write(std::uint64_t value);
  void write_tag(std::uint32_t value);
  void end();
  /// Writes the last section. False when something did not reach the file; errno says why.
  [[nodiscard]] bool finish();

 private:
  void flush();
  void put(std::span<const std::byte> bytes);
  void put(std::uint64_t value);

  std::FILE* file_;
  std::vector<std::byte> buffer_;
  Hasher hasher_;
  std::uint64_t length_ = 0;
  long lengths_at_ = 0;  // where the section's length is
  bool failed_ = false;
};

struct SnapshotSection {
  std::string_view name;
  std::span<const std::byte> contents;
};

/// The sections of a snapshot, in order, without the last; views of `file`. Otherwise one line
/// without the file's name: no snapshot, another format's, cut short, a checksum that is wrong,
/// bytes behind the end.
[[nodiscard]] std::expected<std::vector<SnapshotSection>, std::string> parse_snapshot(
    std::span<const std::byte> file);

}  // namespace axvm::hal_sim
