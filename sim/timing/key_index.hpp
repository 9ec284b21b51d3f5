#pragma once
// Where keys are, when there are too many to look through: a hash table with open addressing.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace axvm::sim::timing {

class KeyIndex {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// For at most `most` keys at a time.
  explicit KeyIndex(std::size_t most)
      : places_(std::bit_ceil(2 * most)),
        shift_(static_cast<unsigned>(std::countl_zero(places_.size() - 1))) {}

  /// What was put for `key`; kNone when nothing was.
  [[nodiscard]] std::uint32_t find(std::uint64_t key) const noexcept {
    for (std::size_t at = home(key); places_[at].value != kNone; at = after(at)) {
      if (places_[at].key == key) return places_[at].value;
    }
    return kNone;
  }
  /// Precondition: `key` is not here, `value` is not kNone.
  void put(std::uint64_t key, std::uint32_t value) noexcept {
    std::size_t at = home(key);
    while (places_[at].value != kNone) at = after(at);
    places_[at] = {key, value};
  }
  /// Precondition: `key` is here.
  void remove(std::uint64_t key) noexcept {
    std::size_t gap = home(key);
    while (places_[gap].key != key || places_[gap].value == kNone) gap = after(gap);
    // What follows moves up, unless that would be before its home.
    for (std::size_t at = after(gap); places_[at].value != kNone; at = after(at)) {
      const std::size_t mask = places_.size() - 1;
      const std::size_t from_home = (at - home(places_[at].key)) & mask;
      if (from_home < ((at - gap) & mask)) continue;
      places_[gap] = places_[at];
      gap = at;
    }
    places_[gap] = {};
  }
  void clear() noexcept {
    for (Place& place : places_) place = {};
  }

 private:
  struct Place {
    std::uint64_t key = 0;
    std::uint32_t value = kNone;
  };
  // Fibonacci hashing (Knuth 6.4).
  [[nodiscard]] std::size_t home(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>(key * 0x9e37'79b9'7f4a'7c15 >> shift_);
  }
  [[nodiscard]] std::size_t after(std::size_t at) const noexcept {
    return (at + 1) & (places_.size() - 1);
  }

  std::vector<Place> places_;
  unsigned shift_;
};

}  // namespace axvm::sim::timing
