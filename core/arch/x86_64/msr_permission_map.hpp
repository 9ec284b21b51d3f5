#pragma once
// The MSR permission map: which model-specific registers a guest may read and write without an exit
// (APM Vol. 2 15.11).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::x86_64 {

/// What of an MSR exits: the map's two bits.
enum class MsrIntercept : std::uint8_t { None = 0b00, Read = 0b01, Write = 0b10, Both = 0b11 };

/// Over the memory that MSRPM_BASE_PA names: two frames side by side.
class MsrPermissionMap {
 public:
  static constexpr std::size_t kSize = 2 * 4096;

  /// What is there stays. `bytes` outlive the map.
  explicit constexpr MsrPermissionMap(std::span<std::uint8_t, kSize> bytes) noexcept
      : bytes_(bytes) {}

  /// The lower of the MSR's two bits in the map, which are in one byte; nothing for those that have
  /// none, which always exit.
  [[nodiscard]] static constexpr std::optional<std::uint32_t> bit_of(std::uint32_t msr) noexcept {
    for (std::uint32_t n = 0; n < 3; ++n) {
      if (msr - kRanges[n] < kMsrsInRange) return (n * kMsrsInRange + msr - kRanges[n]) * 2;
    }
    return std::nullopt;
  }

  /// Every access exits.
  constexpr void intercept_all() noexcept {
    for (std::uint8_t& byte : bytes_) byte = 0xff;
  }
  /// False for an MSR that the map does not have.
  constexpr bool intercept(std::uint32_t msr, MsrIntercept what) noexcept {
    const auto bit = bit_of(msr);
    if (!bit) return false;
    std::uint8_t& byte = bytes_[*bit / 8];
    byte = static_cast<std::uint8_t>((byte & ~(3U << *bit % 8)) | static_cast<unsigned>(what)
                                                                      << *bit % 8);
    return true;
  }
  [[nodiscard]] constexpr MsrIntercept intercepted(std::uint32_t msr) const noexcept {
    const auto bit = bit_of(msr);
    if (!bit) return MsrIntercept::Both;
    return static_cast<MsrIntercept>(bytes_[*bit / 8] >> *bit % 8 & 3);
  }

 private:
  static constexpr std::uint32_t kRanges[] = {0, 0xc000'0000, 0xc001'0000};
  static constexpr std::uint32_t kMsrsInRange = 0x2000;

  std::span<std::uint8_t, kSize> bytes_;
};

/// EFER and the first of the third range: bytes 820h and 1000h.
static_assert(MsrPermissionMap::bit_of(0xc000'0080) == 0x820U * 8);
static_assert(MsrPermissionMap::bit_of(0xc001'0000) == 0x1000U * 8);

}  // namespace axvm::x86_64
