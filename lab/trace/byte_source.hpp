#pragma once
// Bytes one after the other, from files as they are or compressed.

#include <cstddef>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace axvm::lab {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills `bytes` from the front; how many there were, fewer than asked for only at the end.
  /// Otherwise what is wrong: "is a damaged gzip file".
  [[nodiscard]] virtual std::expected<std::size_t, std::string> read(
      std::span<std::byte> bytes) = 0;
};

/// Null when it is no regular file or cannot be opened.
[[nodiscard]] std::unique_ptr<ByteSource> open_file(const std::filesystem::path& file);
/// `bytes` outlive the source.
[[nodiscard]] std::unique_ptr<ByteSource> from_memory(std::span<const std::byte> bytes);
/// What is in a gzip file; several members are read as one (RFC 1952 2.2).
[[nodiscard]] std::unique_ptr<ByteSource> gunzipped(std::unique_ptr<ByteSource> packed);
/// What is in a zstd file; several frames are read as one (RFC 8878 3).
[[nodiscard]] std::unique_ptr<ByteSource> unzstded(std::unique_ptr<ByteSource> packed);

}  // namespace axvm::lab
