#pragma once
// Numbers that look random and are the same everywhere.

#include <cstdint>
#include <hal-common/split_mix.hpp>

namespace axvm::lab {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept { return hal_common::split_mix(state_); }
  /// 0 to `limit` - 1; `limit` is not 0.
  std::uint64_t below(std::uint64_t limit) noexcept {
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * limit) >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;

  std::uint64_t state_;
};

}  // namespace axvm::lab
