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

}  // namespace axvm::riscv64
