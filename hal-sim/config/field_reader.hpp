#pragma once
// Reads the fields of one TOML table, or of one row written as an array, and reports what is
// wrong with them. Private to what reads configurations: shows toml++.

#include <toml++/toml.h>
#include <cstdint>
#include <hal-sim/config/diagnostic.hpp>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace axvm::hal_sim {

/// Where each key of a file stands, by dotted key: "kernel.memory_regions[1].size".
using Locations = std::map<std::string, Location, std::less<>>;

/// The file being read and where findings go.
struct ReadContext {
  std::string file;
  Diagnostics& diagnostics;
  Locations& locations;

  void error(Location at, std::string key, std::string what, std::string expected = {});
  void warning(Location at, std::string key, std::string what, std::string expected = {});
};

/// Bounds of an integer, both inclusive.
struct IntegerRange {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::int64_t>::max();
};

/// One spelling of an enumeration's value; several may name the same value.
template <class E>
struct Spelling {
  std::string_view text;
  E value;
};

class FieldReader {
 public:
  /// The fields of `table`, whose dotted name is `path` ("" for the file's root).
  FieldReader(ReadContext& context, const toml::table& table, std::string path);
  /// A row: an array whose elements are the fields `names` in this order, or an inline table of
  /// them. Anything else is reported, and every field of it then reads as absent without report.
  FieldReader(ReadContext& context, const toml::node& row, std::string path,
              std::span<const std::string_view> names);

  // An absent field gives nothing; a wrong one is reported and gives nothing.
  std::optional<std::uint64_t> integer(std::string_view name, IntegerRange range = {});
  std::optional<std::string> string(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  /// An integer number of bytes or a string such as "64M".
  std::optional<std::uint64_t> size(std::string_view name, IntegerRange range = {});
  std::vector<std::uint64_t> integers(std::string_view name);
  std::vector<std::string> strings(std::string_view name);
  /// The alternatives that a string, an integer or an array of both names, as text; none when
  /// absent.
  std::vector<std::string> alternatives(std::string_view name);
  template <class E>
  std::optional<E> choice(std::string_view name, std::span<const Spelling<E>> spellings);
  /// An array of them, of one at least; none when absent.
  template <class E>
  std::vector<E> choices(std::string_view name, std::span<const Spelling<E>> spellings);

  // The same, but absence is reported too and gives zero.
  std::uint64_t required_integer(std::string_view name, IntegerRange range = {});
  std::string required_string(std::string_view name);

  /// The sub-table `name`; absence is reported when `required`.
  const toml::table* table(std::string_view name, bool required);

  /// Calls `each(node, "path.name[i]")` for each element of the array `name`.
  template <class F>
  void rows(std::string_view name, bool required, F&& each) {
    const toml::array* array = array_of(name, required);
    if (array == nullptr) return;
    for (std::size_t i = 0; i < array->size(); ++i) {
      std::string key = path_of(name) + "[" + std::to_string(i) + "]";
      context_.locations[key] = location_of((*array)[i]);
      each((*array)[i], std::move(key));
    }
  }

  /// Reports keys that nobody asked for, naming the nearest one that somebody did.
  void finish();

  [[nodiscard]] std::string path_of(std::string_view name) const;
  [[nodiscard]] static Location location_of(const toml::node& node);

 private:
  const toml::node* find(std::string_view name);
  const toml::node* find_required(std::string_view name, std::string_view expected);
  const toml::array* array_of(std::string_view name, bool required);
  std::optional<std::uint64_t> check_integer(const toml::node& node, const std::string& key,
                                             IntegerRange range, std::string_view expected);
  void wrong(const toml::node& node, std::string key, std::string_view expected);
  template <class E>
  std::optional<E> choice_of(const toml::node& node, const std::string& key,
                             std::span<const Spelling<E>> spellings);

  ReadContext& context_;
  const toml::table* table_ = nullptr;
  const toml::array* array_ = nullptr;
  std::span<const std::string_view> names_;  // of array_
  std::string path_;
  Location at_;
  std::set<std::string, std::less<>> asked_;
};

template <class E>
std::optional<E> FieldReader::choice_of(const toml::node& node, const std::string& key,
                                        std::span<const Spelling<E>> spellings) {
  std::string expected = "one of";
  for (const Spelling<E>& spelling : spellings) {
    if (node.is_string() && node.as_string()->get() == spelling.text) return spelling.value;
    expected +=
        (&spelling == spellings.data() ? " \"" : ", \"") + std::string(spelling.text) + "\"";
  }
  wrong(node, key, expected);
  return std::nullopt;
}

template <class E>
std::optional<E> FieldReader::choice(std::string_view name,
                                     std::span<const Spelling<E>> spellings) {
  const toml::node* node = find(name);
  return node == nullptr ? std::nullopt : choice_of(*node, path_of(name), spellings);
}

template <class E>
std::vector<E> FieldReader::choices(std::string_view name, std::span<const Spelling<E>> spellings) {
  std::vector<E> values;
  const toml::node* node = find(name);
  if (node != nullptr && node->is_array() && node->as_array()->empty()) {
    wrong(*node, path_of(name), "at least one element");
  }
  rows(name, false, [&](const toml::node& element, const std::string& key) {
    if (const auto value = choice_of(element, key, spellings)) values.push_back(*value);
  });
  return values;
}

}  // namespace axvm::hal_sim
