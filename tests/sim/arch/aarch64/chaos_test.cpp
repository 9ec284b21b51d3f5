// Random programs that branch, fault, trap, modify their own code and read the time: whatever
// chaos does to the engine, and wherever the owner stops, the machine's state is the same.

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr unsigned kWords = 512;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}
  std::uint32_t below(std::uint32_t n) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>((state_ >> 33) % n);
  }

 private:
  std::uint64_t state_;
};

std::uint32_t random_instruction(Random& random) {
  const std::uint32_t d = random.below(16);
  const std::uint32_t n = random.below(16);
  const std::uint32_t m = random.below(16);
  switch (random.below(24)) {
    case 0:
    case 1:
    case 2:
    case 3: return 0x8b000000 | m << 16 | n << 5 | d;  // add
    case 4:
    case 5: return 0xeb000000 | m << 16 | n << 5 | d;                            // subs
    case 6: return 0x9b007c00 | m << 16 | n << 5 | d;                            // mul
    case 7: return 0x54000000 | (random.below(16) + 1) << 5 | random.below(14);  // b.cond forwards
    case 8: return 0x54000000 | ((0x80000 - random.below(24)) << 5 & 0xffffe0) | random.below(14);
    case 9: return 0x14000000 | (random.below(32) + 1);            // b
    case 10: return 0xb4000000 | (random.below(16) + 1) << 5 | d;  // cbz
    case 11:
    case 12: return 0xf9400000 | random.below(512) << 10 | 20U << 5 | d;  // ldr, data page
    case 13:
    case 14: return 0xf9000000 | random.below(512) << 10 | 20U << 5 | d;  // str, data page
    case 15:
      return 0xb9000000 | random.below(kWords) << 10 | 21U << 5 | 22;  // str w22: a nop into code
    case 16: return 0xf9400000 | 23U << 5 | d;                         // ldr from where nothing is
    case 17: return 0xd53be040 | d;                                    // mrs cntvct_el0
    case 18: return 0xd5380400 | d;                                    // mrs id_aa64pfr0_el1: traps
    case 19: return 0xd4000002 | random.below(256) << 5;               // hvc
    case 20: return 0xd4000001;  // svc, to a vector that returns
    case 21: return 0xa9000000 | 0x1fU << 10 | n << 16 | 24U << 5 | d;  // stp x, x, [x24, #…]
    case 22: return 0xd508871f;                                         // tlbi vmalle1
    default: return 0xd503201f | random.below(4) << 5;                  // nop, yield, wfe, wfi
  }
}

GuestMachine make(std::uint64_t seed) {
  GuestMachine m({});
  Random random(seed);
  for (unsigned i = 0; i < kWords; ++i) m.put(kCode + i * 4, {random_instruction(random)});
  m.put(kCode + kWords * 4, {0xd4000002, 0x17ffffff});  // hvc; b -4
  m.put(GuestMachine::kRam + 0x1200, {0xd69f03e0});     // eret
  m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
  m.cpu().set_gpr(20, GuestMachine::kRam + 0x10'0000);
  m.cpu().set_gpr(21, kCode);
  m.cpu().set_gpr(22, 0xd503201f);
  m.cpu().set_gpr(23, 0x0900'0000);
  m.cpu().set_gpr(24, GuestMachine::kRam + 0x10'0ff8 - 0x1f8 + 0x100);
  return m;
}

/// Runs through traps and turns to exactly `limit` instructions. `stops` are further exact stops.
std::uint64_t run(std::uint64_t seed, std::uint64_t chaos, std::uint64_t limit,
                  std::uint64_t stop_every) {
  GuestMachine m = make(seed);
  m.cpu().set_chaos(chaos);
  std::uint64_t turn_end = 777;
  std::uint64_t next_stop = stop_every == 0 ? limit : stop_every;
  for (int traps = 0; traps < 2000;) {
    m.cpu().set_turn_end(turn_end);
    m.cpu().set_instruction_limit(next_stop < limit ? next_stop : limit);
    const Vector v = m.cpu().enter_guest();
    REQUIRE(m.cpu().failure().empty());
    if (v == Vector::Irq && m.cpu().stopped_at_limit()) {
      if (m.cpu().instructions() >= limit) break;
      next_stop += stop_every;
    } else if (v == Vector::Irq) {
      turn_end = m.cpu().time() + 777;
    } else {
      ++traps;
      if (m.ec() != 0x16) m.skip_instruction();
    }
  }
  return Digest::of(*m.machine);
}

TEST_CASE("chaos and stops are invisible to random programs") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const std::uint64_t expected = run(seed, 0, 3000, 0);
    CHECK(run(seed, seed, 3000, 0) == expected);
    CHECK(run(seed, 0, 3000, 101) == expected);
    CHECK(run(seed, seed + 1000, 3000, 7) == expected);
  }
}

TEST_CASE("chaos moves no stop of a program that is full of undefined instructions") {
  for (std::uint64_t chaos = 0; chaos < 200; ++chaos) {
    CAPTURE(chaos);
    GuestMachine m({0, 0x17ffffff});  // udf; b -4
    m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
    // mrs x9, elr_el1; add x9, x9, #4; msr elr_el1, x9; eret
    m.put(GuestMachine::kRam + 0x1200, {0xd5384029, 0x91001129, 0xd5184029, 0xd69f03e0});
    m.cpu().set_chaos(chaos);
    for (std::uint64_t limit = 7; limit < 300; limit += 7) {
      m.cpu().set_instruction_limit(limit);
      REQUIRE(m.cpu().enter_guest() == Vector::Irq);
      REQUIRE(m.cpu().instructions() == limit);
    }
  }
}

}  // namespace
}  // namespace axvm::sim::aarch64
