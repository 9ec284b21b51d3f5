#pragma once
// Copies between the VMM and memory that a guest uses at the same time.

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace axvm {

/// What guest and VMM may share: plain bytes, in the byte order of the VMM (little-endian on every
/// architecture here), laid out as the compiler lays T out.
template <class T>
concept GuestObject = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>;

/// Calls `f(T{})` with the unsigned integer of `n` bytes when `p` is aligned for it. False when
/// there is none.
template <class F>
bool with_single_access(const std::byte* p, std::size_t n, F&& f) {
  if (reinterpret_cast<std::uintptr_t>(p) % n != 0) return false;
  switch (n) {
    case 1: f(std::uint8_t{}); return true;
    case 2: f(std::uint16_t{}); return true;
    case 4: f(std::uint32_t{}); return true;
    case 8: f(std::uint64_t{}); return true;
    default: return false;
  }
}

/// Copies `n` > 0 bytes out of guest memory. 1, 2, 4 or 8 bytes that are aligned are read at once:
/// a vCPU that writes them meanwhile is seen to have written all of them or none. Others are read
/// in any order.
inline void copy_from_guest(std::byte* to, const std::byte* guest, std::size_t n) {
  const bool done = with_single_access(guest, n, [&]<class T>(T) {
    // atomic_ref takes no const object; the load leaves it alone.
    auto& object = *reinterpret_cast<T*>(const_cast<std::byte*>(guest));
    const T value = std::atomic_ref(object).load(std::memory_order_relaxed);
    std::memcpy(to, &value, n);
  });
  if (!done) std::memcpy(to, guest, n);
}

/// Copies `n` > 0 bytes into guest memory, at once as above.
inline void copy_to_guest(std::byte* guest, const std::byte* from, std::size_t n) {
  const bool done = with_single_access(guest, n, [&]<class T>(T) {
    T value{};
    std::memcpy(&value, from, n);
    std::atomic_ref(*reinterpret_cast<T*>(guest)).store(value, std::memory_order_relaxed);
  });
  if (!done) std::memcpy(guest, from, n);
}

}  // namespace axvm
