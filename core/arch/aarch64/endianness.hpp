#pragma once
// The byte order of a guest's data accesses (DDI 0487 B2.6.2). Devices are little-endian.

#include <bit>
#include <core/arch/aarch64/exception.hpp>
#include <core/devices/device.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::aarch64 {

/// SCTLR_EL1 (D24.2.175): data accesses from EL0 and from EL1 are big-endian.
namespace sctlr {
inline constexpr std::uint64_t E0E = 1ULL << 24;
inline constexpr std::uint64_t EE = 1ULL << 25;
}  // namespace sctlr

/// The low `width` bytes of `value` in reverse order, zero-extended.
[[nodiscard]] constexpr std::uint64_t reverse_bytes(std::uint64_t value,
                                                    AccessWidth width) noexcept {
  return std::byteswap(value) >> (64 - 8 * bytes(width));
}

/// Up to 8 bytes in little-endian order as a number, and back.
[[nodiscard]] constexpr std::uint64_t little_endian(std::span<const std::byte> bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t n = bytes.size(); n > 0; --n) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[n - 1]);
  }
  return value;
}
constexpr void to_little_endian(std::uint64_t value, std::span<std::byte> bytes) noexcept {
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(value);
    value >>= 8;
  }
}

/// Whether the guest in `cpu` accesses data in big-endian order at the level it trapped from.
template <VirtualizationHardware U>
[[nodiscard]] bool is_big_endian(U& cpu) {
  const std::uint64_t control = cpu.template read<SysReg::SCTLR_EL1>();
  if ((control & (sctlr::E0E | sctlr::EE)) == 0) [[likely]]
    return false;
  const bool el0 = is_el0(cpu.template read<SysReg::SPSR_EL2>());
  return (control & (el0 ? sctlr::E0E : sctlr::EE)) != 0;
}

static_assert(reverse_bytes(0x1122'3344, AccessWidth::Dword) == 0x4433'2211);
static_assert(reverse_bytes(0xff12, AccessWidth::Byte) == 0x12);

}  // namespace axvm::aarch64
