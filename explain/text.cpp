#include <fmt/format.h>

#include <algorithm>
#include <explain/decode.hpp>
#include <explain/text.hpp>

namespace axvm::explain {

namespace {

constexpr std::size_t kColumns = 96;
constexpr unsigned kMostBits = 16;  // in a ruler; wider fields are shown in hexadecimal

std::string bits_text(const DecodedField& field) {
  const unsigned width = field.field->width();
  if (width > kMostBits) return fmt::format("{:#x}", field.value);
  return fmt::format("{:0{}b}", field.value, width);
}

// Each field's bits above its name, in as many lines as it takes.
std::string ruler(const Part& part) {
  if (part.fields.size() == 1) return {};
  std::string text;
  std::string above;
  std::string below;
  const auto flush = [&] {
    if (above.empty()) return;
    const auto trimmed = [](const std::string& line) {
      return line.substr(0, line.find_last_not_of(' ') + 1);
    };
    text += fmt::format("    {}\n    {}\n", trimmed(above), trimmed(below));
    above.clear();
    below.clear();
  };
  for (const DecodedField& field : part.fields) {
    const std::string bits = bits_text(field);
    const std::size_t width = std::max(bits.size(), field.field->name.size()) + 1;
    if (above.size() + width > kColumns) flush();
    above += fmt::format("{:<{}}", bits, width);
    below += fmt::format("{:<{}}", field.field->name, width);
  }
  flush();
  return text;
}

std::string place(const Field& field) {
  return field.high == field.low ? fmt::format("{}", field.high)
                                 : fmt::format("{}:{}", field.high, field.low);
}

// Folded to lines that begin at `indent`; the first one is there already.
std::string folded(std::span<const std::string> words, std::size_t indent) {
  std::string text;
  std::size_t column = indent;
  for (const std::string& word : words) {
    if (column + 1 + word.size() > kColumns && column != indent) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
    }
    text += fmt::format("{}{}", column == indent ? "" : " ", word);
    column += word.size() + (column == indent ? 0 : 1);
  }
  return text;
}

std::string field_lines(const Part& part, std::string_view margin) {
  std::size_t names = 0;
  std::size_t values = 0;
  std::vector<std::string> zeroes;
  const auto silent = [](const DecodedField& field) {
    return field.value == 0 && field.meaning.empty();
  };
  for (const DecodedField& field : part.fields) {
    if (silent(field)) continue;
    names = std::max(names, field.field->name.size());
    values = std::max(values, value_text(field).size());
  }
  std::string text;
  for (const DecodedField& field : part.fields) {
    const Field& known = *field.field;
    if (silent(field)) {
      if (!known.reserved()) zeroes.emplace_back(known.name);
      continue;
    }
    if (known.name == "RES1" && field.meaning.empty()) continue;
    std::string line = fmt::format("{}{:>5}  {:<{}}  {:<{}}  {}", margin, place(known), known.name,
                                   names, value_text(field), values, known.about);
    if (!field.meaning.empty()) line += fmt::format(": {}", field.meaning);
    text += line + "\n";
  }
  if (!zeroes.empty()) {
    text += fmt::format("{}    0  {}\n", margin, folded(zeroes, margin.size() + 7));
  }
  return text;
}

}  // namespace

std::string word_text(std::string_view name, const Layout& layout, std::uint64_t word) {
  std::string text = fmt::format("{} = {:#018x}: {}\n", name, word, layout.title);
  bool first = true;
  for (const Part& part : decode(layout, word)) {
    if (!first) text += fmt::format("  {}\n", part.layout->title);
    text += fmt::format("  [{}]\n", part.layout->section);
    text += ruler(part) + field_lines(part, "    ");
    first = false;
  }
  return text;
}

std::string fields_text(const Layout& layout, std::uint64_t word, std::size_t indent,
                        bool line_each) {
  const std::string margin(indent, ' ');
  std::string text;
  for (const Part& part : decode(layout, word)) {
    if (line_each) {
      text += field_lines(part, margin);
      continue;
    }
    std::vector<std::string> words;
    for (const DecodedField& field : part.fields) {
      if (field.value == 0 && field.meaning.empty()) continue;
      words.push_back(fmt::format("{}={}", field.field->name, value_text(field)));
      if (!field.meaning.empty()) words.back() += fmt::format(" ({})", field.meaning);
    }
    text += fmt::format("{}{}\n", margin, folded(words, indent));
  }
  return text;
}

std::string wrapped(std::string_view line, std::size_t indent) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return std::string(indent, ' ') + folded(words, indent + 2) + "\n";
}

std::string reference_text(std::string_view name, const Layout& layout) {
  std::string text = fmt::format("{}: {}\n  [{}]\n", name, layout.title, layout.section);
  std::size_t names = 0;
  for (const Field& field : layout.fields) names = std::max(names, field.name.size());
  for (const Field& field : layout.fields) {
    text += fmt::format("    {:>5}  {:<{}}  {}\n", place(field), field.name, names, field.about);
    for (const Value& value : field.values.all()) {
      const DecodedField decoded{&field, value.value, {}};
      text += fmt::format("{:{}}{}: {}\n", "", 13 + names, value_text(decoded), value.text);
    }
  }
  return text;
}

}  // namespace axvm::explain
