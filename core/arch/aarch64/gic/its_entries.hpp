#pragma once
// The entries of an ITS's tables in guest memory. Their format is the implementation's (IHI 0069,
// 5.2); 8 bytes each, of which all zeros are an invalid entry. A guest may write what it likes.

#include <core/arch/aarch64/gic/lpis.hpp>
#include <cstdint>

namespace axvm::aarch64 {

inline constexpr std::uint64_t kItsEntrySize = 8;
/// GITS_TYPER.Devbits, IDbits and the collections' (CIL = 0), all as a number of bits.
inline constexpr unsigned kItsDeviceBits = 16;
inline constexpr unsigned kItsEventBits = 16;
inline constexpr unsigned kItsCollectionBits = 16;

/// A device: valid [63], address of its table of events [48:5] in units of 256 bytes, bits of its
/// events, less one [4:0].
struct ItsDevice {
  bool valid = false;
  std::uint64_t events = 0;  ///< guest-physical, a multiple of 256
  unsigned event_bits = 1;

  constexpr ItsDevice() = default;
  constexpr explicit ItsDevice(std::uint64_t entry) noexcept
      : valid((entry >> 63) != 0 && (entry & 0x1f) < kItsEventBits),
        events(((entry >> 5) & 0xfff'ffff'ffff) << 8),
        event_bits(static_cast<unsigned>(entry & 0x1f) + 1) {}
  [[nodiscard]] constexpr std::uint64_t encode() const noexcept {
    if (!valid) return 0;
    return 1ULL << 63 | (events >> 8) << 5 | (event_bits - 1);
  }
};

/// A collection: valid [63], its redistributor's processor number [47:16], its own number [15:0].
struct ItsCollection {
  bool valid = false;
  std::uint32_t vcpu = 0;

  constexpr ItsCollection() = default;
  constexpr explicit ItsCollection(std::uint64_t entry) noexcept
      : valid((entry >> 63) != 0), vcpu(static_cast<std::uint32_t>(entry >> 16) & 0xffff'ffff) {}
  [[nodiscard]] constexpr std::uint64_t encode(std::uint32_t number) const noexcept {
    return valid ? 1ULL << 63 | std::uint64_t{vcpu} << 16 | number : 0;
  }
};

/// An event: its LPI [47:16], its collection [15:0]. Valid when there is such an LPI.
struct ItsEvent {
  std::uint32_t intid = 0;
  std::uint32_t collection = 0;

  constexpr ItsEvent() = default;
  constexpr ItsEvent(std::uint32_t lpi, std::uint32_t of) noexcept : intid(lpi), collection(of) {}
  constexpr explicit ItsEvent(std::uint64_t entry) noexcept
      : intid(static_cast<std::uint32_t>(entry >> 16)), collection(entry & 0xffff) {}
  [[nodiscard]] constexpr bool valid() const noexcept { return is_lpi(intid); }
  [[nodiscard]] constexpr std::uint64_t encode() const noexcept {
    return std::uint64_t{intid} << 16 | collection;
  }
};

}  // namespace axvm::aarch64
