#pragma once
// Which 64-bit keys a cache of any kind holds: sets, ways and who is replaced.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <sim/timing/key_index.hpp>
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
  static constexpr std::uint32_t kNone = KeyIndex::kNone;
  /// No key.
  static constexpr std::uint64_t kEmpty = std::numeric_limits<std::uint64_t>::max();

  /// Precondition: `shape` is valid.
  explicit TagArray(CacheShape shape, std::uint64_t seed = 1);

  [[nodiscard]] std::uint32_t slots() const noexcept { return shape_.entries; }
  [[nodiscard]] std::uint64_t key(std::uint32_t slot) const noexcept { return keys_[slot]; }

  /// The slot of `key`, which counts as used now; kNone when it is not here. `index` chooses the
  /// set: by its low bits.
  [[nodiscard]] std::uint32_t find(std::uint64_t key, std::uint64_t index) noexcept {
    const auto set = static_cast<std::uint32_t>(index & set_mask_);
    // What was used last is the youngest already.
    if (const std::uint32_t recent = recent_[set]; keys_[recent] == key) return recent;
    return find_in_set(key, set);
  }
  /// A slot for `key`, which is in no slot: an empty one, or that of a key that leaves.
  std::uint32_t insert(std::uint64_t key, std::uint64_t index) noexcept;
  void remove(std::uint32_t slot) noexcept;
  void clear() noexcept;

 private:
  /// Links of a list of a set's ways, the youngest first.
  struct Links {
    std::uint16_t younger;
    std::uint16_t older;
  };

  [[nodiscard]] std::uint32_t find_in_set(std::uint64_t key, std::uint32_t set) noexcept;
  void touch(std::uint32_t set, std::uint32_t slot) noexcept;
  void touch_links(std::uint32_t set, std::uint32_t way) noexcept;
  void retire_link(std::uint32_t set, std::uint32_t way) noexcept;
  [[nodiscard]] std::uint32_t victim(std::uint32_t set) noexcept;

  CacheShape shape_;
  std::uint64_t set_mask_ = 0;
  std::uint64_t random_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> recent_;  // the slot used last, by set
  std::vector<std::uint16_t> live_;    // keys, by set
  // Lru: the ways by age, four bits each, the youngest lowest. TreePlru: the tree. By set.
  std::vector<std::uint64_t> ages_;
  std::vector<Links> links_;           // instead, by slot, where there are more than 16 ways
  std::vector<std::uint16_t> oldest_;  // and the last of each list, by set
  std::optional<KeyIndex> index_;      // of many ways
};

}  // namespace axvm::sim::timing
