#pragma once
// Decisions of a generator: the same everywhere for the same seed (the standard library's
// distributions are not).

#include <cstddef>
#include <cstdint>

namespace axvm::test::hostile {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  /// splitmix64
  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e37'79b9'7f4a'7c15;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  }
  std::uint32_t word() noexcept { return static_cast<std::uint32_t>(next()); }
  /// 0..n-1
  std::uint32_t below(std::uint32_t n) noexcept {
    return static_cast<std::uint32_t>((next() >> 32) * n >> 32);
  }
  /// True once in `n` times.
  bool once_in(std::uint32_t n) noexcept { return below(n) == 0; }
  template <class T, std::size_t N>
  T one_of(const T (&values)[N]) noexcept {
    return values[below(N)];
  }

 private:
  std::uint64_t state_;
};

}  // namespace axvm::test::hostile
