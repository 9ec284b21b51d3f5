#pragma once
// What interrupt controllers have in common: registers of 32 bits, accessed as a whole or not at
// all.

#include <axvm/result.hpp>
#include <core/devices/device.hpp>
#include <cstdint>

namespace axvm::riscv64 {

/// Errors: Unsupported.
[[nodiscard]] inline Result<> check_word_access(std::uint64_t offset, AccessWidth width) noexcept {
  if (width == AccessWidth::Dword && offset % 4 == 0) return {};
  return fail(ErrorKind::Unsupported, "interrupt controller access"sv,
              "it has registers of 32 bits only"sv);
}

/// The bytes of a word in the other order. std::byteswap calls the compiler's runtime on CPUs
/// without an instruction for it, which the core is not linked with.
[[nodiscard]] constexpr std::uint32_t reverse_bytes(std::uint32_t word) noexcept {
  return word << 24 | (word & 0xff00) << 8 | (word >> 8 & 0xff00) | word >> 24;
}

static_assert(reverse_bytes(0x1234'5678) == 0x7856'3412);

}  // namespace axvm::riscv64
