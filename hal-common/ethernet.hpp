#pragma once
// What an Ethernet switch knows: which address is behind which port (IEEE 802.1D, 7.8).

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::hal_common {

/// Bounds of a frame without its check sequence: two addresses and a type; 1500 bytes behind them
/// and a tag.
inline constexpr std::size_t kLeastFrame = 14;
inline constexpr std::size_t kMostFrame = 1518;

/// Bytes 0..5, first octet lowest.
using EthernetAddress = std::uint64_t;

[[nodiscard]] constexpr EthernetAddress address_at(std::span<const std::byte> frame,
                                                   std::size_t offset) noexcept {
  EthernetAddress address = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    address |= std::to_integer<EthernetAddress>(frame[offset + i]) << (8 * i);
  }
  return address;
}
[[nodiscard]] constexpr EthernetAddress target_of(std::span<const std::byte> frame) noexcept {
  return address_at(frame, 0);
}
[[nodiscard]] constexpr EthernetAddress source_of(std::span<const std::byte> frame) noexcept {
  return address_at(frame, 6);
}

/// Learns from the frames that pass. When it is full it learns no new addresses.
class AddressTable {
 public:
  static constexpr std::size_t kCapacity = 1024;

  struct Entry {
    EthernetAddress address = 0;
    std::size_t port = 0;
  };

  /// A frame from `address` came in by `port`.
  constexpr void learn(EthernetAddress address, std::size_t port) noexcept {
    if (is_group(address)) return;  // no card's
    const std::size_t at = place_of(address);
    if (at < count_ && entries_[at].address == address) {
      entries_[at].port = port;
      return;
    }
    if (count_ == kCapacity) return;
    for (std::size_t n = count_++; n > at; --n) entries_[n] = entries_[n - 1];
    entries_[at] = {address, port};
  }

  /// The only port for frames to `address`; nothing: they go to all others.
  [[nodiscard]] constexpr std::optional<std::size_t> find(EthernetAddress address) const noexcept {
    const std::size_t at = place_of(address);
    if (is_group(address) || at == count_ || entries_[at].address != address) return std::nullopt;
    return entries_[at].port;
  }

  /// In ascending order of their addresses.
  [[nodiscard]] constexpr std::span<const Entry> entries() const noexcept {
    return std::span(entries_).first(count_);
  }

 private:
  static constexpr bool is_group(EthernetAddress address) noexcept { return (address & 1) != 0; }

  /// Of the first entry that is not below `address`.
  [[nodiscard]] constexpr std::size_t place_of(EthernetAddress address) const noexcept {
    std::size_t low = 0;
    std::size_t high = count_;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (entries_[middle].address < address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  std::array<Entry, kCapacity> entries_{};
  std::size_t count_ = 0;
};

}  // namespace axvm::hal_common
