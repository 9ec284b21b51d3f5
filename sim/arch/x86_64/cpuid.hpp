#pragma once
// What CPUID says of this machine's processors: AMD's vendor, SVM with nested paging, and the
// instructions that the engine executes (APM Vol. 3, appendix E).

#include <cstdint>

namespace axvm::sim::x86_64 {

struct CpuidResult {
  std::uint32_t eax = 0;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;

  friend bool operator==(const CpuidResult&, const CpuidResult&) = default;
};

/// ASIDs that there are, the host's 0 included.
inline constexpr std::uint32_t kAsids = 1U << 15;

/// Leaves that there are not are all zeros. `apic_id`: the processor's number.
constexpr CpuidResult cpuid_of(std::uint32_t leaf, unsigned apic_id) noexcept {
  switch (leaf) {
    case 0: return {7, 0x6874'7541, 0x444d'4163, 0x6974'6e65};  // AuthenticAMD
    case 1:
      return {.eax = 0x0080'0f82,
              .ebx = apic_id << 24 | 8U << 8,
              // SSE3, SSSE3, CMPXCHG16B, PCID, SSE4.1, SSE4.2, POPCNT, AES.
              .ecx = 1U << 0 | 1U << 9 | 1U << 13 | 1U << 17 | 1U << 19 | 1U << 20 | 1U << 23 |
                     1U << 25,
              // FPU, DE, PSE, TSC, MSR, PAE, CX8, SEP, PGE, CMOV, PAT, PSE36, CLFLUSH, MMX, FXSR,
              // SSE, SSE2.
              .edx = 1U << 0 | 1U << 2 | 1U << 3 | 1U << 4 | 1U << 5 | 1U << 6 | 1U << 8 |
                     1U << 11 | 1U << 13 | 1U << 15 | 1U << 16 | 1U << 17 | 1U << 19 | 1U << 23 |
                     1U << 24 | 1U << 25 | 1U << 26};
    // SMEP, SMAP; LA57.
    case 7: return {.eax = 0, .ebx = 1U << 7 | 1U << 20, .ecx = 1U << 16, .edx = 0};
    case 0x8000'0000: return {0x8000'000a, 0x6874'7541, 0x444d'4163, 0x6974'6e65};
    case 0x8000'0001:
      return {.eax = 0x0080'0f82,
              .ebx = 0,
              // LAHF, SVM.
              .ecx = 1U << 0 | 1U << 2,
              // SYSCALL, NX, pages of 1 GiB, RDTSCP, long mode.
              .edx = 1U << 11 | 1U << 20 | 1U << 26 | 1U << 27 | 1U << 29};
    // An invariant TSC.
    case 0x8000'0007: return {.eax = 0, .ebx = 0, .ecx = 0, .edx = 1U << 8};
    // 52 bits of physical address, 57 of linear.
    case 0x8000'0008: return {.eax = 57U << 8 | 52, .ebx = 0, .ecx = 0, .edx = 0};
    // Revision 1; nested paging, next RIP, flushes by ASID.
    case 0x8000'000a:
      return {.eax = 1, .ebx = kAsids, .ecx = 0, .edx = 1U << 0 | 1U << 3 | 1U << 6};
    default: return {};
  }
}

}  // namespace axvm::sim::x86_64
