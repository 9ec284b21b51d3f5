// Random programs that branch, fault, trap, straddle pages, modify their own code, take interrupts
// and read the time: whatever chaos does to the engine, and wherever the owner stops, the machine's
// state is the same.

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr unsigned kCodeBytes = 0x2000;
constexpr std::uint64_t kTables = GuestMachine::kRam + 0x20'0000;

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

struct Instruction {
  std::uint32_t word;
  unsigned bytes;
};
Instruction wide(std::uint32_t word) { return {word, 4}; }
Instruction compressed(std::uint32_t half) { return {half, 2}; }

/// x20 and x9 point to data, x21 to code, x22 holds two compressed nops, x23 points to nothing, x24
/// just below a page of data.
Instruction random_instruction(Random& random) {
  const std::uint32_t d = 5 + random.below(4);  // x5..x8
  const std::uint32_t n = 5 + random.below(4);
  const std::uint32_t m = 10 + random.below(6);
  const int back_or_forth = static_cast<int>(random.below(60)) * 2 - 40;
  switch (random.below(40)) {
    case 0:
    case 1: return wide(code::add(d, n, m));
    case 2: return wide(code::add(m, n, d));
    case 3: return wide(code::addi(d, n, static_cast<int>(random.below(100)) - 50));
    case 4: return wide(0x02000033U | d << 7 | n << 15 | m << 20);  // mul
    case 5: return wide(code::bne(n, m, static_cast<int>(random.below(40)) * 2 + 2));
    case 6: return wide(code::bne(n, m, back_or_forth));
    case 7: return wide(code::bne(n, m, back_or_forth) ^ 0x1000U);  // beq
    case 8: return wide(code::jal(0, static_cast<int>(random.below(60)) * 2 + 2));
    case 9: return wide(code::load(3, d, 20, static_cast<int>(random.below(2040))));
    case 10: return wide(code::load(random.below(7), d, 24, static_cast<int>(random.below(16))));
    case 11: return wide(code::store(3, d, 20, static_cast<int>(random.below(2040))));
    case 12: return wide(code::store(random.below(4), d, 24, static_cast<int>(random.below(16))));
    case 13: return wide(code::store(2, 22, 21, static_cast<int>(random.below(1000)) * 2));
    case 14: return wide(code::load(2, d, 23, 8));
    case 15: return wide(0x006a32af);  // amoadd.d x5, x6, (x20)
    case 16: return wide(0x086c22af);  // amoswap.w x5, x6, (x24)
    case 17: return wide(0x100a32af);  // lr.d x5, (x20)
    case 18: return wide(0x186a33af);  // sc.d x7, x6, (x20)
    case 19: return wide(code::csrrs(d, Csr::time, 0));
    case 20: return wide(code::csrrs(d, Csr::instret, 0));
    case 21: return wide(random.below(2) == 0 ? code::kSfenceVma : 0x120a0073);
    case 22: return wide(random.below(2) == 0 ? code::kWfi : code::kFenceI);
    case 23: return wide(random.below(3) == 0 ? 0x00000000 : code::kEcall);
    case 24: return wide(random.below(2) == 0 ? code::kEbreak : 0xffffffff);
    case 25: return wide(code::csrrs(d, Csr::sstatus, 0));
    case 26: return wide(code::csrrsi(0, Csr::sstatus, 2));
    case 27: return wide(code::csrrci(d, Csr::sstatus, 2));
    case 28: return wide(code::csrrsi(d, Csr::sip, 2));
    case 29: return wide(code::csrrs(d, Csr::sie, 0));
    case 30: return wide(0x023170d3);  // fadd.d f1, f2, f3
    case 31: return wide(0xf2028153);  // fmv.d.x f2, x5
    case 32: return wide(code::csrrw(d, Csr::fcsr, n));
    case 33: return compressed(0x0001U | d << 7 | random.below(32) << 2);  // c.addi
    case 34: return compressed(0x9002U | d << 7 | m << 2);                 // c.add
    case 35: return compressed(0x6080);                                    // c.ld x8, 0(x9)
    case 36: return compressed(0xc080);                                    // c.sw x8, 0(x9)
    case 37: return compressed(random.below(4) == 0 ? code::kCompressedEbreak : 0xa011);  // c.j +4
    case 38: return compressed(code::kCompressedNop);
    default: return compressed(0x0000);  // defined to be illegal
  }
}

