#include <core/devices/pl011.hpp>
#include <span>

namespace axvm {
namespace {

enum Register : std::uint64_t {  // DDI 0183 table 3-1
  kDr = 0x000,
  kRsr = 0x004,
  kFr = 0x018,
  kIlpr = 0x020,
  kIbrd = 0x024,
  kFbrd = 0x028,
  kLcrH = 0x02c,
  kCr = 0x030,
  kIfls = 0x034,
  kImsc = 0x038,
  kRis = 0x03c,
  kMis = 0x040,
  kIcr = 0x044,
  kDmacr = 0x048,
  kFirstId = 0xfe0,
  kLastId = 0xffc,
};

constexpr std::uint32_t kFlagRxEmpty = 1U << 4;
constexpr std::uint32_t kFlagRxFull = 1U << 6;
constexpr std::uint32_t kFlagTxEmpty = 1U << 7;
constexpr std::uint32_t kLineFifoEnable = 1U << 4;
constexpr std::uint32_t kUartEnable = 1U << 0;
constexpr std::uint32_t kLoopback = 1U << 7;
constexpr std::uint32_t kTransmitEnable = 1U << 8;
constexpr std::uint32_t kReceiveEnable = 1U << 9;
constexpr std::uint32_t kInterruptRx = 1U << 4;
constexpr std::uint32_t kInterruptTx = 1U << 5;
constexpr std::uint32_t kInterruptRxTimeout = 1U << 6;
constexpr std::uint32_t kInterruptOverrun = 1U << 10;
constexpr std::uint32_t kAllInterrupts = 0x7ff;
constexpr std::uint32_t kErrorOverrun = 1U << 3;

/// UARTPeriphID0..3 and UARTPCellID0..3 (3.3.15 to 3.3.22).
constexpr std::array<std::uint8_t, 8> kIdentification{0x11, 0x10, 0x34, 0x00,
                                                      0x0d, 0xf0, 0x05, 0xb1};

}  // namespace

Result<std::uint64_t> Pl011::read(std::uint64_t offset, AccessWidth width) {
  const unsigned byte = static_cast<unsigned>(offset & 3);
  const std::uint32_t value = read_register(offset & ~std::uint64_t{3}, byte == 0);
  line_.set(interrupt_asserted());
  return truncate(value >> (8 * byte), width);
}

Result<> Pl011::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  if ((offset & 3) == 0) {
    write_register(offset, static_cast<std::uint32_t>(truncate(value, width)));
    line_.set(interrupt_asserted());
  }
  return {};
}

std::uint32_t Pl011::read_register(std::uint64_t offset, bool whole) {
  poll_console();
  switch (offset) {
    case kDr: return whole ? take_received() : 0;
    case kRsr: return receive_errors_;
    case kFr: return flags();
    case kIlpr: return low_power_;
    case kIbrd: return baud_integer_;
    case kFbrd: return baud_fraction_;
    case kLcrH: return line_control_;
    case kCr: return control_;
    case kIfls: return fifo_levels_;
    case kImsc: return mask_;
    case kRis: return raw_status_;
    case kMis: return masked_status();
    case kDmacr: return dma_control_;
    default:
      if (offset >= kFirstId && offset <= kLastId) return kIdentification[(offset - kFirstId) / 4];
      return 0;
  }
}

void Pl011::write_register(std::uint64_t offset, std::uint32_t value) {
  switch (offset) {
    case kDr: return transmit(static_cast<std::uint8_t>(value));
    case kRsr: receive_errors_ = 0; return;  // UARTECR: any value clears
    case kIlpr: low_power_ = value & 0xff; return;
    case kIbrd: baud_integer_ = value & 0xffff; return;
    case kFbrd: baud_fraction_ = value & 0x3f; return;
    case kLcrH:
      if (((line_control_ ^ value) & kLineFifoEnable) != 0) fifo_size_ = 0;  // FEN flushes
      line_control_ = value & 0xff;
      update_receive_status();
      return;
    case kCr: control_ = value & 0xff87; return;
    case kIfls:
      fifo_levels_ = value & 0x3f;
      update_receive_status();
      return;
    case kImsc:
      mask_ = value & kAllInterrupts;
      poll_console();
      return;
    case kIcr: raw_status_ &= ~value; return;
    case kDmacr: dma_control_ = value & 0x7; return;
    default: return;  // read-only and reserved registers
  }
}

