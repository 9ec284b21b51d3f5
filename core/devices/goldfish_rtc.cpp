#include <core/devices/goldfish_rtc.hpp>

namespace axvm {
namespace {

enum Register : std::uint64_t {
  kTimeLow = 0x00,
  kTimeHigh = 0x04,
  kAlarmLow = 0x08,
  kAlarmHigh = 0x0c,
  kInterruptEnabled = 0x10,
  kClearAlarm = 0x14,
  kAlarmStatus = 0x18,
  kClearInterrupt = 0x1c,
};

constexpr std::uint64_t with_low(std::uint64_t value, std::uint32_t low) {
  return (value & 0xffff'ffff'0000'0000) | low;
}
constexpr std::uint64_t with_high(std::uint64_t value, std::uint32_t high) {
  return (value & 0xffff'ffff) | std::uint64_t{high} << 32;
}

}  // namespace

Result<std::uint64_t> GoldfishRtc::read(std::uint64_t offset, AccessWidth width) {
  update();
  const std::uint32_t value = read_register(offset & ~std::uint64_t{3});
  return truncate(value >> (8 * (offset & 3)), width);
}

Result<> GoldfishRtc::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  update();
  if (offset % 4 == 0) write_register(offset, static_cast<std::uint32_t>(truncate(value, width)));
  update();
  return {};
}

std::uint32_t GoldfishRtc::read_register(std::uint64_t offset) {
  switch (offset) {
    case kTimeLow: {
      const std::uint64_t time = now();
      time_high_ = static_cast<std::uint32_t>(time >> 32);
      return static_cast<std::uint32_t>(time);
    }
    case kTimeHigh: return time_high_;
    case kAlarmLow: return static_cast<std::uint32_t>(alarm_);
    case kAlarmHigh: return static_cast<std::uint32_t>(alarm_ >> 32);
    case kInterruptEnabled: return is_enabled_ ? 1 : 0;
    case kAlarmStatus: return is_armed_ ? 1 : 0;
    default: return 0;
  }
}

// The high halves are written first: the low ones take effect.
void GoldfishRtc::write_register(std::uint64_t offset, std::uint32_t value) {
  switch (offset) {
    case kTimeLow: return set(with_low(now(), value));
    case kTimeHigh: return set(with_high(now(), value));
    case kAlarmLow: alarm_ = with_low(alarm_, value); return arm();
    case kAlarmHigh: alarm_ = with_high(alarm_, value); return;
    case kInterruptEnabled: is_enabled_ = (value & 1) != 0; return;
    case kClearAlarm: is_armed_ = false; return;
    case kClearInterrupt: is_raised_ = false; return;
    default: return;  // read-only and reserved registers
  }
}

void GoldfishRtc::set(std::uint64_t time) {
  offset_ = time - host_.nanoseconds();
  if (is_armed_) arm();
}

void GoldfishRtc::arm() {
  const std::uint64_t time = now();
  const std::uint64_t wait = alarm_ > time ? alarm_ - time : 0;
  const std::uint64_t guest_time = host_.nanoseconds();
  is_armed_ = true;
  due_ = wait < kNever - guest_time ? guest_time + wait : kNever;
}

void GoldfishRtc::update() {
  if (is_armed_ && host_.nanoseconds() >= due_) {
    is_armed_ = false;
    is_raised_ = true;
  }
  line_.set(is_raised_ && is_enabled_);
}

void GoldfishRtc::poll() { update(); }

std::optional<std::uint64_t> GoldfishRtc::deadline() {
  if (!is_armed_ || !is_enabled_ || due_ == kNever) return std::nullopt;
  return due_;
}

void GoldfishRtc::reset() {
  offset_ = nanoseconds(epoch_);
  time_high_ = 0;
  alarm_ = due_ = 0;
  is_armed_ = is_enabled_ = is_raised_ = false;
  line_.set(false);
}

void GoldfishRtc::describe(StateVisitor& visitor) {
  visitor.field("offset"sv, offset_);
  visitor.value("time_high"sv, time_high_);
  visitor.field("alarm"sv, alarm_);
  visitor.value("is_armed"sv, is_armed_);
  visitor.field("due"sv, due_);
  visitor.value("is_enabled"sv, is_enabled_);
  visitor.value("is_raised"sv, is_raised_);
}

}  // namespace axvm
