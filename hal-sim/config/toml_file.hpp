#pragma once
// TOML files, as far as any of them is the same. Private to what reads configurations: shows
// toml++.

#include <expected>
#include <filesystem>
#include <hal-sim/config/field_reader.hpp>
#include <optional>
#include <string>

namespace axvm::hal_sim {

/// The text of a file of at most 1 MiB, or what it is instead ("cannot be read").
[[nodiscard]] std::expected<std::string, std::string> read_text(const std::filesystem::path& path);

/// The file's root; what is malformed is reported, and gives nothing.
[[nodiscard]] std::optional<toml::table> parse_toml(ReadContext& context, const std::string& text);

}  // namespace axvm::hal_sim
