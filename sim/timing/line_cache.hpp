#pragma once
// The lines that one data cache holds.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sim/timing/host_lines.hpp>
#include <vector>

namespace axvm::sim::timing {

/// Sets of up to 16 ways; of a full set, the line not used for longest is replaced. A set's tags
/// are in the order of their use, so that there is nothing else to look at: a set of 16 is one line
/// of the host, and a model of many megabytes is fast.
class LineCache {
 public:
  static constexpr std::uint32_t kMostWays = 16;
  static constexpr std::uint32_t kFewestSets = 64;
  /// Numbers of lines are below this.
  static constexpr std::uint64_t kLimit = ((std::uint64_t{1} << 32) - 1) * kFewestSets;

  /// Precondition: `lines` / `ways` is a power of two and at least kFewestSets; `ways` is at most
  /// kMostWays.
  LineCache(std::uint32_t lines, std::uint32_t ways)
      : groups_((ways + kGroup - 1) / kGroup),
        set_shift_(groups_ <= 1   ? 0
                   : groups_ == 2 ? 1
                                  : 2),
        set_mask_(lines / ways - 1),
        set_bits_(static_cast<unsigned>(std::countr_zero(lines / ways))),
        tags_((set_mask_ + 1) << set_shift_) {
    for (std::size_t place = 0; place < kGroup; ++place) {
      beyond_[place] = (groups_ - 1) * kGroup + place < ways ? 0 : kNone;
    }
    clear();
  }

  /// The lines that were used last, each in its set. True as long as the cache lives.
  class LastUsed;
  [[nodiscard]] LastUsed last_used() const noexcept;

  /// True when the line is here; it is from now on.
  bool access(std::uint64_t line) noexcept;
  /// The same, and faster where the line is not the last one used in its set.
  [[gnu::always_inline]] bool access_another(std::uint64_t line) noexcept {
    Tags* const tags = &tags_[(line & set_mask_) << set_shift_];
    const auto tag = static_cast<std::uint32_t>(line >> set_bits_);
    switch (groups_) {
      case 1: return use<1>(tags, tag);
      case 2: return use<2>(tags, tag);
      case 3: return use<3>(tags, tag);
      default: return use<4>(tags, tag);
    }
  }
  /// Asks the host for what access() will look at.
  void foresee(std::uint64_t line) const noexcept {
    __builtin_prefetch(&tags_[(line & set_mask_) << set_shift_], 1);
    // GCC 12 leaves out calls of functions that do nothing but ask.
    asm volatile("");
  }
  void clear() noexcept { tags_.assign(tags_.size(), Tags{kNone, kNone, kNone, kNone}); }

 private:
  static constexpr std::size_t kGroup = 4;
  using Tags [[gnu::vector_size(16)]] = std::uint32_t;
  using Places [[gnu::vector_size(16)]] = std::int32_t;
  using Halves [[gnu::vector_size(16)]] = std::uint64_t;
  // No tag: kLimit is exclusive.
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  // Places count from 1.
  [[nodiscard]] static constexpr Places places_of(std::size_t group) noexcept {
    const auto first = static_cast<std::int32_t>(group * kGroup);
    return Places{first + 1, first + 2, first + 3, first + 4};
  }

  // Puts the tag in the first place of its set; those before the place that it had, or all if it
  // had none, move up by one.
  template <std::size_t kGroups>
  bool use(Tags* tags, std::uint32_t tag) const noexcept {
    const Tags wanted = {tag, tag, tag, tag};
    Places any = tags[0] == wanted;
    for (std::size_t group = 1; group < kGroups; ++group) any |= tags[group] == wanted;
    const bool found = fold(any) != 0;
    // From the last group on, what is one place before is read before it is written.
    if (!found) {
      tags[kGroups - 1] = moved_up(tags, kGroups - 1) | beyond_;
      for (std::size_t group = kGroups - 1; group-- > 0;) tags[group] = moved_up(tags, group);
    } else {
      Places matches = {};
      for (std::size_t group = 0; group < kGroups; ++group) {
        matches |= (tags[group] == wanted) & places_of(group);
      }
      const std::uint64_t folded = fold(matches);
      const auto place = static_cast<std::int32_t>(folded | folded >> 32);
      const Places last = {place, place, place, place};
      for (std::size_t group = kGroups; group-- > 0;) {
        tags[group] = places_of(group) <= last ? moved_up(tags, group) : tags[group];
      }
    }
    tags[0][0] = tag;
    return found;
  }
  [[nodiscard]] static std::uint64_t fold(Places places) noexcept {
    const auto halves = reinterpret_cast<Halves>(places);
    return halves[0] | halves[1];
  }
  // The tags that are one place before those of a group; in the first place, any.
  [[nodiscard]] static Tags moved_up(const Tags* tags, std::size_t group) noexcept {
    if (group == 0) return __builtin_shufflevector(tags[0], tags[0], 0, 0, 1, 2);
    Tags moved;
    std::memcpy(&moved, reinterpret_cast<const std::byte*>(&tags[group]) - sizeof(std::uint32_t),
                sizeof moved);
    return moved;
  }

  std::size_t groups_;  // of four ways
  unsigned set_shift_;  // a set is in one line of the host: places for 2^n groups
  Tags beyond_{};       // kNone where the last group of a set has no way
  std::uint64_t set_mask_;
  unsigned set_bits_;
  std::vector<Tags, HostLines<Tags>> tags_;  // the one used last first
};

class LineCache::LastUsed {
 public:
  explicit LastUsed(const LineCache& cache) noexcept
      : tags_(cache.tags_.data()),
        set_mask_(cache.set_mask_),
        set_shift_(cache.set_shift_),
        set_bits_(cache.set_bits_) {}

  /// Whether access() of the line would find it, and change nothing.
  [[nodiscard]] bool has(std::uint64_t line) const noexcept {
    return tags_[(line & set_mask_) << set_shift_][0] ==
           static_cast<std::uint32_t>(line >> set_bits_);
  }

 private:
  const Tags* tags_;
  std::uint64_t set_mask_;
  unsigned set_shift_;
  unsigned set_bits_;
};

inline LineCache::LastUsed LineCache::last_used() const noexcept { return LastUsed(*this); }

inline bool LineCache::access(std::uint64_t line) noexcept {
  return last_used().has(line) || access_another(line);
}

}  // namespace axvm::sim::timing
