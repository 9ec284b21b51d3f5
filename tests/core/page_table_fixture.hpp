#pragma once
// What tests of page tables have in common: sizes, and changes that are flushed at once.

#include <core/memory/page_table.hpp>
#include <optional>
#include <tests/core/fake_hal.hpp>
#include <utility>

namespace axvm::test {

inline constexpr std::uint64_t k2M = 2ULL << 20;
inline constexpr std::uint64_t k1G = 1ULL << 30;
inline constexpr std::uint64_t k512G = 512ULL << 30;

inline GuestPhysRange range(std::uint64_t base, std::uint64_t size) {
  return {GuestPhysAddr(base), size};
}

using Table = PageTable<aarch64::Stage2Format, FakeHal>;

/// Flushes what changed; the error's kind when nothing did.
template <class Duty>
std::optional<ErrorKind> flushed(Result<Duty> changed, FakeTlb& tlb) {
  if (!changed) return changed.error().kind;
  std::move(*changed).flush(tlb);
  return std::nullopt;
}
inline std::optional<ErrorKind> map(Table& table, FakeTlb& tlb, GuestPhysRange r, std::uint64_t hpa,
                                    MappingFlags flags = kReadWriteExecute) {
  return flushed(table.map(r, HostPhysAddr(hpa), flags), tlb);
}
inline std::optional<ErrorKind> unmap(Table& table, FakeTlb& tlb, GuestPhysRange r) {
  return flushed(table.unmap(r, tlb), tlb);
}
inline std::optional<ErrorKind> protect(Table& table, FakeTlb& tlb, GuestPhysRange r,
                                        MappingFlags flags) {
  return flushed(table.protect(r, flags, tlb), tlb);
}
inline std::optional<ErrorKind> remap(Table& table, FakeTlb& tlb, GuestPhysRange r,
                                      std::uint64_t hpa, MappingFlags flags = kReadWriteExecute) {
  return flushed(table.remap(r, HostPhysAddr(hpa), flags, tlb), tlb);
}
inline std::optional<std::uint64_t> translate(const Table& table, std::uint64_t gpa) {
  const auto found = table.query(GuestPhysAddr(gpa));
  if (!found) return std::nullopt;
  return found->hpa.value;
}

}  // namespace axvm::test
