#pragma once
// Bits of the control registers, EFER and RFLAGS (APM Vol. 2 3.1).

#include <cstdint>

namespace axvm::sim::x86_64 {

namespace cr0 {
inline constexpr std::uint64_t PE = 1ULL << 0;   ///< protected mode
inline constexpr std::uint64_t MP = 1ULL << 1;   ///< WAIT looks at TS
inline constexpr std::uint64_t EM = 1ULL << 2;   ///< no x87
inline constexpr std::uint64_t TS = 1ULL << 3;   ///< the next use of x87 or SSE is #NM
inline constexpr std::uint64_t ET = 1ULL << 4;   ///< always set
inline constexpr std::uint64_t NE = 1ULL << 5;   ///< x87 errors are #MF
inline constexpr std::uint64_t WP = 1ULL << 16;  ///< supervisor stores respect read-only pages
inline constexpr std::uint64_t AM = 1ULL << 18;  ///< RFLAGS.AC checks alignment
inline constexpr std::uint64_t NW = 1ULL << 29;  ///< not write-through
inline constexpr std::uint64_t CD = 1ULL << 30;  ///< caches disabled
inline constexpr std::uint64_t PG = 1ULL << 31;  ///< paging
}  // namespace cr0

namespace cr4 {
inline constexpr std::uint64_t PSE = 1ULL << 4;          ///< pages of 4 MiB
inline constexpr std::uint64_t PAE = 1ULL << 5;          ///< entries of 64 bits
inline constexpr std::uint64_t PGE = 1ULL << 7;          ///< global pages
inline constexpr std::uint64_t OSFXSR = 1ULL << 9;       ///< FXSAVE and SSE
inline constexpr std::uint64_t OSXMMEXCPT = 1ULL << 10;  ///< SSE's errors are #XF
inline constexpr std::uint64_t LA57 = 1ULL << 12;        ///< tables of five levels
inline constexpr std::uint64_t PCIDE = 1ULL << 17;       ///< CR3 has a PCID
inline constexpr std::uint64_t OSXSAVE = 1ULL << 18;     ///< XSAVE and XSETBV
inline constexpr std::uint64_t SMEP = 1ULL << 20;        ///< no supervisor fetches of user pages
inline constexpr std::uint64_t SMAP = 1ULL << 21;        ///< no supervisor accesses of them
}  // namespace cr4

namespace efer {
inline constexpr std::uint64_t SCE = 1ULL << 0;    ///< SYSCALL
inline constexpr std::uint64_t LME = 1ULL << 8;    ///< long mode from the next CR0.PG on
inline constexpr std::uint64_t LMA = 1ULL << 10;   ///< long mode
inline constexpr std::uint64_t NXE = 1ULL << 11;   ///< pages may forbid execution
inline constexpr std::uint64_t SVME = 1ULL << 12;  ///< SVM
}  // namespace efer

namespace rflags {
inline constexpr std::uint64_t CF = 1ULL << 0;
inline constexpr std::uint64_t ONE = 1ULL << 1;  ///< always set
inline constexpr std::uint64_t TF = 1ULL << 8;
inline constexpr std::uint64_t IF = 1ULL << 9;
inline constexpr std::uint64_t DF = 1ULL << 10;
inline constexpr std::uint64_t IOPL = 3ULL << 12;
inline constexpr std::uint64_t NT = 1ULL << 14;
inline constexpr std::uint64_t RF = 1ULL << 16;
inline constexpr std::uint64_t VM = 1ULL << 17;
inline constexpr std::uint64_t AC = 1ULL << 18;
}  // namespace rflags

}  // namespace axvm::sim::x86_64
