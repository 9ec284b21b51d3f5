#include <bit>
#include <hal-sim/memory/index_set.hpp>

namespace axvm::hal_sim {

IndexSet::IndexSet(std::uint64_t capacity) : capacity_(capacity) {
  std::uint64_t bits = capacity;
  do {
    bits = bits / 64 + 1;
    levels_.emplace_back(bits);
  } while (bits > 1);
}

void IndexSet::insert(std::uint64_t i) {
  for (auto& level : levels_) {
    level[i / 64] |= 1ULL << (i % 64);
    i /= 64;
  }
}

void IndexSet::erase(std::uint64_t i) {
  for (auto& level : levels_) {
    level[i / 64] &= ~(1ULL << (i % 64));
    if (level[i / 64] != 0) return;
    i /= 64;
  }
}

std::optional<std::uint64_t> IndexSet::first_from(std::uint64_t from) const {
  std::uint64_t at = from;
  // Up until some word has a member at or after `at`, then down to that member.
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    if (at / 64 >= levels_[level].size()) return std::nullopt;
    const std::uint64_t rest = word(level, at) & (~0ULL << (at % 64));
    if (rest != 0) {
      at = at / 64 * 64 + static_cast<unsigned>(std::countr_zero(rest));
      while (level-- > 0) {
        at = at * 64 + static_cast<unsigned>(std::countr_zero(levels_[level][at]));
      }
      return at;
    }
    at = at / 64 + 1;
  }
  return std::nullopt;
}

}  // namespace axvm::hal_sim
