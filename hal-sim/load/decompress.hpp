#pragma once
// Compressed images: gzip (RFC 1952) and Zstandard (RFC 8878).

#include <cstdint>
#include <expected>
#include <hal-sim/load/bytes.hpp>
#include <string>

namespace axvm::hal_sim {

enum class Compression : std::uint8_t { None, Gzip, Zstd };

/// By the first bytes.
[[nodiscard]] Compression compression_of(ByteView bytes) noexcept;

/// The contents of a compressed file; `bytes` themselves when it is not compressed. The error is
/// one line: it is damaged, cut off, followed by something else, or larger than `limit`.
[[nodiscard]] std::expected<Bytes, std::string> decompress(Bytes bytes,
                                                           std::uint64_t limit = kLargestImage);

}  // namespace axvm::hal_sim
