#pragma once
// Calls of firmware in M-mode (RISC-V Supervisor Binary Interface 1.0 or later).

#include <cstdint>

namespace axvm::hal_hs::sbi {

enum class Extension : std::uint64_t {
  Ipi = 0x73'5049,
  Rfence = 0x5246'4e43,
  HartState = 0x48'534d,
  SystemReset = 0x5352'5354,
};

/// Functions of Rfence.
inline constexpr std::uint64_t kRemoteFenceI = 0;
inline constexpr std::uint64_t kRemoteHfenceGvmaVmid = 3;
inline constexpr std::uint64_t kRemoteHfenceVvmaAsid = 5;
inline constexpr std::uint64_t kRemoteHfenceVvma = 6;

/// A hart mask's base: every hart, whatever the mask says.
inline constexpr std::uint64_t kAllHarts = ~std::uint64_t{0};
/// A range's size: from 0 to the end of the address space.
inline constexpr std::uint64_t kEverything = ~std::uint64_t{0};

/// The call's error: 0 when it has succeeded.
inline std::int64_t call(Extension extension, std::uint64_t function, std::uint64_t arg0 = 0,
                         std::uint64_t arg1 = 0, std::uint64_t arg2 = 0, std::uint64_t arg3 = 0,
                         std::uint64_t arg4 = 0) {
  register std::uint64_t a0 asm("a0") = arg0;
  register std::uint64_t a1 asm("a1") = arg1;
  register std::uint64_t a2 asm("a2") = arg2;
  register std::uint64_t a3 asm("a3") = arg3;
  register std::uint64_t a4 asm("a4") = arg4;
  register std::uint64_t a6 asm("a6") = function;
  register std::uint64_t a7 asm("a7") = static_cast<std::uint64_t>(extension);
  asm volatile("ecall"
               : "+r"(a0), "+r"(a1)
               : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
               : "memory");
  return static_cast<std::int64_t>(a0);
}

}  // namespace axvm::hal_hs::sbi