void Pl011::transmit(std::uint8_t byte) {
  if ((control_ & kUartEnable) == 0 || (control_ & kTransmitEnable) == 0) return;
  if ((control_ & kLoopback) != 0) {
    receive(byte);
  } else {
    console_.write(byte);
  }
  raw_status_ |= kInterruptTx;  // the FIFO has drained to its level at once
}

void Pl011::poll() {
  poll_console();
  line_.set(interrupt_asserted());
}

void Pl011::poll_console() {
  const bool enabled = (control_ & kUartEnable) != 0 && (control_ & kReceiveEnable) != 0;
  if (!enabled || (control_ & kLoopback) != 0) return;
  while (fifo_size_ < depth()) {
    const std::optional<std::uint8_t> byte = console_.read();
    if (!byte) return;
    receive(*byte);
  }
}

void Pl011::receive(std::uint8_t byte) {
  if (fifo_size_ == depth()) {
    receive_errors_ |= kErrorOverrun;
    raw_status_ |= kInterruptOverrun;
    return;
  }
  fifo_[(fifo_head_ + fifo_size_) % kFifoDepth] = byte;
  ++fifo_size_;
  if (fifo_size_ >= receive_trigger()) raw_status_ |= kInterruptRx;
  raw_status_ |= kInterruptRxTimeout;
}

std::uint8_t Pl011::take_received() {
  if (fifo_size_ == 0) return 0;
  const std::uint8_t byte = fifo_[fifo_head_];
  fifo_head_ = (fifo_head_ + 1) % kFifoDepth;
  --fifo_size_;
  update_receive_status();
  return byte;
}

void Pl011::update_receive_status() {
  if (fifo_size_ < receive_trigger()) raw_status_ &= ~kInterruptRx;
  if (fifo_size_ == 0) raw_status_ &= ~kInterruptRxTimeout;
}

std::size_t Pl011::depth() const noexcept {
  return (line_control_ & kLineFifoEnable) != 0 ? kFifoDepth : 1;
}

std::size_t Pl011::receive_trigger() const noexcept {
  if (depth() == 1) return 1;
  switch ((fifo_levels_ >> 3) & 7) {  // UARTIFLS.RXIFLSEL: 1/8, 1/4, 1/2, 3/4, 7/8
    case 0: return 2;
    case 1: return 4;
    case 2: return 8;
    case 3: return 12;
    default: return 14;
  }
}

std::uint32_t Pl011::flags() const noexcept {
  std::uint32_t flags = kFlagTxEmpty;
  if (fifo_size_ == 0) flags |= kFlagRxEmpty;
  if (fifo_size_ == depth()) flags |= kFlagRxFull;
  return flags;
}

void Pl011::reset() {
  fifo_ = {};
  fifo_head_ = fifo_size_ = 0;
  receive_errors_ = low_power_ = baud_integer_ = baud_fraction_ = line_control_ = 0;
  control_ = kResetControl;
  fifo_levels_ = kResetFifoLevels;
  mask_ = raw_status_ = dma_control_ = 0;
  line_.set(false);
}

void Pl011::describe(StateVisitor& visitor) {
  visitor.bytes("fifo"sv, std::as_writable_bytes(std::span(fifo_)));
  visitor.value("fifo_head"sv, fifo_head_);
  visitor.value("fifo_size"sv, fifo_size_);
  visitor.value("receive_errors"sv, receive_errors_);
  visitor.value("low_power"sv, low_power_);
  visitor.value("baud_integer"sv, baud_integer_);
  visitor.value("baud_fraction"sv, baud_fraction_);
  visitor.value("line_control"sv, line_control_);
  fifo_head_ %= kFifoDepth;  // a restored state may be anything
  if (fifo_size_ > depth()) fifo_size_ = depth();
  visitor.value("control"sv, control_);
  visitor.value("fifo_levels"sv, fifo_levels_);
  visitor.value("mask"sv, mask_);
  visitor.value("raw_status"sv, raw_status_);
  visitor.value("dma_control"sv, dma_control_);
}

}  // namespace axvm
