#pragma once
// Arm PrimeCell UART (PL011), r1p5. Technical Reference Manual: DDI 0183.

#include <array>
#include <axvm/state.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <cstdint>
#include <string_view>

namespace axvm {

/// The line runs at any speed: bytes leave at once, and arrive when the guest looks for them. The
/// port is found as firmware leaves it, enabled (CR = 0x301), since VMs start without firmware.
/// Interrupt state follows the manual; receive timeout is immediate.
class Pl011 final : public Device {
 public:
  /// `range` is usually 4 KiB. `console` outlives the device.
  Pl011(std::string_view name, BusRange range, Console& console, InterruptLine line) noexcept
      : Device(name, range), console_(console), line_(line) {}

  /// Registers are 32 bits wide, one per word. Narrower reads give part of one, wider ones are
  /// zero above it; writes away from a register's start are ignored.
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

  /// UARTINTR: some interrupt is raised and not masked (UARTMIS is not 0).
  [[nodiscard]] bool interrupt_asserted() const noexcept { return masked_status() != 0; }

  /// Looks whether bytes have arrived.
  void poll() override;
  /// Bytes that have arrived are lost.
  void reset() override;
  void describe(StateVisitor& visitor) override;

 private:
  static constexpr std::size_t kFifoDepth = 16;
  static constexpr std::uint32_t kResetControl = 0x301;
  static constexpr std::uint32_t kResetFifoLevels = 0x12;

  std::uint32_t read_register(std::uint64_t offset, bool whole);
  void write_register(std::uint64_t offset, std::uint32_t value);

  void receive(std::uint8_t byte);
  void transmit(std::uint8_t byte);
  std::uint8_t take_received();
  /// Fetches bytes that have arrived, as far as there is room.
  void poll_console();
  void update_receive_status();

  [[nodiscard]] std::size_t depth() const noexcept;
  [[nodiscard]] std::size_t receive_trigger() const noexcept;
  [[nodiscard]] std::uint32_t flags() const noexcept;
  [[nodiscard]] std::uint32_t masked_status() const noexcept { return raw_status_ & mask_; }

  Console& console_;
  InterruptLine line_;  ///< UARTINTR
  std::array<std::uint8_t, kFifoDepth> fifo_{};
  std::size_t fifo_head_ = 0;
  std::size_t fifo_size_ = 0;
  std::uint32_t receive_errors_ = 0;              ///< UARTRSR: only overrun can happen
  std::uint32_t low_power_ = 0;                   ///< UARTILPR
  std::uint32_t baud_integer_ = 0;                ///< UARTIBRD
  std::uint32_t baud_fraction_ = 0;               ///< UARTFBRD
  std::uint32_t line_control_ = 0;                ///< UARTLCR_H
  std::uint32_t control_ = kResetControl;         ///< UARTCR
  std::uint32_t fifo_levels_ = kResetFifoLevels;  ///< UARTIFLS
  std::uint32_t mask_ = 0;                        ///< UARTIMSC
  std::uint32_t raw_status_ = 0;                  ///< UARTRIS
  std::uint32_t dma_control_ = 0;                 ///< UARTDMACR
};

}  // namespace axvm
