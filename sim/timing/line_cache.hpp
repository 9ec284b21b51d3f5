#pragma once
// The lines that one data cache holds.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sim/timing/way_order.hpp>
#include <vector>

namespace axvm::sim::timing {

/// Sets of up to 16 ways; of a full set, the line not used for longest is replaced. A set of 16 is
/// one line of the host, so that a model of many megabytes is fast.
class LineCache {
 public:
  static constexpr std::uint32_t kMostWays = way_order::kMostWays;
  static constexpr std::uint32_t kFewestSets = 64;
  /// Numbers of lines are below this.
  static constexpr std::uint64_t kLimit = ((std::uint64_t{1} << 32) - 1) * kFewestSets;

  /// Precondition: `lines` / `ways` is a power of two and at least kFewestSets; `ways` is at most
  /// kMostWays.
  LineCache(std::uint32_t lines, std::uint32_t ways)
      : groups_((ways + kGroup - 1) / kGroup),
        oldest_(4 * (ways - 1)),
        set_mask_(lines / ways - 1),
        set_bits_(static_cast<unsigned>(std::countr_zero(lines / ways))),
        tags_(groups_ * (set_mask_ + 1)),
        orders_(set_mask_ + 1) {
    clear();
  }

  /// True when the line is here; it is from now on.
  bool access(std::uint64_t line) noexcept {
    const std::size_t set = line & set_mask_;
    Tags* const tags = &tags_[set * groups_];
    const auto tag = static_cast<std::uint32_t>(line >> set_bits_);
    std::uint64_t& order = orders_[set];
    if (tag_of(tags, order & 0xf) == tag) return true;
    const Tags wanted = {tag, tag, tag, tag};
    Matches any = tags[0] == wanted;
    for (std::size_t group = 1; group < groups_; ++group) any |= tags[group] == wanted;
    const auto halves = std::bit_cast<Halves>(any);
    if ((halves.low | halves.high) != 0) {
      const std::uint64_t way = find(tags, tag);
      order = way_order::made_youngest(order, way, way_order::shift_of(order, way));
      return true;
    }
    const std::uint64_t way = order >> oldest_ & 0xf;
    std::memcpy(reinterpret_cast<std::byte*>(tags) + way * sizeof tag, &tag, sizeof tag);
    order = way_order::made_youngest(order, way, oldest_);
    return false;
  }
  /// Asks the host for what access() will look at.
  void foresee(std::uint64_t line) const noexcept {
    const std::size_t set = line & set_mask_;
    __builtin_prefetch(&orders_[set]);
    __builtin_prefetch(&tags_[set * groups_]);
  }
  void clear() noexcept {
    tags_.assign(tags_.size(), Tags{kNone, kNone, kNone, kNone});
    orders_.assign(orders_.size(), way_order::kAscending);
  }

 private:
  static constexpr std::size_t kGroup = 4;
  using Tags [[gnu::vector_size(16)]] = std::uint32_t;
  using Matches [[gnu::vector_size(16)]] = std::int32_t;
  struct Halves {
    std::uint64_t low;
    std::uint64_t high;
  };
  // No tag: kLimit is exclusive.
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  [[nodiscard]] static std::uint32_t tag_of(const Tags* tags, std::uint64_t way) noexcept {
    std::uint32_t tag = 0;
    std::memcpy(&tag, reinterpret_cast<const std::byte*>(tags) + way * sizeof tag, sizeof tag);
    return tag;
  }
  /// Precondition: it is there.
  [[nodiscard]] static std::uint64_t find(const Tags* tags, std::uint32_t tag) noexcept {
    for (std::uint64_t way = 0;; ++way) {
      if (tag_of(tags, way) == tag) return way;
    }
  }

  std::size_t groups_;  // of four ways
  unsigned oldest_;     // where the oldest way stands in an order
  std::uint64_t set_mask_;
  unsigned set_bits_;
  std::vector<Tags> tags_;
  std::vector<std::uint64_t> orders_;  // the ways by age, four bits each, the youngest lowest
};

}  // namespace axvm::sim::timing
