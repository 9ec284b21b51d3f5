#pragma once
// Pieces of what the page of a walk is told, whatever the instruction set.

#include <cstdint>
#include <explain/field.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace axvm::explain {

using Json = nlohmann::ordered_json;

/// What the page calls things.
struct PageWords {
  std::string_view first_stage;   ///< "stage 1"
  std::string_view second_stage;  ///< "stage 2"
  std::string_view first_space;   ///< "VA"
  std::string_view second_space;  ///< "IPA"
  std::string_view entry;         ///< "descriptor"
  std::string_view block;         ///< a leaf that is larger than a page
  bool levels_ascend;             ///< from the root to the pages
};
[[nodiscard]] Json to_json(const PageWords& words);

/// As text: JavaScript's numbers end at 2^53.
[[nodiscard]] std::string hex(std::uint64_t value);

/// A word and its fields.
[[nodiscard]] Json word_json(const Layout& layout, std::uint64_t word);
/// A register, by its name in registers().
[[nodiscard]] Json register_json(std::string_view name, std::uint64_t value);

/// The page of a walk that is told so.
[[nodiscard]] std::string filled_page(const std::string& title, const Json& walk);

}  // namespace axvm::explain
