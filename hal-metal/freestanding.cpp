// What compilers call without being asked. The loops are written so that the compiler does not
// turn them into calls of themselves (-fno-tree-loop-distribute-patterns).

#include <cstddef>
#include <cstdint>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t n) {
  auto* t = static_cast<unsigned char*>(to);
  const auto* f = static_cast<const unsigned char*>(from);
  const auto misaligned = reinterpret_cast<std::uintptr_t>(t) | reinterpret_cast<std::uintptr_t>(f);
  if (misaligned % 8 == 0) {
    using Word [[gnu::may_alias]] = std::uint64_t;
    for (; n >= 8; n -= 8, t += 8, f += 8) {
      *reinterpret_cast<Word*>(t) = *reinterpret_cast<const Word*>(f);
    }
  }
  for (; n > 0; --n) *t++ = *f++;
  return to;
}

void* memmove(void* to, const void* from, std::size_t n) {
  auto* t = static_cast<unsigned char*>(to);
  const auto* f = static_cast<const unsigned char*>(from);
  if (reinterpret_cast<std::uintptr_t>(t) - reinterpret_cast<std::uintptr_t>(f) >= n) {
    return memcpy(to, from, n);
  }
  while (n > 0) {
    --n;
    t[n] = f[n];
  }
  return to;
}

void* memset(void* to, int value, std::size_t n) {
  auto* t = static_cast<unsigned char*>(to);
  const auto byte = static_cast<unsigned char>(value);
  if (reinterpret_cast<std::uintptr_t>(t) % 8 == 0) {
    using Word [[gnu::may_alias]] = std::uint64_t;
    const std::uint64_t word = byte * 0x0101010101010101ULL;
    for (; n >= 8; n -= 8, t += 8) *reinterpret_cast<Word*>(t) = word;
  }
  for (; n > 0; --n) *t++ = byte;
  return to;
}

int memcmp(const void* a, const void* b, std::size_t n) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (; n > 0; --n, ++x, ++y) {
    if (*x != *y) return *x < *y ? -1 : 1;
  }
  return 0;
}

std::size_t strlen(const char* text) {
  std::size_t n = 0;
  while (text[n] != '\0') ++n;
  return n;
}

// Of CPUs without an instruction for it. `value` is not 0.
// NOLINTBEGIN(bugprone-reserved-identifier): the compiler chose the names
int __clzdi2(std::uint64_t value) {
  int zeros = 0;
  for (unsigned half = 32; half != 0; half /= 2) {
    if (value >> (64 - half) != 0) continue;
    zeros += static_cast<int>(half);
    value <<= half;
  }
  return zeros;
}

int __ctzdi2(std::uint64_t value) { return 63 - __clzdi2(value & (~value + 1)); }

int __popcountdi2(std::uint64_t value) {
  value -= value >> 1 & 0x5555555555555555;
  value = (value & 0x3333333333333333) + (value >> 2 & 0x3333333333333333);
  value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<int>(value * 0x0101010101010101 >> 56);
}
// NOLINTEND(bugprone-reserved-identifier)

}  // extern "C"
