#pragma once
// Which 64-bit keys a cache of any kind holds: sets, ways and who is replaced.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace axvm::sim::timing {

/// Who leaves a full set.
enum class Replacement : std::uint8_t {
  Lru,       ///< the one not used for longest
  TreePlru,  ///< by a binary tree of "the other half was used last"; ways are a power of two
  Random,    ///< any of them, by a seeded generator: the same in every run
};

/// The size of a cache: `entries` / `ways` sets, a power of two. One set is a fully associative
/// cache.
struct CacheShape {
  std::uint32_t entries = 0;  ///< 0: there is no such cache
  std::uint32_t ways = 1;
  Replacement replacement = Replacement::Lru;

  [[nodiscard]] bool is_valid() const noexcept;
};

/// Keys and the slots that they sit in. Whoever needs more than the key keeps it by slot.
class TagArray {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  /// No key.
  static constexpr std::uint64_t kEmpty = std::numeric_limits<std::uint64_t>::max();

  /// Precondition: `shape` is valid.
  explicit TagArray(CacheShape shape, std::uint64_t seed = 1);

  [[nodiscard]] std::uint32_t slots() const noexcept { return shape_.entries; }
  [[nodiscard]] std::uint64_t key(std::uint32_t slot) const noexcept { return keys_[slot]; }

  /// The slot of `key`, which counts as used now; kNone when it is not here. `index` chooses the
  /// set: by its low bits.
  [[nodiscard]] std::uint32_t find(std::uint64_t key, std::uint64_t index) noexcept {
    const std::uint32_t first = first_slot(index);
    const std::uint32_t recent = recent_[first / shape_.ways];
    if (keys_[recent] == key) return recent;
    return find_in_set(key, first);
  }
  /// A slot for `key`, which is in no slot: an empty one, or that of a key that leaves.
  std::uint32_t insert(std::uint64_t key, std::uint64_t index) noexcept;
  void remove(std::uint32_t slot) noexcept { keys_[slot] = kEmpty; }
  void clear() noexcept;

 private:
  [[nodiscard]] std::uint32_t first_slot(std::uint64_t index) const noexcept {
    return static_cast<std::uint32_t>(index & set_mask_) * shape_.ways;
  }
  [[nodiscard]] std::uint32_t find_in_set(std::uint64_t key, std::uint32_t first) noexcept;
  void touch(std::uint32_t slot) noexcept;
  [[nodiscard]] std::uint32_t victim(std::uint32_t set) noexcept;

  CacheShape shape_;
  std::uint64_t set_mask_ = 0;
  std::uint64_t clock_ = 0;
  std::uint64_t random_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint64_t> used_;    // Lru: when, by slot; TreePlru: the tree, by set
  std::vector<std::uint32_t> recent_;  // the slot used last, by set
};

}  // namespace axvm::sim::timing