/// Steps over the instruction that trapped; sets the timer and clears the software interrupt.
constexpr std::initializer_list<std::uint32_t> kHandler = {
    0x14202f73,  // csrr x30, scause
    0x020f4463,  // bltz x30, interrupt
    0x14102f73,  // csrr x30, sepc
    0x000f5f83,  // lhu x31, 0(x30)
    0x003fff93,  // andi x31, x31, 3
    0xffdf8f93,  // addi x31, x31, -3
    0x002f0f13,  // addi x30, x30, 2
    0x000f9463,  // bnez x31, +8
    0x002f0f13,  // addi x30, x30, 2
    0x141f1073,  // csrw sepc, x30
    0x10200073,  // sret
    0xc0102f73,  // interrupt: csrr x30, time
    0x003f0f13,  // addi x30, x30, 3
    0x14df1073,  // csrw stimecmp, x30
    0x14417073,  // csrci sip, 2
    0x10200073,  // sret
};

enum class Setting : std::uint8_t { Bare, Paged, User };

/// Sv39, virtual is guest physical, but for some pages of data.
void map(GuestMachine& m, bool user) {
  constexpr std::uint64_t kRam = GuestMachine::kRam;
  m.word(kTables + 2 * 8) = GuestMachine::entry(kTables + 0x1000, 1);
  m.word(kTables + 0x1000) = GuestMachine::entry(kTables + 0x2000, 1);
  for (unsigned page = 0; page < 512; ++page) {
    const std::uint64_t pa = kRam + page * 4096;
    std::uint64_t bits = 0xcf | (user && pa >= kCode ? 0x10 : 0);
    if (pa == GuestMachine::kData + 0x1000) bits &= ~0x80ULL;  // clean
    m.word(kTables + 0x2000 + page * 8) = GuestMachine::entry(pa, bits);
  }
  m.cpu().write(Csr::vsatp, 8ULL << 60 | 5ULL << 44 | kTables >> 12);
}

GuestMachine make(std::uint64_t seed, Setting setting) {
  GuestMachine m({});
  Random random(seed);
  for (unsigned at = 0; at < kCodeBytes;) {
    const Instruction i = random_instruction(random);
    m.put_half(kCode + at, static_cast<std::uint16_t>(i.word));
    if (i.bytes == 4) m.put_half(kCode + at + 2, static_cast<std::uint16_t>(i.word >> 16));
    at += i.bytes;
  }
  m.put(kCode + kCodeBytes + 2, {code::kEcall, code::jal(0, -4)});
  m.put(GuestMachine::kVector, kHandler);
  m.delegate();
  // Environment calls and breakpoints of VS-mode come here.
  m.cpu().write(Csr::hedeleg, m.csr(Csr::hedeleg) & ~(1ULL << 3));
  m.cpu().write(Csr::scounteren, 7);
  m.cpu().write(Csr::vsstatus, status::FS | status::SUM | status::SIE);
  m.cpu().write(Csr::vsie, interrupt::SSI | interrupt::STI);
  m.cpu().write(Csr::vstimecmp, 5);
  if (setting != Setting::Bare) map(m, setting == Setting::User);
  if (setting == Setting::User) m.enter_user();
  m.cpu().set_gpr(9, GuestMachine::kData);
  m.cpu().set_gpr(20, GuestMachine::kData);
  m.cpu().set_gpr(21, kCode);
  m.cpu().set_gpr(22, 0x00010001);
  m.cpu().set_gpr(23, GuestMachine::kHole);
  m.cpu().set_gpr(24, GuestMachine::kData + 0x1000 - 8);
  return m;
}

