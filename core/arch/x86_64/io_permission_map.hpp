#pragma once
// The I/O permission map: which ports a guest may access without an exit (APM Vol. 2 15.10.1).

#include <core/devices/device.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::x86_64 {

/// Over the memory that IOPM_BASE_PA names: three frames side by side.
class IoPermissionMap {
 public:
  static constexpr std::size_t kSize = 3 * 4096;
  /// A bit for each port, and for the three that an access of four bytes reaches beyond the last.
  static constexpr std::uint32_t kBits = 0x1'0003;

  /// What is there stays. `bytes` outlive the map.
  explicit constexpr IoPermissionMap(std::span<std::uint8_t, kSize> bytes) noexcept
      : bytes_(bytes) {}

  /// Every access exits.
  constexpr void intercept_all() noexcept {
    for (std::uint8_t& byte : bytes_) byte = 0xff;
  }
  /// Accesses of any of `count` ports exit, or no more; what is beyond kBits is ignored.
  constexpr void intercept(std::uint32_t first, std::uint32_t count, bool wanted = true) noexcept {
    for (std::uint32_t port = first; port < kBits && port - first < count; ++port) {
      const auto bit = static_cast<std::uint8_t>(1U << port % 8);
      std::uint8_t& byte = bytes_[port / 8];
      byte = static_cast<std::uint8_t>(wanted ? byte | bit : byte & ~bit);
    }
  }
  /// Whether an access exits: if any of its bytes' ports is intercepted.
  [[nodiscard]] constexpr bool intercepts(std::uint16_t port, AccessWidth width) const noexcept {
    for (std::uint32_t n = 0; n < bytes(width) && n < 4; ++n) {
      const std::uint32_t bit = std::uint32_t{port} + n;
      if ((bytes_[bit / 8] >> bit % 8 & 1) != 0) return true;
    }
    return false;
  }

 private:
  std::span<std::uint8_t, kSize> bytes_;
};

}  // namespace axvm::x86_64
