#pragma once
// Commands of an ITS: 32 bytes of its queue (IHI 0069, 5.3).

#include <array>
#include <core/devices/byte_order.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::aarch64 {

/// Bits [7:0] of a command.
enum class ItsOperation : std::uint8_t {
  Movi = 0x01,     ///< an event and its LPI go to another collection
  Int = 0x03,      ///< an event happens
  Clear = 0x04,    ///< its LPI is not pending any more
  Sync = 0x05,     ///< what a redistributor was told before has arrived
  Mapd = 0x08,     ///< a device has this table of events
  Mapc = 0x09,     ///< a collection is of this redistributor
  Mapti = 0x0a,    ///< an event is this LPI of that collection
  Mapi = 0x0b,     ///< the same, the LPI having the event's number
  Inv = 0x0c,      ///< an LPI's configuration has changed
  Invall = 0x0d,   ///< a collection's has
  Movall = 0x0e,   ///< all LPIs of a redistributor go to another one
  Discard = 0x0f,  ///< an event is nothing any more
};

/// A command's fields; which of them mean something depends on the operation.
struct ItsCommand {
  static constexpr std::size_t kSize = 32;

  constexpr explicit ItsCommand(std::span<const std::byte, kSize> bytes) noexcept {
    for (std::size_t i = 0; i < words.size(); ++i) {
      words[i] = load_le<std::uint64_t>(bytes.subspan(8 * i));
    }
  }

  /// May be none of the enumeration.
  [[nodiscard]] constexpr ItsOperation operation() const noexcept {
    return static_cast<ItsOperation>(words[0] & 0xff);
  }
  [[nodiscard]] constexpr std::uint32_t device() const noexcept { return high(words[0]); }
  [[nodiscard]] constexpr std::uint32_t event() const noexcept { return low(words[1]); }
  [[nodiscard]] constexpr std::uint32_t intid() const noexcept { return high(words[1]); }
  /// How many bits the events of MAPD's device have.
  [[nodiscard]] constexpr unsigned event_bits() const noexcept {
    return static_cast<unsigned>(words[1] & 0x1f) + 1;
  }
  [[nodiscard]] constexpr std::uint64_t event_table() const noexcept {
    return words[2] & 0x000f'ffff'ffff'ff00;
  }
  [[nodiscard]] constexpr bool valid() const noexcept { return (words[2] >> 63) != 0; }
  [[nodiscard]] constexpr std::uint32_t collection() const noexcept { return words[2] & 0xffff; }
  /// RDbase as GITS_TYPER.PTA = 0 has it: the redistributor's processor number.
  [[nodiscard]] constexpr std::uint64_t target() const noexcept { return processor(words[2]); }
  /// MOVALL's second one.
  [[nodiscard]] constexpr std::uint64_t other_target() const noexcept {
    return processor(words[3]);
  }

  std::array<std::uint64_t, 4> words{};

 private:
  static constexpr std::uint32_t low(std::uint64_t word) {
    return static_cast<std::uint32_t>(word);
  }
  static constexpr std::uint32_t high(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
  }
  static constexpr std::uint64_t processor(std::uint64_t word) {
    return (word >> 16) & 0x7'ffff'ffff;
  }
};

}  // namespace axvm::aarch64
