#include <fmt/format.h>

#include <hal-sim/config/field_reader.hpp>
#include <hal-sim/config/nearest_name.hpp>
#include <hal-sim/config/size_text.hpp>

namespace axvm::hal_sim {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a floating-point number";
    case toml::node_type::boolean: return "a boolean";
    default: return "a date or time";
  }
}

// What the value is, short enough for one line.
std::string describe(const toml::node& node) {
  if (node.is_integer()) return fmt::format("is {}", node.as_integer()->get());
  if (node.is_string() && node.as_string()->get().size() <= 40) {
    return fmt::format("is \"{}\"", node.as_string()->get());
  }
  return fmt::format("is {}", type_name(node));
}

}  // namespace

void ReadContext::error(Location at, std::string key, std::string what, std::string expected) {
  diagnostics.errors.push_back({file, at, std::move(key), std::move(what), std::move(expected)});
}

void ReadContext::warning(Location at, std::string key, std::string what, std::string expected) {
  diagnostics.warnings.push_back({file, at, std::move(key), std::move(what), std::move(expected)});
}

FieldReader::FieldReader(ReadContext& context, const toml::table& table, std::string path)
    : context_(context), table_(&table), path_(std::move(path)), at_(location_of(table)) {
  if (at_.line == 0) at_ = {1, 1};
}

FieldReader::FieldReader(ReadContext& context, const toml::node& row, std::string path,
                         std::span<const std::string_view> names)
    : context_(context),
      table_(row.as_table()),
      array_(row.as_array()),
      names_(names),
      path_(std::move(path)),
      at_(location_of(row)) {
  if (table_ == nullptr && array_ == nullptr) wrong(row, path_, "an array or an inline table");
}

Location FieldReader::location_of(const toml::node& node) {
  return {node.source().begin.line, node.source().begin.column};
}

std::string FieldReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void FieldReader::wrong(const toml::node& node, std::string key, std::string_view expected) {
  context_.error(location_of(node), std::move(key), describe(node), std::string(expected));
}

const toml::node* FieldReader::find(std::string_view name) {
  asked_.emplace(name);
  const toml::node* node = nullptr;
  if (table_ != nullptr) node = table_->get(name);
  for (std::size_t i = 0; array_ != nullptr && i < names_.size() && i < array_->size(); ++i) {
    if (names_[i] == name) node = &(*array_)[i];
  }
  if (node != nullptr) context_.locations[path_of(name)] = location_of(*node);
  return node;
}

const toml::node* FieldReader::find_required(std::string_view name, std::string_view expected) {
  const toml::node* node = find(name);
  if (node == nullptr && (table_ != nullptr || array_ != nullptr)) {
    context_.error(at_, path_of(name), "is missing", std::string(expected));
  }
  return node;
}

std::optional<std::uint64_t> FieldReader::check_integer(const toml::node& node,
                                                        const std::string& key, IntegerRange range,
                                                        std::string_view expected) {
  if (node.is_integer()) {
    const std::int64_t value = node.as_integer()->get();
    const auto magnitude = static_cast<std::uint64_t>(value);
    if (value >= 0 && magnitude >= range.least && magnitude <= range.most) return magnitude;
  }
  const bool bounded = range.most != IntegerRange{}.most;
  std::string want(expected);
  if (bounded) {
    want += fmt::format(" from {} to {}", range.least, range.most);
  } else if (node.is_integer()) {
    want += fmt::format(" of at least {}", range.least);
  }
  wrong(node, key, want);
  return std::nullopt;
}

std::optional<std::uint64_t> FieldReader::integer(std::string_view name, IntegerRange range) {
  const toml::node* node = find(name);
  if (node == nullptr) return std::nullopt;
  return check_integer(*node, path_of(name), range, "an integer");
}

std::uint64_t FieldReader::required_integer(std::string_view name, IntegerRange range) {
  const toml::node* node = find_required(name, "an integer");
  if (node == nullptr) return 0;
  return check_integer(*node, path_of(name), range, "an integer").value_or(0);
}

