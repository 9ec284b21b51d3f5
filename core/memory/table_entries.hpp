#pragma once
// How entries of a table in use are read and written.

#include <atomic>
#include <cstdint>

namespace axvm {

/// Single copies of 64 bits: a walker sees an entry as it was or as it is. Order among entries
/// comes from `publish` and from the maintenance that ends each change.
struct AtomicEntries {
  [[nodiscard]] static std::uint64_t load(std::uint64_t& entry) noexcept {
    return std::atomic_ref(entry).load(std::memory_order_relaxed);
  }
  static void store(std::uint64_t& entry, std::uint64_t value) noexcept {
    std::atomic_ref(entry).store(value, std::memory_order_relaxed);
  }
  /// A walker that finds `value` finds what has been written before.
  static void publish(std::uint64_t& entry, std::uint64_t value) noexcept {
    std::atomic_ref(entry).store(value, std::memory_order_release);
  }
};

}  // namespace axvm
