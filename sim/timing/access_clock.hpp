#pragma once
// When accesses begin, and when they have their data.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::sim::timing {

/// Accesses begin in order, one a cycle, when the one `outstanding` before has its data. A copy
/// counts on where the original is, in the same ring.
struct AccessClock {
  std::span<std::uint64_t> data;  ///< when the last `outstanding` accesses had theirs, a ring
  std::size_t oldest = 0;         ///< in the ring
  std::uint64_t begin = 0;        ///< of the last access
  std::uint64_t end = 0;          ///< the latest data so far
  std::uint64_t last_data = 0;    ///< when the last access had its own

  /// The next access begins; when it `waits`, not before the last one has its data.
  void start(bool waits) noexcept {
    begin = std::max(begin + 1, data[oldest]);
    if (waits) [[unlikely]]
      begin = std::max(begin, last_data);
  }
  /// The access has its data.
  void finish(std::uint64_t when) noexcept {
    // All is read before anything is written: the compiler cannot know that they are apart.
    const std::size_t next = oldest + 1 == data.size() ? 0 : oldest + 1;
    end = std::max(end, when);
    last_data = when;
    data[oldest] = when;
    oldest = next;
  }
  /// So many cycles begin no access.
  void advance(std::uint64_t cycles) noexcept { wait_until(begin + cycles); }
  /// No access begins before that.
  void wait_until(std::uint64_t when) noexcept {
    begin = std::max(begin, when);
    end = std::max(end, begin);
  }
};

}  // namespace axvm::sim::timing
