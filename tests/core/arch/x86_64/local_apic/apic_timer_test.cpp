// The local APIC's timer: APM Vol. 2 16.4.1, SDM Vol. 3A 11.5.4.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <core/arch/x86_64/local_apic/apic_timer.hpp>

namespace axvm::x86_64::test {
namespace {

using Mode = ApicTimer::Mode;
constexpr std::uint64_t kGigahertz = 1'000'000'000;
/// Divides by 1.
constexpr std::uint32_t kByOne = 0b1011;

ApicTimer timer_by_one(Mode mode = Mode::OneShot) {
  ApicTimer timer(2 * kGigahertz);
  timer.set_divide_configuration(kByOne, 0);
  timer.set_mode(mode);
  return timer;
}

}  // namespace

TEST_CASE("a timer that nobody has started never expires") {
  ApicTimer timer(kGigahertz);
  CHECK_FALSE(timer.deadline().has_value());
  CHECK_FALSE(timer.expire(~0ULL));
  CHECK(timer.current_count(1000) == 0);
}

TEST_CASE("one shot: counts down once") {
  ApicTimer timer = timer_by_one();
  timer.set_initial_count(100, 1000);
  CHECK(timer.deadline() == 1100U);
  CHECK(timer.current_count(1000) == 100);
  CHECK(timer.current_count(1099) == 1);
  CHECK_FALSE(timer.expire(1099));
  CHECK(timer.expire(1100));
  CHECK_FALSE(timer.expire(5000));
  CHECK_FALSE(timer.deadline().has_value());
  CHECK(timer.current_count(1100) == 0);
  CHECK(timer.initial_count() == 100);
}

TEST_CASE("periodic: begins again, and expires once for all periods that nobody has seen") {
  ApicTimer timer = timer_by_one(Mode::Periodic);
  timer.set_initial_count(100, 0);
  CHECK(timer.expire(100));
  CHECK(timer.deadline() == 200U);
  CHECK(timer.current_count(150) == 50);
  CHECK(timer.expire(555));
  CHECK_FALSE(timer.expire(599));
  CHECK(timer.deadline() == 600U);
  // Also before it is asked.
  CHECK(timer.current_count(700) == 100);
  CHECK(timer.current_count(755) == 45);
}

TEST_CASE("a count of 0 stops it, another one starts it anew") {
  ApicTimer timer = timer_by_one(Mode::Periodic);
  timer.set_initial_count(100, 0);
  timer.set_initial_count(0, 50);
  CHECK_FALSE(timer.deadline().has_value());
  timer.set_initial_count(70, 60);
  CHECK(timer.deadline() == 130U);
}

TEST_CASE("the clock is divided by 1 to 128, as bits 3, 1 and 0 say") {
  const struct {
    std::uint32_t code;
    std::uint64_t divisor;
  } kDivisors[] = {{0b0000, 2},  {0b0001, 4},  {0b0010, 8},   {0b0011, 16},
                   {0b1000, 32}, {0b1001, 64}, {0b1010, 128}, {0b1011, 1}};
  for (const auto& d : kDivisors) {
    ApicTimer timer(kGigahertz);
    timer.set_divide_configuration(d.code | 0b0100, 0);
    CHECK(timer.divide_configuration() == d.code);
    timer.set_initial_count(10, 0);
    CHECK(timer.deadline() == 10 * d.divisor);
    CHECK(timer.current_count(10 * d.divisor - 1) == 1);
    CHECK(timer.current_count(d.divisor) == 9);
  }
}

TEST_CASE("another divisor leaves the count as it is") {
  ApicTimer timer = timer_by_one();
  timer.set_initial_count(100, 0);
  timer.set_divide_configuration(0b0001, 40);  // by 4
  CHECK(timer.current_count(40) == 60);
  CHECK(timer.deadline() == 40U + 240);
  // One that is due stays due.
  ApicTimer periodic = timer_by_one(Mode::Periodic);
  periodic.set_initial_count(100, 0);
  periodic.set_divide_configuration(0b0001, 150);
  CHECK(periodic.expire(150));
}

TEST_CASE("TSC deadline: expires when the counter is there, and is 0 then") {
  ApicTimer timer = timer_by_one(Mode::TscDeadline);
  timer.set_initial_count(100, 0);
  CHECK_FALSE(timer.deadline().has_value());
  timer.set_tsc_deadline(2001);  // at 2 GHz: 1000.5 ns
  CHECK(timer.deadline() == 1001U);
  CHECK(timer.tsc_deadline() == 2001);
  CHECK_FALSE(timer.expire(1000));
  CHECK(timer.expire(1001));
  CHECK(timer.tsc_deadline() == 0);
  timer.set_tsc_deadline(5);  // in the past
  CHECK(timer.expire(2000));
  timer.set_tsc_deadline(~0ULL);
  CHECK_FALSE(timer.expire(1ULL << 62));
  timer.set_tsc_deadline(0);
  CHECK_FALSE(timer.deadline().has_value());
}

TEST_CASE("from and to TSC deadlines the timer is disarmed") {
  ApicTimer timer = timer_by_one();
  timer.set_tsc_deadline(1000);
  CHECK(timer.tsc_deadline() == 0);
  timer.set_initial_count(100, 0);
  timer.set_mode(Mode::Periodic);
  CHECK(timer.deadline() == 100U);
  timer.set_mode(Mode::TscDeadline);
  CHECK_FALSE(timer.deadline().has_value());
  timer.set_tsc_deadline(1000);
  timer.set_mode(Mode::OneShot);
  CHECK_FALSE(timer.deadline().has_value());
  CHECK(timer.initial_count() == 0);
}

TEST_CASE("a timer expires as often as a counter of single ticks reaches 0") {
  CHECK(rc::check([] {
    ApicTimer timer(kGigahertz);
    const auto code = *rc::gen::inRange<std::uint32_t>(0, 16) & 0xb;
    timer.set_divide_configuration(code, 0);
    const bool is_periodic = *rc::gen::arbitrary<bool>();
    timer.set_mode(is_periodic ? Mode::Periodic : Mode::OneShot);
    const auto count = *rc::gen::inRange<std::uint32_t>(1, 20);
    const unsigned divisor = code == 0b1011 ? 1 : 2U << ((code & 3) | (code >> 1 & 4));
    timer.set_initial_count(count, 7);
    // The model: a counter that loses 1 every `divisor` ticks.
    std::uint32_t left = count;
    bool counts = true;
    for (std::uint64_t now = 7; now < 7 + 3 * 20 * 128; ++now) {
      bool expired = false;
      if (now > 7 && (now - 7) % divisor == 0 && counts && --left == 0) {
        expired = true;
        left = is_periodic ? count : 0;
        counts = is_periodic;
      }
      RC_ASSERT(timer.expire(now) == expired);
      RC_ASSERT(timer.current_count(now) == left);
    }
  }));
}

}  // namespace axvm::x86_64::test
