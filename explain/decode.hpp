#pragma once
// A word, taken apart by its layout.

#include <cstdint>
#include <explain/field.hpp>
#include <string>
#include <vector>

namespace axvm::explain {

struct DecodedField {
  const Field* field = nullptr;
  std::uint64_t value = 0;
  std::string meaning;  ///< of the value; empty when it says all itself
};

/// The fields of one layout.
struct Part {
  const Layout* layout = nullptr;
  std::vector<DecodedField> fields;

  /// Null: it has no field of this name.
  [[nodiscard]] const DecodedField* find(std::string_view name) const noexcept;
};

/// The layout's fields, and behind them those of the layout that one of them has.
[[nodiscard]] std::vector<Part> decode(const Layout& layout, std::uint64_t word);

/// The value as people write it: "1", "0b10", "0x24".
[[nodiscard]] std::string value_text(const DecodedField& field);

}  // namespace axvm::explain
