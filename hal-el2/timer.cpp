// The counter, and EL2's own timer (DDI 0487 D11): one shot, by the physical count.

#include <hal-metal/platform.hpp>

namespace axvm::hal_metal {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint64_t frequency() {
  std::uint64_t hz = 0;
  asm("mrs %0, cntfrq_el0" : "=r"(hz));
  return hz;
}

/// The first count at which now_ns() has come to `ns`.
std::uint64_t ticks_at(std::uint64_t ns) {
  const std::uint64_t hz = frequency();
  return ns / kSecond * hz + (ns % kSecond * hz + kSecond - 1) / kSecond;
}

void write_control(std::uint64_t value) {
  asm volatile("msr S3_4_C14_C2_1, %0\n\tisb" ::"r"(value) : "memory");  // CNTHP_CTL_EL2
}

}  // namespace

std::uint64_t now_ns() {
  std::uint64_t ticks = 0;
  asm volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(ticks)::"memory");
  const std::uint64_t hz = frequency();
  return ticks / hz * kSecond + ticks % hz * kSecond / hz;
}

void start_timer(std::uint64_t ns) {
  const std::uint64_t ticks = ticks_at(ns);
  asm volatile("msr S3_4_C14_C2_2, %0" ::"r"(ticks) : "memory");  // CNTHP_CVAL_EL2
  write_control(1);
}

void stop_timer() { write_control(0); }

void start_timer_no_later(std::uint64_t ns) {
  std::uint64_t control = 0;
  std::uint64_t ticks = 0;
  asm volatile("mrs %0, S3_4_C14_C2_1" : "=r"(control));  // CNTHP_CTL_EL2
  asm volatile("mrs %0, S3_4_C14_C2_2" : "=r"(ticks));    // CNTHP_CVAL_EL2
  if ((control & 1) == 0 || ticks > ticks_at(ns)) start_timer(ns);
}

void wait_for_interrupt() { asm volatile("dsb sy\n\twfi" ::: "memory"); }

}  // namespace axvm::hal_metal
