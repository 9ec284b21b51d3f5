#pragma once
// National Semiconductor 16550A UART. Data sheet: PC16550D; where it leaves open what software has
// come to rely on, as QEMU's.

#include <array>
#include <axvm/state.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace axvm {

/// The line runs at any speed: bytes leave at once, and arrive when the guest looks for them. So
/// the transmitter is always empty, and the character timeout is immediate. Registers are a byte
/// wide, one per byte.
class Ns16550 final : public Device {
 public:
  /// `range` holds 8 bytes at least. `console` outlives the device.
  Ns16550(std::string_view name, BusRange range, Console& console, InterruptLine line) noexcept
      : Device(name, range), console_(console), line_(line) {}

  /// An access of any width is one of the register at its offset; reads are zero above it.
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

  /// INTR: IIR names some interrupt.
  [[nodiscard]] bool interrupt_asserted() const noexcept;

  /// Looks whether bytes have arrived.
  void poll() override;
  /// Bytes that have arrived are lost.
  void reset() override;
  void describe(StateVisitor& visitor) override;

 private:
  static constexpr std::size_t kFifoDepth = 16;
  static constexpr std::uint16_t kResetDivisor = 12;  ///< 9600 baud from 1.8432 MHz
  static constexpr std::uint8_t kResetModemControl = 0x08;

  [[nodiscard]] std::uint8_t read_register(std::uint64_t offset);
  void write_register(std::uint64_t offset, std::uint8_t value);
  void write_interrupt_enable(std::uint8_t value);
  void write_fifo_control(std::uint8_t value);
  void transmit(std::uint8_t byte);
  void receive(std::uint8_t byte);
  [[nodiscard]] std::uint8_t take_received();
  /// Fetches bytes that have arrived, as far as there is room.
  void poll_console();

  [[nodiscard]] bool has_fifos() const noexcept { return (fifo_control_ & 1) != 0; }
  [[nodiscard]] bool is_looped() const noexcept;
  [[nodiscard]] bool selects_divisor() const noexcept;
  [[nodiscard]] std::size_t depth() const noexcept { return has_fifos() ? kFifoDepth : 1; }
  [[nodiscard]] std::size_t receive_trigger() const noexcept;
  /// IIR bits 3:0.
  [[nodiscard]] std::uint8_t interrupt_identity() const noexcept;
  [[nodiscard]] std::uint8_t line_status() const noexcept;
  [[nodiscard]] std::uint8_t modem_status() const noexcept;

  Console& console_;
  InterruptLine line_;
  std::array<std::uint8_t, kFifoDepth> fifo_{};  ///< of the receiver
  std::size_t fifo_head_ = 0;
  std::size_t fifo_size_ = 0;
  bool overrun_ = false;                 ///< LSR.OE
  bool transmitter_interrupts_ = false;  ///< THRE, not yet seen in IIR
  std::uint8_t interrupt_enable_ = 0;
  std::uint8_t fifo_control_ = 0;
  std::uint8_t line_control_ = 0;
  std::uint8_t modem_control_ = kResetModemControl;
  std::uint8_t scratch_ = 0;
  std::uint16_t divisor_ = kResetDivisor;
};

}  // namespace axvm
