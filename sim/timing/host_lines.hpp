#pragma once
// Memory that begins at a line of the host's caches.

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace axvm::sim::timing {

/// An allocator whose arrays begin at a multiple of 64 bytes, and large ones at a large page of the
/// host.
template <class T>
struct HostLines {
  using value_type = T;
  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kLargePage = std::size_t{2} << 20;

  HostLines() = default;
  template <class Other>
  // NOLINTNEXTLINE(google-explicit-constructor): an allocator's conversions are implicit
  constexpr HostLines(const HostLines<Other>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* const at = ::operator new(bytes, alignment(bytes));
    // Looked up all over, they would miss the host's TLB each time. It is no error if it refuses.
    if (bytes >= kLargePage) static_cast<void>(::madvise(at, bytes, MADV_HUGEPAGE));
    return static_cast<T*>(at);
  }
  void deallocate(T* at, std::size_t count) noexcept {
    ::operator delete(at, alignment(count * sizeof(T)));
  }
  bool operator==(const HostLines&) const = default;

 private:
  [[nodiscard]] static constexpr std::align_val_t alignment(std::size_t bytes) noexcept {
    return std::align_val_t{bytes >= kLargePage ? kLargePage : kLine};
  }
};

}  // namespace axvm::sim::timing
