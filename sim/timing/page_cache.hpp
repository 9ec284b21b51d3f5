#pragma once
// A cache by pages of several sizes, tagged by address space: what a TLB, a walk cache and an IPA
// cache have in common.

#include <array>
#include <cstdint>
#include <sim/timing/tag_array.hpp>
#include <utility>
#include <vector>

namespace axvm::sim::timing {

/// An address space: a small number that stands for a VMID and an ASID, or for a VMID and all its
/// global pages. Whoever owns the caches deals them out.
using SpaceNumber = std::uint16_t;
inline constexpr unsigned kSpaceBits = 13;

/// Values for the pages of addresses. A page of 2^`shift` bytes; `shift` is 12 to 63.
class PageCache {
 public:
  struct Entry {
    std::uint64_t page = 0;  ///< the first address of the page
    std::uint64_t value = 0;
    unsigned shift = 0;
    unsigned page_shift = 0;  ///< of the pages that it holds, at most `shift`
    SpaceNumber space = 0;
    std::uint8_t leaf_shift = 0;  ///< of the stage-1 leaf that it is from, which may be larger

    /// Whether it has to do with [first, first + bytes), which may reach the end of all addresses.
    [[nodiscard]] bool overlaps(std::uint64_t first, std::uint64_t bytes) const noexcept {
      return page - first < bytes || first - page < 1ULL << shift;
    }
    /// The leaf that it is from: where it begins, and its size.
    [[nodiscard]] std::uint64_t leaf() const noexcept { return page >> leaf_shift << leaf_shift; }
    [[nodiscard]] std::uint64_t leaf_bytes() const noexcept { return 1ULL << leaf_shift; }
    /// Whether the leaf has to do with an address.
    [[nodiscard]] bool is_of_leaf_with(std::uint64_t address) const noexcept {
      return (page ^ address) >> leaf_shift == 0;
    }
  };

  /// Precondition: `shape` is valid.
  explicit PageCache(CacheShape shape, std::uint64_t seed = 1)
      : tags_(shape, seed), entries_(shape.entries) {}

  /// The entry of the page that holds `address`; null when there is none. Smaller pages first.
  [[nodiscard]] const Entry* find(std::uint64_t address, SpaceNumber space) noexcept {
    for (std::uint64_t rest = shifts_; rest != 0; rest &= rest - 1) {
      const auto shift = static_cast<unsigned>(__builtin_ctzll(rest));
      const std::uint64_t number = address >> shift;
      const std::uint32_t slot = tags_.find(key(number, shift, space), number);
      if (slot != TagArray::kNone) return &entries_[slot];
    }
    return nullptr;
  }
  /// Precondition: find() does not find this page.
  void insert(std::uint64_t address, unsigned shift, SpaceNumber space, std::uint64_t value,
              unsigned page_shift = 0, unsigned leaf_shift = 0) noexcept {
    const std::uint64_t number = address >> shift;
    const std::uint32_t slot = tags_.insert(key(number, shift, space), number);
    Entry& entry = entries_[slot];
    forget(entry);
    entry = {number << shift, value,
             shift,           page_shift,
             space,           static_cast<std::uint8_t>(leaf_shift < shift ? shift : leaf_shift)};
    if (counts_[shift]++ == 0) shifts_ |= 1ULL << shift;
  }
  /// Forgets each entry of which `stale(entry)` is true.
  template <class F>
  void remove_if(F&& stale) noexcept {
    for (std::uint32_t slot = 0; slot < tags_.slots(); ++slot) {
      if (tags_.key(slot) == TagArray::kEmpty || !stale(std::as_const(entries_[slot]))) continue;
      tags_.remove(slot);
      forget(entries_[slot]);
    }
  }

 private:
  [[nodiscard]] static std::uint64_t key(std::uint64_t number, unsigned shift,
                                         SpaceNumber space) noexcept {
    return number << (kSpaceBits + 6) | std::uint64_t{space} << 6 | shift;
  }
  void forget(Entry& entry) noexcept {
    if (entry.shift == 0) return;
    if (--counts_[entry.shift] == 0) shifts_ &= ~(1ULL << entry.shift);
    entry = {};
  }

  TagArray tags_;
  std::vector<Entry> entries_;
  std::array<std::uint32_t, 64> counts_{};  // entries, by shift
  std::uint64_t shifts_ = 0;                // those with entries, as bits
};

}  // namespace axvm::sim::timing
