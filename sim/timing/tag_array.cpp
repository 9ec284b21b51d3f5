#include <algorithm>
#include <bit>
#include <sim/timing/tag_array.hpp>
#include <sim/timing/way_order.hpp>

namespace axvm::sim::timing {
bool CacheShape::is_valid() const noexcept {
  return entries > 0 && ways > 0 && ways <= entries && entries % ways == 0 &&
         ways <= std::numeric_limits<std::uint16_t>::max() && std::has_single_bit(entries / ways) &&
         (replacement != Replacement::TreePlru || (std::has_single_bit(ways) && ways <= 64));
}

TagArray::TagArray(CacheShape shape, std::uint64_t seed)
    : shape_(shape),
      set_mask_(shape.entries / shape.ways - 1),
      random_(seed * 2 + 1),
      keys_(shape.entries),
      recent_(set_mask_ + 1),
      live_(set_mask_ + 1) {
  const bool few = shape.ways <= way_order::kMostWays;
  if (!few) index_.emplace(shape.entries);
  if (few || shape.replacement == Replacement::TreePlru) ages_.resize(recent_.size());
  if (!few && shape.replacement == Replacement::Lru) {
    links_.resize(shape.entries);
    oldest_.resize(recent_.size());
  }
  clear();
}

void TagArray::clear() noexcept {
  std::ranges::fill(keys_, kEmpty);
  std::ranges::fill(live_, 0);
  std::ranges::fill(ages_, shape_.replacement == Replacement::Lru ? way_order::kAscending : 0);
  if (index_) index_->clear();
  for (std::uint32_t set = 0; set < recent_.size(); ++set) {
    recent_[set] = set * shape_.ways;
    if (links_.empty()) continue;
    for (std::uint32_t way = 0; way < shape_.ways; ++way) {
      links_[set * shape_.ways + way] = {.younger = static_cast<std::uint16_t>(way - 1),
                                         .older = static_cast<std::uint16_t>(way + 1)};
    }
    oldest_[set] = static_cast<std::uint16_t>(shape_.ways - 1);
  }
}

std::uint32_t TagArray::find_in_set(std::uint64_t key, std::uint32_t set) noexcept {
  if (index_) {
    const std::uint32_t slot = index_->find(key);
    if (slot != kNone) touch(set, slot);
    return slot;
  }
  const std::uint32_t first = set * shape_.ways;
  for (std::uint32_t slot = first; slot < first + shape_.ways; ++slot) {
    if (keys_[slot] != key) continue;
    touch(set, slot);
    return slot;
  }
  return kNone;
}

void TagArray::touch(std::uint32_t set, std::uint32_t slot) noexcept {
  const std::uint32_t way = slot - set * shape_.ways;
  if (shape_.replacement == Replacement::Lru) {
    if (!links_.empty()) {
      touch_links(set, way);
    } else {
      std::uint64_t& order = ages_[set];
      order = way_order::made_youngest(order, way, way_order::shift_of(order, way));
    }
  } else if (shape_.replacement == Replacement::TreePlru) {
    // Node n has children 2n and 2n + 1; its bit says which half was used last.
    std::uint64_t& tree = ages_[set];
    std::uint32_t node = 1;
    for (std::uint32_t half = shape_.ways / 2; half > 0; half /= 2) {
      const std::uint64_t bit = (way & half) != 0 ? 1 : 0;
      tree = (tree & ~(1ULL << node)) | (bit << node);
      node = node * 2 + static_cast<std::uint32_t>(bit);
    }
  }
  recent_[set] = slot;
}

void TagArray::touch_links(std::uint32_t set, std::uint32_t way) noexcept {
  Links* const links = &links_[std::size_t{set} * shape_.ways];
  // recent_ is the youngest of the list; only it has no younger one.
  const std::uint32_t youngest = recent_[set] - set * shape_.ways;
  if (way == youngest) return;
  const auto [younger, older] = links[way];
  links[younger].older = older;
  if (way == oldest_[set]) {
    oldest_[set] = younger;
  } else {
    links[older].younger = younger;
  }
  links[youngest].younger = static_cast<std::uint16_t>(way);
  links[way].older = static_cast<std::uint16_t>(youngest);
}

std::uint32_t TagArray::victim(std::uint32_t set) noexcept {
  const std::uint32_t first = set * shape_.ways;
  switch (shape_.replacement) {
    case Replacement::Lru:
      if (!links_.empty()) return first + oldest_[set];
      return first + static_cast<std::uint32_t>(ages_[set] >> (4 * (shape_.ways - 1)) & 0xf);
    case Replacement::TreePlru: {
      std::uint32_t node = 1;
      for (std::uint32_t half = shape_.ways / 2; half > 0; half /= 2) {
        node = node * 2 + static_cast<std::uint32_t>(~(ages_[set] >> node) & 1);
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
  const auto set = static_cast<std::uint32_t>(index & set_mask_);
  std::uint32_t slot = victim(set);
  if (live_[set] < shape_.ways) {
    // LRU order has the empty ones last.
    if (shape_.replacement != Replacement::Lru) {
      slot = set * shape_.ways;
      while (keys_[slot] != kEmpty) ++slot;
    }
    ++live_[set];
  } else if (index_) {
    index_->remove(keys_[slot]);
  }
  keys_[slot] = key;
  if (index_) index_->put(key, slot);
  touch(set, slot);
  return slot;
}

void TagArray::remove(std::uint32_t slot) noexcept {
  const std::uint32_t set = slot / shape_.ways;
  const std::uint32_t way = slot - set * shape_.ways;
  if (index_) index_->remove(keys_[slot]);
  keys_[slot] = kEmpty;
  --live_[set];
  if (shape_.replacement != Replacement::Lru) return;
  if (!links_.empty()) {
    retire_link(set, way);
    return;
  }
  ages_[set] = way_order::made_oldest(ages_[set], way, shape_.ways);
}

// Makes the way the oldest.
void TagArray::retire_link(std::uint32_t set, std::uint32_t way) noexcept {
  if (way == oldest_[set]) return;
  const std::uint32_t first = set * shape_.ways;
  Links* const links = &links_[first];
  const auto [younger, older] = links[way];
  if (first + way == recent_[set]) {
    recent_[set] = first + older;
  } else {
    links[younger].older = older;
  }
  links[older].younger = younger;
  links[oldest_[set]].older = static_cast<std::uint16_t>(way);
  links[way].younger = oldest_[set];
  oldest_[set] = static_cast<std::uint16_t>(way);
}

}  // namespace axvm::sim::timing
