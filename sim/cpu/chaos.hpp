#pragma once
// A seeded source of perturbations of the engine. What it decides must never be visible.

#include <algorithm>
#include <bit>
#include <cstdint>

namespace axvm::sim {

class Chaos {
 public:
  enum class Action : std::uint8_t { None, FlushTranslations, FlushCode, SingleStep };

  /// 0 switches it off.
  void seed(std::uint64_t s) noexcept {
    state_ = s;
    blocks_ = 0;
  }
  [[nodiscard]] bool enabled() const noexcept { return state_ != 0; }

  /// Either of two ways to the same end.
  bool coin() noexcept { return (random() & 1) != 0; }

  /// What to do to the engine before the coming block. Something to one in 64 at first; of more than
  /// a million, to half as many each time that their number has doubled, so that guests that run
  /// for long come to their end.
  Action next() noexcept {
    constexpr std::uint64_t kDense = 64;
    constexpr std::uint64_t kSparse = 4096;
    const std::uint64_t distance = std::min(kSparse, kDense << std::bit_width(blocks_++ >> 20));
    const std::uint64_t r = random();
    if ((r & (distance - 1)) != 0) return Action::None;
    switch (r / kSparse % 8) {
      case 0: return Action::FlushCode;
      case 1:
      case 2:
      case 3: return Action::FlushTranslations;
      default: return Action::SingleStep;
    }
  }

 private:
  // xorshift64*
  std::uint64_t random() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1dULL) >> 16;
  }

  std::uint64_t state_ = 0;
  std::uint64_t blocks_ = 0;
};

}  // namespace axvm::sim
