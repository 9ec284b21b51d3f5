#pragma once
// Memory that begins at a line of the host's caches.

#include <cstddef>
#include <new>

namespace axvm::sim::timing {

/// An allocator whose arrays begin at a multiple of 64 bytes.
template <class T>
struct HostLines {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  HostLines() = default;
  template <class Other>
  // NOLINTNEXTLINE(google-explicit-constructor): an allocator's conversions are implicit
  constexpr HostLines(const HostLines<Other>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kLine));
  }
  void deallocate(T* at, std::size_t) noexcept { ::operator delete(at, kLine); }
  bool operator==(const HostLines&) const = default;
};

}  // namespace axvm::sim::timing
