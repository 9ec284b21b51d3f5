#include <core/devices/ns16550.hpp>
#include <span>

namespace axvm {
namespace {

enum Register : std::uint64_t {  // PC16550D, table II
  kData = 0,                     ///< RBR, THR; with DLAB: DLL
  kInterruptEnable = 1,          ///< with DLAB: DLM
  kInterruptIdentity = 2,        ///< written: FCR
  kLineControl = 3,
  kModemControl = 4,
  kLineStatus = 5,
  kModemStatus = 6,
  kScratch = 7,
};

// IER
constexpr std::uint8_t kEnableReceived = 1U << 0;
constexpr std::uint8_t kEnableTransmitter = 1U << 1;
constexpr std::uint8_t kEnableLineStatus = 1U << 2;
constexpr std::uint8_t kEnables = 0x0f;
// IIR (table IV)
constexpr std::uint8_t kNoInterrupt = 0x1;
constexpr std::uint8_t kTransmitterEmpty = 0x2;
constexpr std::uint8_t kReceivedData = 0x4;
constexpr std::uint8_t kReceiverStatus = 0x6;
constexpr std::uint8_t kCharacterTimeout = 0xc;
constexpr std::uint8_t kFifosEnabled = 0xc0;
// FCR
constexpr std::uint8_t kFifoEnable = 1U << 0;
constexpr std::uint8_t kResetReceiver = 1U << 1;
constexpr std::uint8_t kResetTransmitter = 1U << 2;
constexpr std::uint8_t kKeptFifoControl = 0xc9;
// LCR, MCR
constexpr std::uint8_t kDivisorLatch = 1U << 7;
constexpr std::uint8_t kModemControls = 0x1f;
constexpr std::uint8_t kDtr = 1U << 0;
constexpr std::uint8_t kRts = 1U << 1;
constexpr std::uint8_t kLoop = 1U << 4;
// LSR
constexpr std::uint8_t kDataReady = 1U << 0;
constexpr std::uint8_t kOverrun = 1U << 1;
constexpr std::uint8_t kTransmitterIdle = 0x60;  ///< THRE, TEMT
/// MSR: carrier, data set ready, clear to send; nobody ever hangs up.
constexpr std::uint8_t kConnected = 0xb0;

}  // namespace

Result<std::uint64_t> Ns16550::read(std::uint64_t offset, AccessWidth) {
  poll_console();
  const std::uint8_t value = read_register(offset);
  line_.set(interrupt_asserted());
  return value;
}

Result<> Ns16550::write(std::uint64_t offset, AccessWidth, std::uint64_t value) {
  write_register(offset, static_cast<std::uint8_t>(value));
  poll_console();
  line_.set(interrupt_asserted());
  return {};
}

std::uint8_t Ns16550::read_register(std::uint64_t offset) {
  switch (offset) {
    case kData: return selects_divisor() ? static_cast<std::uint8_t>(divisor_) : take_received();
    case kInterruptEnable:
      return selects_divisor() ? static_cast<std::uint8_t>(divisor_ >> 8) : interrupt_enable_;
    case kInterruptIdentity: {
      const std::uint8_t identity = interrupt_identity();
      if (identity == kTransmitterEmpty) transmitter_interrupts_ = false;  // table IV
      return has_fifos() ? identity | kFifosEnabled : identity;
    }
    case kLineControl: return line_control_;
    case kModemControl: return modem_control_;
    case kLineStatus: {
      const std::uint8_t status = line_status();
      overrun_ = false;
      return status;
    }
    case kModemStatus: return modem_status();
    case kScratch: return scratch_;
    default: return 0;
  }
}

void Ns16550::write_register(std::uint64_t offset, std::uint8_t value) {
  switch (offset) {
    case kData:
      if (!selects_divisor()) return transmit(value);
      divisor_ = static_cast<std::uint16_t>((divisor_ & 0xff00) | value);
      return;
    case kInterruptEnable:
      if (!selects_divisor()) return write_interrupt_enable(value & kEnables);
      divisor_ = static_cast<std::uint16_t>((divisor_ & 0x00ff) | value << 8);
      return;
    case kInterruptIdentity: return write_fifo_control(value);
    case kLineControl: line_control_ = value; return;
    case kModemControl: modem_control_ = value & kModemControls; return;
    case kScratch: scratch_ = value; return;
    default: return;  // read-only registers, and what is behind them
  }
}

// An empty transmitter interrupts anew whenever its interrupt is switched on, though IIR has named
// it before: drivers start their output that way.
void Ns16550::write_interrupt_enable(std::uint8_t value) {
  const bool changed = ((interrupt_enable_ ^ value) & kEnableTransmitter) != 0;
  interrupt_enable_ = value;
  if (changed) transmitter_interrupts_ = (value & kEnableTransmitter) != 0;
}

void Ns16550::write_fifo_control(std::uint8_t value) {
  const bool changed = ((fifo_control_ ^ value) & kFifoEnable) != 0;
  if (changed || (value & kResetReceiver) != 0) fifo_size_ = 0;
  if (changed || (value & kResetTransmitter) != 0) transmitter_interrupts_ = true;
  fifo_control_ = value & kKeptFifoControl;
}

void Ns16550::transmit(std::uint8_t byte) {
  if (is_looped()) {
    receive(byte);
  } else {
    console_.write(byte);
  }
  transmitter_interrupts_ = true;  // it is empty again
}

void Ns16550::poll() {
  poll_console();
  line_.set(interrupt_asserted());
}

void Ns16550::poll_console() {
  if (is_looped()) return;
  while (fifo_size_ < depth()) {
    const std::optional<std::uint8_t> byte = console_.read();
    if (!byte) return;
    receive(*byte);
  }
}

void Ns16550::receive(std::uint8_t byte) {
  if (fifo_size_ < depth()) {
    fifo_[(fifo_head_ + fifo_size_) % kFifoDepth] = byte;
    ++fifo_size_;
    return;
  }
  overrun_ = true;
  // Without FIFOs the new byte takes the old one's place; with them it is lost.
  if (!has_fifos()) fifo_[fifo_head_] = byte;
}

std::uint8_t Ns16550::take_received() {
  if (fifo_size_ == 0) return 0;
  const std::uint8_t byte = fifo_[fifo_head_];
  fifo_head_ = (fifo_head_ + 1) % kFifoDepth;
  --fifo_size_;
  poll_console();
  return byte;
}

bool Ns16550::is_looped() const noexcept { return (modem_control_ & kLoop) != 0; }
bool Ns16550::selects_divisor() const noexcept { return (line_control_ & kDivisorLatch) != 0; }

std::size_t Ns16550::receive_trigger() const noexcept {
  if (!has_fifos()) return 1;
  switch (fifo_control_ >> 6) {  // table of FCR bits 7:6
    case 0: return 1;
    case 1: return 4;
    case 2: return 8;
    default: return 14;
  }
}

std::uint8_t Ns16550::interrupt_identity() const noexcept {
  const bool received = (interrupt_enable_ & kEnableReceived) != 0 && fifo_size_ != 0;
  if ((interrupt_enable_ & kEnableLineStatus) != 0 && overrun_) return kReceiverStatus;
  if (received) return fifo_size_ >= receive_trigger() ? kReceivedData : kCharacterTimeout;
  if ((interrupt_enable_ & kEnableTransmitter) != 0 && transmitter_interrupts_) {
    return kTransmitterEmpty;
  }
  return kNoInterrupt;
}

bool Ns16550::interrupt_asserted() const noexcept { return interrupt_identity() != kNoInterrupt; }

std::uint8_t Ns16550::line_status() const noexcept {
  std::uint8_t status = kTransmitterIdle;
  if (fifo_size_ != 0) status |= kDataReady;
  if (overrun_) status |= kOverrun;
  return status;
}

/// In a loop the modem's inputs are its outputs: RTS is CTS, DTR is DSR, OUT1 is RI, OUT2 is DCD.
std::uint8_t Ns16550::modem_status() const noexcept {
  if (!is_looped()) return kConnected;
  return static_cast<std::uint8_t>((modem_control_ & 0x0c) << 4 | (modem_control_ & kRts) << 3 |
                                   (modem_control_ & kDtr) << 5);
}

void Ns16550::reset() {
  fifo_ = {};
  fifo_head_ = fifo_size_ = 0;
  overrun_ = transmitter_interrupts_ = false;
  interrupt_enable_ = fifo_control_ = line_control_ = scratch_ = 0;
  modem_control_ = kResetModemControl;
  divisor_ = kResetDivisor;
  line_.set(false);
}

void Ns16550::describe(StateVisitor& visitor) {
  visitor.bytes("fifo"sv, std::as_writable_bytes(std::span(fifo_)));
  visitor.value("fifo_head"sv, fifo_head_);
  visitor.value("fifo_size"sv, fifo_size_);
  visitor.value("overrun"sv, overrun_);
  visitor.value("transmitter_interrupts"sv, transmitter_interrupts_);
  visitor.value("interrupt_enable"sv, interrupt_enable_);
  visitor.value("fifo_control"sv, fifo_control_);
  visitor.value("line_control"sv, line_control_);
  visitor.value("modem_control"sv, modem_control_);
  visitor.value("scratch"sv, scratch_);
  visitor.value("divisor"sv, divisor_);
  fifo_head_ %= kFifoDepth;  // a restored state may be anything
  if (fifo_size_ > depth()) fifo_size_ = depth();
}

}  // namespace axvm