std::optional<std::string> FieldReader::string(std::string_view name) {
  const toml::node* node = find(name);
  if (node == nullptr) return std::nullopt;
  if (node->is_string()) return node->as_string()->get();
  wrong(*node, path_of(name), "a string");
  return std::nullopt;
}

std::string FieldReader::required_string(std::string_view name) {
  if (find_required(name, "a string") == nullptr) return {};
  return string(name).value_or(std::string());
}

std::optional<bool> FieldReader::boolean(std::string_view name) {
  const toml::node* node = find(name);
  if (node == nullptr) return std::nullopt;
  if (node->is_boolean()) return node->as_boolean()->get();
  wrong(*node, path_of(name), "true or false");
  return std::nullopt;
}

std::optional<std::uint64_t> FieldReader::size(std::string_view name, IntegerRange range) {
  static constexpr std::string_view kExpected = "a number of bytes or a size such as \"64M\"";
  const toml::node* node = find(name);
  if (node == nullptr) return std::nullopt;
  if (!node->is_string()) return check_integer(*node, path_of(name), range, kExpected);
  const auto value = parse_size(node->as_string()->get());
  if (!value) {
    wrong(*node, path_of(name), kExpected);
    return std::nullopt;
  }
  if (*value < range.least || *value > range.most) {
    wrong(*node, path_of(name),
          fmt::format("a size from {} to {}", format_size(range.least), format_size(range.most)));
    return std::nullopt;
  }
  return value;
}

std::vector<std::uint64_t> FieldReader::integers(std::string_view name) {
  std::vector<std::uint64_t> values;
  rows(name, false, [&](const toml::node& node, const std::string& key) {
    if (const auto value = check_integer(node, key, {}, "an integer")) values.push_back(*value);
  });
  return values;
}

std::vector<std::string> FieldReader::strings(std::string_view name) {
  std::vector<std::string> values;
  rows(name, false, [&](const toml::node& node, const std::string& key) {
    if (node.is_string()) {
      values.push_back(node.as_string()->get());
    } else {
      wrong(node, key, "a string");
    }
  });
  return values;
}

std::vector<std::string> FieldReader::alternatives(std::string_view name) {
  std::vector<std::string> values;
  const auto add = [&](const toml::node& node, const std::string& key) {
    if (node.is_string()) {
      values.push_back(node.as_string()->get());
    } else if (const auto value = check_integer(node, key, {}, "a string or an integer")) {
      values.push_back(std::to_string(*value));
    }
  };
  const toml::node* node = find(name);
  if (node != nullptr && node->is_array()) {
    if (node->as_array()->empty()) wrong(*node, path_of(name), "at least one alternative");
    rows(name, false, add);
  } else if (node != nullptr) {
    add(*node, path_of(name));
  }
  return values;
}

const toml::table* FieldReader::table(std::string_view name, bool required) {
  const toml::node* node = required ? find_required(name, "a table") : find(name);
  if (node != nullptr && !node->is_table()) wrong(*node, path_of(name), "a table");
  return node == nullptr ? nullptr : node->as_table();
}

const toml::array* FieldReader::array_of(std::string_view name, bool required) {
  const toml::node* node = required ? find_required(name, "an array") : find(name);
  if (node != nullptr && !node->is_array()) wrong(*node, path_of(name), "an array");
  return node == nullptr ? nullptr : node->as_array();
}

void FieldReader::finish() {
  if (array_ != nullptr && array_->size() > names_.size()) {
    context_.error(location_of((*array_)[names_.size()]), path_,
                   fmt::format("has {} elements", array_->size()),
                   fmt::format("at most {}", names_.size()));
  }
  if (table_ == nullptr) return;
  std::vector<std::string_view> known(asked_.begin(), asked_.end());
  for (const auto& [key, node] : *table_) {
    if (asked_.contains(key.str())) continue;
    const std::string_view nearest = nearest_name(key.str(), known);
    const auto begin = key.source().begin;
    context_.error({begin.line, begin.column}, path_of(key.str()),
                   node.is_table() ? "is an unknown table" : "is an unknown key",
                   nearest.empty() ? std::string() : fmt::format("perhaps \"{}\"", nearest));
  }
}

}  // namespace axvm::hal_sim
