#include <core/devices/cfi_flash.hpp>
#include <cstring>

namespace axvm {
namespace {

// Commands of Intel's basic set, in the low byte of what is written.
enum Command : std::uint8_t {
  kLockBlock = 0x01,
  kProgramAlternate = 0x10,
  kEraseBlock = 0x20,
  kProgram = 0x40,
  kClearStatus = 0x50,
  kChangeLock = 0x60,
  kReadStatus = 0x70,
  kReadIdentifier = 0x90,
  kQuery = 0x98,
  kConfirm = 0xd0,
  kBufferedProgram = 0xe8,
  kResetAmd = 0xf0,
  kReadArray = 0xff,
};

enum StatusBit : std::uint8_t { kProgramError = 1 << 4, kEraseError = 1 << 5, kReady = 1 << 7 };

constexpr std::uint16_t kManufacturer = 0x89;  // Intel
constexpr std::uint16_t kDevice = 0x18;        // 28F128J3
constexpr unsigned kWordSize = 2;

// Of a power of two. <bit> would need the compiler's run-time library on some machines.
constexpr std::uint8_t exponent(std::uint64_t power) noexcept {
  std::uint8_t n = 0;
  while (power > 1) power >>= 1, ++n;
  return n;
}

// What query() computes from the bank's size is 0 here (JESD68.01, section 2; JEP137).
constexpr std::size_t kQuerySize = 0x35;
constexpr std::size_t kQuerySizeExponent = 0x27;
constexpr std::size_t kQueryBlockCount = 0x2d;  // and 0x2e: less one
constexpr std::array<std::uint8_t, kQuerySize> kQueryTable = [] {
  std::array<std::uint8_t, kQuerySize> t{};
  t[0x10] = 'Q', t[0x11] = 'R', t[0x12] = 'Y';
  t[0x13] = 0x01;                         // command set: Intel basic
  t[0x15] = 0x31;                         // where the table of the command set is
  t[0x1b] = 0x45, t[0x1c] = 0x55;         // supply of 4.5 to 5.5 V
  t[0x1f] = 7, t[0x20] = 7;               // typical times: 2^7 us for a word and for a buffer
  t[0x21] = 10;                           // 2^10 ms for a block's erasure
  t[0x23] = 4, t[0x24] = 4, t[0x25] = 4;  // 2^4 times as much at most
  t[0x28] = 0x02;                         // interface of 8 or 16 bits
  t[0x2a] = exponent(CfiFlash::kBufferSize);
  t[0x2c] = 1;  // one region of blocks of the same size
  t[0x2f] = (CfiFlash::kBlockSize / 256) & 0xff;
  t[0x30] = (CfiFlash::kBlockSize / 256) >> 8;
  t[0x31] = 'P', t[0x32] = 'R', t[0x33] = 'I', t[0x34] = '1';
  return t;
}();

}  // namespace

Result<Box<CfiFlash>> CfiFlash::try_make(Allocator allocator, std::string_view name,
                                         BusRange range) {
  auto cells = Array<std::byte>::try_make(allocator, range.size);
  if (!cells) return std::unexpected(cells.error());
  while (!cells->full()) cells->emplace_back(std::byte{0xff});
  return Box<CfiFlash>::try_make(allocator, name, range, std::move(*cells));
}

CfiFlash::CfiFlash(std::string_view name, BusRange range, Array<std::byte> cells) noexcept
    : Device(name, range), cells_(std::move(cells)), status_(kReady) {}

// --- reading -------------------------------------------------------------------------------------

Result<std::uint64_t> CfiFlash::read(std::uint64_t offset, AccessWidth width) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes(width); ++i) {
    const std::uint64_t at = offset + i;
    const auto byte =
        mode_ == Mode::Array
            ? std::to_integer<std::uint8_t>(cells_[at])
            : static_cast<std::uint8_t>(answer(at / kWordSize) >> (8 * (at % kWordSize)));
    value |= std::uint64_t{byte} << (8 * i);
  }
  return value;
}

std::uint16_t CfiFlash::answer(std::uint64_t index) const noexcept {
  if (mode_ == Mode::Query) return query(index);
  if (mode_ == Mode::Status) return status_;
  // The third word of each block says whether it is locked.
  if (index == 0) return kManufacturer;
  return index == 1 ? kDevice : 0;
}

