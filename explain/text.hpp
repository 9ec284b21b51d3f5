#pragma once
// Words as text: a ruler of their bits, and a line for each field.

#include <cstdint>
#include <explain/field.hpp>
#include <string>
#include <string_view>

namespace axvm::explain {

/// A register or descriptor with this value. Fields that are 0 and mean nothing by it share a line.
[[nodiscard]] std::string word_text(std::string_view name, const Layout& layout,
                                    std::uint64_t word);

/// The fields alone, behind `indent` blanks: a line each, or as few lines as they need, without
/// what is reserved or ignored and 0.
[[nodiscard]] std::string fields_text(const Layout& layout, std::uint64_t word, std::size_t indent,
                                      bool line_each);

/// The line, folded where it is too long for a terminal; what follows is indented by two more.
[[nodiscard]] std::string wrapped(std::string_view line, std::size_t indent);

/// A register's fields with all of their values, as a reference.
[[nodiscard]] std::string reference_text(std::string_view name, const Layout& layout);

}  // namespace axvm::explain
