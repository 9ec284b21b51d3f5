#include <algorithm>
#include <bit>
#include <sim/timing/tag_array.hpp>

namespace axvm::sim::timing {

bool CacheShape::is_valid() const noexcept {
  return entries > 0 && ways > 0 && ways <= entries && entries % ways == 0 &&
         std::has_single_bit(entries / ways) &&
         (replacement != Replacement::TreePlru || (std::has_single_bit(ways) && ways <= 64));
}

TagArray::TagArray(CacheShape shape, std::uint64_t seed)
    : shape_(shape),
      set_mask_(shape.entries / shape.ways - 1),
      random_(seed * 2 + 1),
      keys_(shape.entries, kEmpty),
      used_(shape.entries, 0),
      recent_(shape.entries / shape.ways) {
  clear();
}

void TagArray::clear() noexcept {
  std::ranges::fill(keys_, kEmpty);
  std::ranges::fill(used_, 0);
  for (std::uint32_t set = 0; set < recent_.size(); ++set) recent_[set] = set * shape_.ways;
}

std::uint32_t TagArray::find_in_set(std::uint64_t key, std::uint32_t first) noexcept {
  for (std::uint32_t slot = first; slot < first + shape_.ways; ++slot) {
    if (keys_[slot] != key) continue;
    touch(slot);
    return slot;
  }
  return kNone;
}

// The slot used last needs no touch in find(): it is the youngest already.
void TagArray::touch(std::uint32_t slot) noexcept {
  const std::uint32_t set = slot / shape_.ways;
  recent_[set] = slot;
  if (shape_.replacement == Replacement::Lru) {
    used_[slot] = ++clock_;
  } else if (shape_.replacement == Replacement::TreePlru) {
    // Node n has children 2n and 2n + 1; its bit says which half was used last.
    std::uint64_t& tree = used_[set];
    std::uint32_t node = 1;
    for (std::uint32_t half = shape_.ways / 2; half > 0; half /= 2) {
      const std::uint64_t bit = slot % shape_.ways / half % 2;
      tree = (tree & ~(1ULL << node)) | (bit << node);
      node = node * 2 + static_cast<std::uint32_t>(bit);
    }
  }
}

std::uint32_t TagArray::victim(std::uint32_t set) noexcept {
  const std::uint32_t first = set * shape_.ways;
  switch (shape_.replacement) {
    case Replacement::Lru: {
      const auto begin = used_.begin() + first;
      return first +
             static_cast<std::uint32_t>(std::min_element(begin, begin + shape_.ways) - begin);
    }
    case Replacement::TreePlru: {
      std::uint32_t node = 1;
      for (std::uint32_t half = shape_.ways / 2; half > 0; half /= 2) {
        node = node * 2 + static_cast<std::uint32_t>(~(used_[set] >> node) & 1);
      }
      return first + node - shape_.ways;
    }
    case Replacement::Random: break;
  }
  // xorshift64 (Marsaglia 2003)
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return first + static_cast<std::uint32_t>(random_ % shape_.ways);
}

std::uint32_t TagArray::insert(std::uint64_t key, std::uint64_t index) noexcept {
  const std::uint32_t first = first_slot(index);
  const auto begin = keys_.begin() + first;
  const auto empty = std::find(begin, begin + shape_.ways, kEmpty);
  const std::uint32_t slot = empty != begin + shape_.ways
                                 ? first + static_cast<std::uint32_t>(empty - begin)
                                 : victim(first / shape_.ways);
  keys_[slot] = key;
  touch(slot);
  return slot;
}

}  // namespace axvm::sim::timing
