#pragma once
// TOML files, as far as any of them is the same. Private to what reads configurations: shows
// toml++.

#include <expected>
#include <filesystem>
#include <hal-sim/config/field_reader.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace axvm::hal_sim {

/// The text of a file of at most 1 MiB, or what it is instead ("cannot be read").
[[nodiscard]] std::expected<std::string, std::string> read_text(const std::filesystem::path& path);

/// The file's root; what is malformed is reported, and gives nothing.
[[nodiscard]] std::optional<toml::table> parse_toml(ReadContext& context, const std::string& text);

/// Whatever `read(context, root, text)` makes of a file; if anything is wrong with it, all of that.
/// `expected` is what the file should be ("an experiment in TOML").
template <class F>
auto load_toml(const std::filesystem::path& file, const std::string& expected, F&& read)
    -> std::expected<std::invoke_result_t<F, ReadContext&, const toml::table&, const std::string&>,
                     std::vector<Diagnostic>> {
  Diagnostics diagnostics;
  Locations locations;
  ReadContext context{file.string(), diagnostics, locations};
  const auto text = read_text(file);
  if (!text) {
    context.error({}, {}, text.error(), expected);
    return std::unexpected(std::move(diagnostics.errors));
  }
  const auto root = parse_toml(context, *text);
  if (!root) return std::unexpected(std::move(diagnostics.errors));
  auto made = std::forward<F>(read)(context, *root, *text);
  if (!diagnostics.errors.empty()) return std::unexpected(std::move(diagnostics.errors));
  return made;
}

}  // namespace axvm::hal_sim
