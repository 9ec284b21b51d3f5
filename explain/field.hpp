#pragma once
// Registers and descriptors as data: which bits are a field, what it is for, what its values mean.
// Everything that is shown of them, as text or on a page, is made from this.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace axvm::explain {

/// What one value of a field means.
struct Value {
  std::uint16_t value = 0;
  std::string_view text;
};

/// The values of a field that have a meaning of their own.
class Values {
 public:
  static constexpr std::size_t kCapacity = 16;

  constexpr Values() = default;
  consteval Values(std::initializer_list<Value> values) : size_(values.size()) {
    std::size_t n = 0;
    for (const Value& value : values) values_.at(n++) = value;
  }
  [[nodiscard]] constexpr std::span<const Value> all() const noexcept {
    return {values_.data(), size_};
  }
  /// The text of a value; empty when it has none.
  [[nodiscard]] constexpr std::string_view find(std::uint64_t value) const noexcept {
    for (const Value& known : all()) {
      if (known.value == value) return known.text;
    }
    return {};
  }

 private:
  std::array<Value, kCapacity> values_{};
  std::size_t size_ = 0;
};

/// What a field's value means, when that takes more than a list: `word` holds the field, and others
/// that its meaning depends on.
using MeaningOf = std::string (*)(std::uint64_t word, std::uint64_t value);

struct Field {
  std::uint8_t high = 0;
  std::uint8_t low = 0;
  /// As the manual has it; "RES0", "RES1", "WPRI" and "Reserved" are reserved.
  std::string_view name;
  std::string_view about;  ///< what it is for, in a few words
  Values values{};
  bool open = false;  ///< values that are not in the list are not reserved
  MeaningOf meaning = nullptr;

  [[nodiscard]] constexpr unsigned width() const noexcept { return high - low + 1U; }
  [[nodiscard]] constexpr std::uint64_t of(std::uint64_t word) const noexcept {
    return (word >> low) & ((std::uint64_t{2} << (high - low)) - 1);
  }
  [[nodiscard]] constexpr bool reserved() const noexcept {
    return name.starts_with("RES") || name == "WPRI" || name == "Reserved";
  }
};

/// A flag: what it is for, what it means when it is set, and when it is clear.
[[nodiscard]] consteval Field flag(std::uint8_t bit, std::string_view name, std::string_view about,
                                   std::string_view set = {}, std::string_view clear = {}) {
  Field field{.high = bit, .low = bit, .name = name, .about = about};
  if (!set.empty() && !clear.empty()) {
    field.values = Values{{0, clear}, {1, set}};
  } else if (!set.empty()) {
    field.values = Values{{1, set}};
  } else if (!clear.empty()) {
    field.values = Values{{0, clear}};
  }
  return field;
}

[[nodiscard]] consteval Field res0(std::uint8_t high, std::uint8_t low) {
  return {.high = high, .low = low, .name = "RES0", .about = "reserved"};
}
[[nodiscard]] consteval Field res1(std::uint8_t high, std::uint8_t low) {
  return {.high = high, .low = low, .name = "RES1", .about = "reserved, set"};
}

/// Reserved: writes preserve values, reads ignore them.
[[nodiscard]] consteval Field wpri(std::uint8_t high, std::uint8_t low) {
  return {.high = high, .low = low, .name = "WPRI", .about = "reserved, ignored by hardware"};
}

/// Fields that together are the bits `high` to `low` of a word, from high bits to low.
struct Layout {
  std::string_view title;    ///< "Exception Syndrome Register (EL2)"
  std::string_view section;  ///< where the manual has it
  std::span<const Field> fields;
  /// The layout of one of the fields, by the word's other bits; null: none has one.
  const Layout* (*part)(std::uint64_t word) = nullptr;

  [[nodiscard]] constexpr unsigned high() const noexcept { return fields.front().high; }
  [[nodiscard]] constexpr unsigned low() const noexcept { return fields.back().low; }
};

/// Whether the fields go from high bits to low without a gap and without sharing a bit.
[[nodiscard]] constexpr bool is_exact(std::span<const Field> fields) noexcept {
  if (fields.empty()) return false;
  unsigned next = fields.front().high;
  for (const Field& field : fields) {
    if (field.high != next || field.low > field.high) return false;
    next = field.low - 1U;
  }
  return true;
}

struct Register {
  std::string_view name;  ///< "ESR_EL2"
  /// The layout, which may depend on the word.
  const Layout& (*layout)(std::uint64_t word);
};

}  // namespace axvm::explain
