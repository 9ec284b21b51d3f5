#include <array>
#include <core/devices/pl031.hpp>

namespace axvm {
namespace {

enum Register : std::uint64_t {  // DDI 0224 table 3-1
  kDr = 0x000,
  kMr = 0x004,
  kLr = 0x008,
  kCr = 0x00c,
  kImsc = 0x010,
  kRis = 0x014,
  kMis = 0x018,
  kIcr = 0x01c,
  kFirstId = 0xfe0,
  kLastId = 0xffc,
};

constexpr std::uint64_t kNanoseconds = 1'000'000'000;
/// Seconds whose nanoseconds have 64 bits.
constexpr std::uint64_t kLastSecond = UINT64_MAX / kNanoseconds;

/// RTCPeriphID0..3 and RTCPCellID0..3 (3.3.9, 3.3.10).
constexpr std::array<std::uint8_t, 8> kIdentification{0x31, 0x10, 0x14, 0x00,
                                                      0x0d, 0xf0, 0x05, 0xb1};

}  // namespace

Result<std::uint64_t> Pl031::read(std::uint64_t offset, AccessWidth width) {
  update();
  const std::uint32_t value = read_register(offset & ~std::uint64_t{3});
  return truncate(value >> (8 * (offset & 3)), width);
}

Result<> Pl031::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  update();
  if (offset % 4 == 0) write_register(offset, static_cast<std::uint32_t>(truncate(value, width)));
  update();
  return {};
}

std::uint32_t Pl031::read_register(std::uint64_t offset) {
  switch (offset) {
    case kDr: return now();
    case kMr: return match_;
    case kLr: return load_;
    case kCr: return 1;
    case kImsc: return is_unmasked_ ? 1 : 0;
    case kRis: return is_raised_ ? 1 : 0;
    case kMis: return is_raised_ && is_unmasked_ ? 1 : 0;
    default:
      if (offset >= kFirstId && offset <= kLastId) return kIdentification[(offset - kFirstId) / 4];
      return 0;
  }
}

void Pl031::write_register(std::uint64_t offset, std::uint32_t value) {
  switch (offset) {
    case kMr: match_ = value; return arm();
    case kLr:
      load_ = value;
      offset_ = value - static_cast<std::uint32_t>(seconds());
      return arm();
    case kImsc: is_unmasked_ = (value & 1) != 0; return;
    case kIcr:
      if ((value & 1) != 0) is_raised_ = false;
      return;
    default: return;  // read-only and reserved registers; RTCCR, which cannot be cleared
  }
}

void Pl031::arm() {
  is_armed_ = true;
  due_ = seconds() + static_cast<std::uint32_t>(match_ - now());
}

// After a match the next one is 2^32 seconds away.
void Pl031::update() {
  if (is_armed_ && seconds() >= due_) {
    is_armed_ = false;
    is_raised_ = true;
  }
  line_.set(is_raised_ && is_unmasked_);
}

void Pl031::poll() { update(); }

std::optional<std::uint64_t> Pl031::deadline() {
  if (!is_armed_ || !is_unmasked_ || due_ > kLastSecond) return std::nullopt;
  return due_ * kNanoseconds;
}

void Pl031::reset() {
  offset_ = epoch_;
  load_ = match_ = 0;
  is_armed_ = is_unmasked_ = is_raised_ = false;
  due_ = 0;
  line_.set(false);
}

void Pl031::describe(StateVisitor& visitor) {
  visitor.value("offset"sv, offset_);
  visitor.value("load"sv, load_);
  visitor.value("match"sv, match_);
  visitor.value("is_armed"sv, is_armed_);
  visitor.value("due"sv, due_);
  visitor.value("is_unmasked"sv, is_unmasked_);
  visitor.value("is_raised"sv, is_raised_);
}

}  // namespace axvm
