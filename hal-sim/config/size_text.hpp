#pragma once
// Sizes as people write them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace axvm::hal_sim {

/// "64M", "2G", "512K", "4096", "0x1000": a decimal or hexadecimal number of bytes with an optional
/// binary unit (K, M, G, T; a following "iB" or "B" is allowed). Nothing when malformed or when
/// it exceeds 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// The shortest exact form in binary units: "64 MiB", "4 KiB", "100 B".
[[nodiscard]] std::string format_size(std::uint64_t bytes);

/// A number as on the command line: decimal, 0x hexadecimal or 0b binary, "_" between digits.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace axvm::hal_sim