std::uint8_t CfiFlash::query(std::uint64_t index) const noexcept {
  const std::uint64_t last_block = cells_.size() / kBlockSize - 1;
  switch (index) {
    case kQuerySizeExponent: return exponent(cells_.size());
    case kQueryBlockCount: return static_cast<std::uint8_t>(last_block);
    case kQueryBlockCount + 1: return static_cast<std::uint8_t>(last_block >> 8);
    default: return index < kQuerySize ? kQueryTable[index] : std::uint8_t{0};
  }
}

// --- writing -------------------------------------------------------------------------------------

Result<> CfiFlash::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  const auto low = static_cast<std::uint8_t>(value);
  switch (step_) {
    case Step::Command: command(low); break;
    case Step::Program:
      program(offset, value, bytes(width));
      step_ = Step::Command;
      break;
    case Step::EraseConfirm:
      if (low == kConfirm) {
        erase_block(offset);
        step_ = Step::Command;
      } else {
        refuse();
      }
      break;
    case Step::Lock:
      step_ = Step::Command;
      if (low != kConfirm && low != kLockBlock) refuse();
      break;
    case Step::BufferCount:
      buffer_left_ = std::uint32_t{low} + 1;
      buffer_begun_ = false;
      buffer_.fill(std::byte{0xff});
      step_ = Step::BufferData;
      if (buffer_left_ > kBufferSize) refuse();
      break;
    case Step::BufferData: take_buffer_data(offset, width, value); break;
    case Step::BufferConfirm:
      if (low == kConfirm) {
        program_buffer();
        step_ = Step::Command;
      } else {
        refuse();
      }
      break;
  }
  return {};
}

void CfiFlash::command(std::uint8_t value) {
  mode_ = Mode::Status;
  switch (value) {
    case kProgram:
    case kProgramAlternate: step_ = Step::Program; break;
    case kEraseBlock: step_ = Step::EraseConfirm; break;
    case kChangeLock: step_ = Step::Lock; break;
    case kBufferedProgram: step_ = Step::BufferCount; break;
    case kReadStatus: break;
    case kReadIdentifier: mode_ = Mode::Identifier; break;
    case kQuery: mode_ = Mode::Query; break;
    case kClearStatus:
      status_ = kReady;
      mode_ = Mode::Array;
      break;
    default: mode_ = Mode::Array; break;  // kReadArray, kResetAmd, and what is no command
  }
}

void CfiFlash::take_buffer_data(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  if (!buffer_begun_) buffer_base_ = offset & ~std::uint64_t{kBufferSize - 1};
  buffer_begun_ = true;
  const std::uint64_t at = offset - buffer_base_;
  const unsigned count = bytes(width);
  if (at > kBufferSize - count) return refuse();
  for (unsigned i = 0; i < count; ++i) {
    buffer_[at + i] = static_cast<std::byte>(value >> (8 * i));
  }
  if (--buffer_left_ == 0) step_ = Step::BufferConfirm;
}

void CfiFlash::program(std::uint64_t offset, std::uint64_t value, unsigned count) noexcept {
  for (unsigned i = 0; i < count; ++i) {
    cells_[offset + i] &= static_cast<std::byte>(value >> (8 * i));
  }
}

void CfiFlash::program_buffer() noexcept {
  for (std::size_t i = 0; i < kBufferSize; ++i) cells_[buffer_base_ + i] &= buffer_[i];
}

void CfiFlash::erase_block(std::uint64_t offset) noexcept {
  const std::uint64_t block = offset & ~(kBlockSize - 1);
  std::memset(cells_.begin() + block, 0xff, kBlockSize);
}

// A sequence of commands that is none: both errors at once say so.
void CfiFlash::refuse() noexcept {
  status_ |= kProgramError | kEraseError;
  mode_ = Mode::Status;
  step_ = Step::Command;
}

void CfiFlash::reset() {
  mode_ = Mode::Array;
  step_ = Step::Command;
  status_ = kReady;
  buffer_base_ = 0;
  buffer_left_ = 0;
  buffer_begun_ = false;
  buffer_.fill(std::byte{0});
}

void CfiFlash::describe(StateVisitor& visitor) {
  visitor.bytes("cells"sv, {cells_.begin(), cells_.size()});
  visitor.value("mode"sv, mode_);
  visitor.value("step"sv, step_);
  visitor.value("status"sv, status_);
  visitor.value("buffer_base"sv, buffer_base_);
  visitor.value("buffer_left"sv, buffer_left_);
  visitor.value("buffer_begun"sv, buffer_begun_);
  visitor.bytes("buffer"sv, buffer_);
  // Whatever a restoring visitor brought: the buffer lies in the bank.
  buffer_base_ &= (cells_.size() - 1) & ~std::uint64_t{kBufferSize - 1};
}

}  // namespace axvm
