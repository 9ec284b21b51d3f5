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

/// A register's fields with all of their values, as a reference.
[[nodiscard]] std::string reference_text(std::string_view name, const Layout& layout);

}  // namespace axvm::explain
