#pragma once
// How rings look in memory. VIRTIO 1.2, 2.7 and 2.8.

#include <cstdint>

namespace axvm::virtio {

inline constexpr std::uint64_t kDescriptorSize = 16;

// Flags of a descriptor (2.7.5, 2.8.13).
inline constexpr std::uint16_t kNext = 1 << 0;
inline constexpr std::uint16_t kWrite = 1 << 1;
inline constexpr std::uint16_t kIndirect = 1 << 2;
inline constexpr std::uint16_t kAvailable = 1 << 7;
inline constexpr std::uint16_t kUsed = 1 << 15;

// Split: flags and index before the ring's elements (2.7.6, 2.7.8).
inline constexpr std::uint64_t kRingIndex = 2;
inline constexpr std::uint64_t kRingHeader = 4;
inline constexpr std::uint64_t kUsedElement = 8;
inline constexpr std::uint16_t kNoInterrupt = 1;

// Packed: event suppression structures (2.8.14): offset and wrap, then flags.
inline constexpr std::uint64_t kEventSize = 4;
inline constexpr std::uint32_t kEventEnable = 0;
inline constexpr std::uint16_t kEventDisable = 1;
inline constexpr std::uint16_t kEventDescriptor = 2;

}  // namespace axvm::virtio