struct Plan {
  std::uint64_t chaos = 0;
  std::uint64_t stop_every = 0;
  bool timed = false;
};

struct Outcome {
  std::uint64_t digest = 0;
  timing::Counters counters;  ///< when it is timed
};

/// Small enough to forget, and to walk again.
timing::Profile small_processor() {
  timing::Profile profile;
  profile.memory.memory_cycles = 7;
  profile.l1_tlbs = {{.shape = {.entries = 4, .ways = 4}, .cycles = 0, .page_shifts = {}}};
  return profile;
}

/// Runs through traps and turns to exactly `limit` instructions. `stop_every`: further exact stops.
Outcome run(std::uint64_t seed, Setting setting, std::uint64_t limit, Plan plan) {
  GuestMachine m = make(seed, setting);
  if (plan.timed) REQUIRE(m.cpu().set_timing(small_processor()));
  m.cpu().set_chaos(plan.chaos);
  std::uint64_t turn_end = 777;
  std::uint64_t next_stop = plan.stop_every == 0 ? limit : plan.stop_every;
  for (int traps = 0; traps < 2000;) {
    m.cpu().set_turn_end(turn_end);
    m.cpu().set_instruction_limit(next_stop < limit ? next_stop : limit);
    const std::uint64_t cause = m.cpu().enter_guest();
    REQUIRE(m.cpu().failure() == "");
    if (m.cpu().stopped_at_limit()) {
      if (m.cpu().instructions() >= limit) break;
      next_stop += plan.stop_every;
      // To look at a hart must not change it.
      Digest digest;
      m.cpu().describe(digest);
    } else if (cause == GuestMachine::kTimer) {
      turn_end = m.cpu().time() + 777;
    } else {
      ++traps;
      // A software interrupt now and then.
      if (traps % 5 == 0) m.cpu().write(Csr::hvip, interrupt::VSSI);
      const std::uint64_t pc = m.csr(Csr::sepc);
      const std::uint8_t* const at = m.machine->memory().at(pc);
      m.skip_instruction(at == nullptr || (*at & 3) == 3 ? 4 : 2);
    }
  }
  return {Digest::of(*m.machine), m.cpu().timing_counters().value_or(timing::Counters{})};
}

TEST_CASE("chaos and stops are invisible to random programs") {
  constexpr std::uint64_t kLimit = 3000;
  for (const Setting setting : {Setting::Bare, Setting::Paged, Setting::User}) {
    CAPTURE(static_cast<int>(setting));
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      CAPTURE(seed);
      const auto digest = [&](const Plan& plan) { return run(seed, setting, kLimit, plan).digest; };
      const std::uint64_t expected = digest({});
      CHECK(digest({.chaos = seed}) == expected);
      CHECK(digest({.stop_every = 101}) == expected);
      CHECK(digest({.chaos = seed + 1000, .stop_every = 7}) == expected);
    }
  }
}

TEST_CASE(
    "the timing fidelity shows in no random program, and chaos and stops not in what it counts") {
  constexpr std::uint64_t kLimit = 3000;
  for (const Setting setting : {Setting::Bare, Setting::Paged, Setting::User}) {
    CAPTURE(static_cast<int>(setting));
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      CAPTURE(seed);
      const Outcome timed = run(seed, setting, kLimit, {.timed = true});
      CHECK(timed.digest == run(seed, setting, kLimit, {}).digest);
      CHECK(timed.counters.fetches > 0);
      for (const Plan& plan :
           {Plan{.chaos = seed, .timed = true}, Plan{.stop_every = 101, .timed = true},
            Plan{.chaos = seed + 1000, .stop_every = 7, .timed = true}}) {
        const Outcome other = run(seed, setting, kLimit, plan);
        CHECK(other.digest == timed.digest);
        CHECK(other.counters == timed.counters);
      }
    }
  }
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
