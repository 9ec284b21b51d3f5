#include <fmt/format.h>

#include <algorithm>
#include <explain/decode.hpp>

namespace axvm::explain {

namespace {

std::string meaning_of(const Field& field, std::uint64_t word, std::uint64_t value) {
  if (field.meaning != nullptr) return field.meaning(word, value);
  const std::string_view text = field.values.find(value);
  if (!text.empty()) return std::string(text);
  if ((field.name == "RES0" || field.name == "Reserved") && value != 0) return "should be 0";
  if (field.name == "RES1" && value != field.of(~std::uint64_t{0})) return "should be all 1";
  // A value that a list of more than two does not have is none that the architecture gives.
  return field.values.all().size() > 2 && !field.open ? "reserved" : "";
}

Part part_of(const Layout& layout, std::uint64_t word) {
  Part part{.layout = &layout, .fields = {}};
  for (const Field& field : layout.fields) {
    const std::uint64_t value = field.of(word);
    part.fields.push_back({&field, value, meaning_of(field, word, value)});
  }
  return part;
}

}  // namespace

const DecodedField* Part::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find_if(
      fields, [name](const DecodedField& field) { return field.field->name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::vector<Part> decode(const Layout& layout, std::uint64_t word) {
  std::vector<Part> parts{part_of(layout, word)};
  if (layout.part != nullptr) {
    if (const Layout* inner = layout.part(word)) parts.push_back(part_of(*inner, word));
  }
  return parts;
}

std::string value_text(const DecodedField& field) {
  const unsigned width = field.field->width();
  if (width == 1) return fmt::format("{}", field.value);
  if (width <= 4) return fmt::format("0b{:0{}b}", field.value, width);
  return fmt::format("{:#x}", field.value);
}

}  // namespace axvm::explain
