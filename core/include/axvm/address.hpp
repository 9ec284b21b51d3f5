#pragma once
// Strong types for addresses and identifiers: one kind cannot be passed for another.

#include <compare>
#include <cstddef>
#include <cstdint>

namespace axvm {

inline constexpr std::uint64_t kPageSize = 4096;
inline constexpr unsigned kPageShift = 12;

/// An address in the space that `Tag` names. Arithmetic wraps modulo 2^64; callers check ranges.
template <class Tag>
struct Address {
  std::uint64_t value = 0;

  constexpr Address() = default;
  constexpr explicit Address(std::uint64_t v) noexcept : value(v) {}

  /// `size` is a power of two in both.
  [[nodiscard]] constexpr bool is_aligned(std::uint64_t size) const noexcept {
    return (value & (size - 1)) == 0;
  }
  [[nodiscard]] constexpr Address align_down(std::uint64_t size) const noexcept {
    return Address(value & ~(size - 1));
  }

  friend constexpr Address operator+(Address a, std::uint64_t n) noexcept {
    return Address(a.value + n);
  }
  friend constexpr Address operator-(Address a, std::uint64_t n) noexcept {
    return Address(a.value - n);
  }
  friend constexpr std::uint64_t operator-(Address a, Address b) noexcept {
    return a.value - b.value;
  }
  friend constexpr auto operator<=>(Address, Address) = default;
};

using GuestVirtAddr = Address<struct GuestVirtTag>;  ///< what guest code uses
using GuestPhysAddr = Address<struct GuestPhysTag>;  ///< after stage 1 (Arm: IPA)
using HostPhysAddr = Address<struct HostPhysTag>;    ///< after stage 2, what the bus sees
using HostVirtAddr = Address<struct HostVirtTag>;    ///< a pointer of the VMM, as an integer

/// A half-open range of guest-physical addresses; `size` may be 0, the end must not wrap.
struct GuestPhysRange {
  GuestPhysAddr base;
  std::uint64_t size = 0;

  [[nodiscard]] constexpr GuestPhysAddr end() const noexcept { return base + size; }
  [[nodiscard]] constexpr bool contains(GuestPhysAddr a) const noexcept {
    return a.value - base.value < size;
  }
  /// True when [a, a + n) lies inside; n = 0 asks for a itself or the end.
  [[nodiscard]] constexpr bool contains(GuestPhysAddr a, std::uint64_t n) const noexcept {
    return a >= base && a.value - base.value <= size && n <= size - (a.value - base.value);
  }
  [[nodiscard]] constexpr bool overlaps(const GuestPhysRange& o) const noexcept {
    return base.value < o.base.value + o.size && o.base.value < base.value + size;
  }
  friend constexpr bool operator==(const GuestPhysRange&, const GuestPhysRange&) = default;
};

/// A half-open range of host-physical addresses; the end must not wrap.
struct HostPhysRange {
  HostPhysAddr base;
  std::uint64_t size = 0;

  friend constexpr bool operator==(const HostPhysRange&, const HostPhysRange&) = default;
};

/// A small number naming one object of the kind that `Tag` names.
template <class Tag>
struct Id {
  std::uint32_t value = 0;

  constexpr Id() = default;
  constexpr explicit Id(std::uint32_t v) noexcept : value(v) {}
  friend constexpr auto operator<=>(Id, Id) = default;
};

using VmId = Id<struct VmTag>;      ///< of the configuration, 1..255
using VcpuId = Id<struct VcpuTag>;  ///< index within its VM, from 0
using PcpuId = Id<struct PcpuTag>;  ///< index of a physical CPU, from 0
using Vmid = Id<struct VmidTag>;    ///< the tag of TLB entries (VTTBR_EL2.VMID)

}  // namespace axvm
