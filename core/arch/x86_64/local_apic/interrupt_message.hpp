#pragma once
// What local APICs are sent: by each other (ICR, APM Vol. 2 16.5), by IO-APICs, and by devices as
// memory writes (MSI, SDM Vol. 3A 11.11).

#include <cstdint>

namespace axvm::x86_64 {

/// Values without a name do not exist in 3 bits.
enum class DeliveryMode : std::uint8_t {
  Fixed = 0,
  LowestPriority = 1,  ///< to one of those that are named
  Smi = 2,
  RemoteRead = 3,
  Nmi = 4,
  Init = 5,
  Startup = 6,
  External = 7,  ///< the vector is a PIC's to tell
};

/// Whom a message is for.
struct MessageDestination {
  enum class Shorthand : std::uint8_t { None, Self, AllIncludingSelf, AllExcludingSelf };

  Shorthand shorthand = Shorthand::None;
  bool is_logical = false;    ///< None: `id` is compared with LDR, else with the APIC's ID
  bool is_broadcast = false;  ///< None: `id` is all ones, as wide as the sender has it
  std::uint32_t id = 0;

  friend constexpr bool operator==(const MessageDestination&, const MessageDestination&) = default;
};

struct InterruptMessage {
  std::uint8_t vector = 0;  ///< Startup: the page where the processor begins
  DeliveryMode mode = DeliveryMode::Fixed;
  bool is_level = false;    ///< level-triggered
  bool is_asserted = true;  ///< else INIT Level De-assert, of which nothing comes
  MessageDestination destination{};

  /// ICR, of 64 bits. x2APIC: destinations have 32 bits instead of 8 (APM Vol. 2 16.13).
  [[nodiscard]] static constexpr InterruptMessage of_command(std::uint64_t icr,
                                                             bool is_x2apic) noexcept {
    const auto id = static_cast<std::uint32_t>(is_x2apic ? icr >> 32 : icr >> 56);
    return {.vector = static_cast<std::uint8_t>(icr),
            .mode = static_cast<DeliveryMode>(icr >> 8 & 7),
            .is_level = (icr >> 15 & 1) != 0,
            .is_asserted = (icr >> 14 & 1) != 0 || (icr >> 15 & 1) == 0,
            .destination = {.shorthand = static_cast<MessageDestination::Shorthand>(icr >> 18 & 3),
                            .is_logical = (icr >> 11 & 1) != 0,
                            .is_broadcast = id == (is_x2apic ? 0xffff'ffff : 0xff),
                            .id = id}};
  }

  /// What a device writes: `address` in the window of 0xfee00000, and `data`.
  [[nodiscard]] static constexpr InterruptMessage of_write(std::uint64_t address,
                                                           std::uint32_t data) noexcept {
    const auto id = static_cast<std::uint8_t>(address >> 12);
    return {.vector = static_cast<std::uint8_t>(data),
            .mode = static_cast<DeliveryMode>(data >> 8 & 7),
            .is_level = (data >> 15 & 1) != 0,
            .is_asserted = (data >> 14 & 1) != 0 || (data >> 15 & 1) == 0,
            .destination = {
                .is_logical = (address >> 2 & 1) != 0, .is_broadcast = id == 0xff, .id = id}};
  }

  friend constexpr bool operator==(const InterruptMessage&, const InterruptMessage&) = default;
};

}  // namespace axvm::x86_64
