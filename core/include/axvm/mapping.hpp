#pragma once
// What a mapping of guest memory permits and which kind of memory it is.

#include <cstdint>

namespace axvm {

/// A set of bits with upstream's values, as written in configurations ("7" is RWX).
enum class MappingFlags : std::uint32_t {
  None = 0,
  Read = 1U << 0,
  Write = 1U << 1,
  Execute = 1U << 2,
  User = 1U << 3,      ///< needed by formats whose guest mappings are user mappings (RISC-V)
  Device = 1U << 4,    ///< device memory: no gathering, no reordering
  Uncached = 1U << 5,  ///< normal memory, not cacheable
};

inline constexpr std::uint32_t kAllMappingFlags = 0x3f;

[[nodiscard]] constexpr MappingFlags operator|(MappingFlags a, MappingFlags b) noexcept {
  return static_cast<MappingFlags>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
[[nodiscard]] constexpr MappingFlags operator&(MappingFlags a, MappingFlags b) noexcept {
  return static_cast<MappingFlags>(static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b));
}
/// All flags that are not in `a`.
[[nodiscard]] constexpr MappingFlags operator~(MappingFlags a) noexcept {
  return static_cast<MappingFlags>(~static_cast<std::uint32_t>(a) & kAllMappingFlags);
}

inline constexpr MappingFlags kReadWrite = MappingFlags::Read | MappingFlags::Write;
inline constexpr MappingFlags kReadWriteExecute = kReadWrite | MappingFlags::Execute;

/// True when every flag of `wanted` is in `flags`.
[[nodiscard]] constexpr bool has_all(MappingFlags flags, MappingFlags wanted) noexcept {
  return (flags & wanted) == wanted;
}
/// True when some flag of `wanted` is in `flags`.
[[nodiscard]] constexpr bool has_any(MappingFlags flags, MappingFlags wanted) noexcept {
  return (flags & wanted) != MappingFlags::None;
}

}  // namespace axvm
