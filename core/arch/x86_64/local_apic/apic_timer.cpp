#include <axvm/result.hpp>
#include <core/arch/x86_64/local_apic/apic_timer.hpp>
#include <core/ticks.hpp>

namespace axvm::x86_64 {

/// Divides by 2, 4, 8, 16, 32, 64, 128, 1 (16.4.1).
unsigned ApicTimer::shift() const noexcept {
  const unsigned code = (divide_ & 3) | (divide_ >> 1 & 4);
  return (code + 1) & 7;
}

void ApicTimer::set_mode(Mode mode) noexcept {
  if (mode == mode_) return;
  if (mode == Mode::TscDeadline || mode_ == Mode::TscDeadline) {
    is_counting_ = false;
    initial_count_ = 0;
    tsc_deadline_ = 0;
  }
  mode_ = mode;
}

void ApicTimer::set_initial_count(std::uint32_t count, std::uint64_t now) noexcept {
  if (mode_ == Mode::TscDeadline) return;
  initial_count_ = count;
  is_counting_ = count != 0;
  expiry_ = now + period();
}

std::uint32_t ApicTimer::current_count(std::uint64_t now) const noexcept {
  if (!is_counting_) return 0;
  std::uint64_t left = 0;
  if (now < expiry_) {
    left = expiry_ - now;
  } else if (mode_ == Mode::Periodic) {
    // Nobody has called expire() yet.
    left = period() - (now - expiry_) % period();
  }
  return static_cast<std::uint32_t>((left + (std::uint64_t{1} << shift()) - 1) >> shift());
}

void ApicTimer::set_divide_configuration(std::uint32_t value, std::uint64_t now) noexcept {
  const std::uint64_t left = current_count(now);
  const bool has_expired = is_counting_ && now >= expiry_;
  divide_ = value & 0xb;
  // One that has expired, and has not been asked, stays so.
  if (is_counting_ && !has_expired) expiry_ = now + (left << shift());
}

void ApicTimer::set_tsc_deadline(std::uint64_t tsc) noexcept {
  if (mode_ == Mode::TscDeadline) tsc_deadline_ = tsc;
}

std::optional<std::uint64_t> ApicTimer::deadline() const noexcept {
  if (mode_ == Mode::TscDeadline) {
    if (tsc_deadline_ == 0) return std::nullopt;
    return nanoseconds_of(tsc_deadline_, tsc_frequency_);
  }
  if (!is_counting_) return std::nullopt;
  return expiry_;
}

bool ApicTimer::expire(std::uint64_t now) noexcept {
  const auto due = deadline();
  if (!due || now < *due) return false;
  tsc_deadline_ = 0;
  if (mode_ == Mode::Periodic) {
    expiry_ += ((now - expiry_) / period() + 1) * period();
  } else {
    is_counting_ = false;
  }
  return true;
}

void ApicTimer::describe(StateVisitor& visitor) {
  visitor.value("mode"sv, mode_);
  visitor.value("initial_count"sv, initial_count_);
  visitor.value("divide"sv, divide_);
  visitor.value("tsc_deadline"sv, tsc_deadline_);
  visitor.value("is_counting"sv, is_counting_);
  visitor.value("expiry"sv, expiry_);
  // A restored state may be anything.
  if (mode_ > Mode::TscDeadline) mode_ = Mode::OneShot;
  divide_ &= 0xb;
  if (mode_ == Mode::TscDeadline || initial_count_ == 0) is_counting_ = false;
  if (mode_ != Mode::TscDeadline) tsc_deadline_ = 0;
}

}  // namespace axvm::x86_64
