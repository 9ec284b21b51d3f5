#pragma once
// Which pages of code have been looked through for instructions to replace and to watch.

#include <array>
#include <cstddef>
#include <cstdint>

namespace axvm::sim {

/// A cache: what it has forgotten is looked through again, which changes nothing.
class ExaminedPages {
 public:
  /// True when this page was noted before, for the same exception level, and not forgotten since.
  /// Notes it. Both addresses are those of pages.
  bool note(std::uint64_t va, std::uint64_t pa, unsigned el) noexcept {
    Entry& entry = pages_[index_of(pa)];
    const Entry wanted{va, pa, el};
    if (entry == wanted) return true;
    entry = wanted;
    return false;
  }
  [[nodiscard]] bool has(std::uint64_t va, std::uint64_t pa, unsigned el) const noexcept {
    return pages_[index_of(pa)] == Entry{va, pa, el};
  }
  /// The frame's bytes may change.
  void forget(std::uint64_t pa) noexcept {
    Entry& entry = pages_[index_of(pa)];
    if (entry.pa == pa) entry = {};
  }
  void forget_all() noexcept { pages_.fill({}); }

 private:
  struct Entry {
    std::uint64_t va = 1;  // no page's address
    std::uint64_t pa = 1;
    unsigned el = 0;

    friend bool operator==(const Entry&, const Entry&) = default;
  };
  static constexpr std::size_t kPages = 4096;

  static constexpr std::size_t index_of(std::uint64_t pa) noexcept {
    return static_cast<std::size_t>(pa >> 12) % kPages;
  }

  std::array<Entry, kPages> pages_{};
};

}  // namespace axvm::sim
