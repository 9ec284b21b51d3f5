#pragma once
// The contents of files, and little-endian numbers in them.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace axvm::hal_sim {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

/// The largest image, as a file, decompressed, and with the memory it asks to be zeroed.
inline constexpr std::uint64_t kLargestImage = 1ULL << 30;

/// The file's contents, or one line without the file's name: it cannot be read, is empty or larger
/// than `limit`.
[[nodiscard]] std::expected<Bytes, std::string> read_file(const std::filesystem::path& file,
                                                          std::uint64_t limit = kLargestImage);

/// The part [offset, offset + size) of `bytes`; nothing when it does not lie inside.
[[nodiscard]] constexpr std::optional<ByteView> part_of(ByteView bytes, std::uint64_t offset,
                                                        std::uint64_t size) noexcept {
  if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

/// The little-endian number at `offset`. Precondition: it lies inside.
template <std::unsigned_integral T>
[[nodiscard]] T little_endian(ByteView bytes, std::size_t offset) noexcept {
  T value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  return value;
}

}  // namespace axvm::hal_sim
