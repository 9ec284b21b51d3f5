#pragma once
// What harnesses have in common: bytes as a source of decisions, and laws.

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

namespace axvm::fuzz {

/// Ends the process unless the law holds: that is how a harness reports a finding.
inline void require(bool holds, const char* law) {
  if (holds) return;
  std::fprintf(stderr, "broken law: %s\n", law);
  std::abort();
}

/// The bytes of one input, taken from the front. After the last one, everything is 0.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }

  /// The next bytes as a little-endian number.
  template <std::unsigned_integral T>
  T take() {
    T value = 0;
    const std::size_t n = std::min(sizeof value, rest_.size());
    if (n != 0) std::memcpy(&value, rest_.data(), n);
    rest_ = rest_.subspan(n);
    return value;
  }
  /// One byte decides: 0..n-1.
  unsigned below(unsigned n) { return take<std::uint8_t>() % n; }
  /// One byte decides: true once in `n` times.
  bool once_in(unsigned n) { return below(n) == n - 1; }
  template <class T, std::size_t N>
  T one_of(const T (&values)[N]) {
    return values[below(N)];
  }
  std::string text(std::size_t most) {
    const std::size_t n = std::min(most, rest_.size());
    std::string bytes(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(n));
    rest_ = rest_.subspan(n);
    return bytes;
  }

 private:
  std::span<const std::uint8_t> rest_;
};
static_assert(std::endian::native == std::endian::little);

}  // namespace axvm::fuzz
