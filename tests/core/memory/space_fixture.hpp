#pragma once
// An address space over the fake HAL.

#include <doctest/doctest.h>
#include <core/memory/address_space.hpp>
#include <tests/core/fake_hal.hpp>

namespace axvm::test {

using Space = AddressSpace<aarch64::Stage2Format, FakeHal>;

inline constexpr std::uint64_t kBase = 0x8000'0000;
inline constexpr std::uint64_t k2M = 2ULL << 20;
inline constexpr std::uint64_t k1G = 1ULL << 30;

inline GuestPhysRange range(std::uint64_t base, std::uint64_t size) {
  return {GuestPhysAddr(base), size};
}
/// `n` pages from page `first` of kBase on.
inline GuestPhysRange pages(std::uint64_t first, std::uint64_t n) {
  return range(kBase + first * kPageSize, n * kPageSize);
}
inline std::vector<std::byte> some_bytes(std::size_t n, unsigned first = 1) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 7 + first);
  return bytes;
}
template <class T>
std::optional<ErrorKind> kind(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().kind);
}

struct SpaceFixture {
  explicit SpaceFixture(std::size_t regions = 8)
      : space(std::move(*Space::try_make(hal, aarch64::kStage2FourLevels, regions))) {}

  /// Where an access leads, as the guest makes it, which may fault once; nothing when the access
  /// is refused.
  std::optional<HostPhysAddr> touch(GuestPhysAddr gpa, MappingFlags access) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (permits(gpa, access)) return space.translate(gpa);
      const auto outcome = space.handle_page_fault(gpa, access, tlb);
      if (!outcome || outcome->kind == PageFaultOutcome::Kind::Unhandled) return std::nullopt;
    }
    FAIL("a fault that was handled comes again");
    return std::nullopt;
  }
  /// Whether the table lets the access through.
  bool permits(GuestPhysAddr gpa, MappingFlags access) const {
    const auto leaf = space.query(gpa);
    return leaf && has_all(leaf->flags, access);
  }
  std::uint64_t leaf_size(GuestPhysAddr gpa) const { return space.query(gpa)->page_size; }

  FakeHal hal;
  FakeTlb tlb;
  Space space;
};

}  // namespace axvm::test
