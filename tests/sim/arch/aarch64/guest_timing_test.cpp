#include <doctest/doctest.h>

#include <numeric>
#include <sim/arch/aarch64/guest_timing.hpp>

#include "../../timing/tables.hpp"
#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

using Op = TlbMaintenance::Op;
using timing::Counters;

timing::TlbProfile tlb(std::uint32_t entries, bool fetches) {
  return {.shape = {.entries = entries, .ways = entries},
          .cycles = 0,
          .page_shifts = {},
          .fetches = fetches,
          .data = !fetches};
}

/// TLBs of 8 entries for data and 4 for fetches, no other cache; a read is a cycle.
timing::Profile small_processor() {
  timing::Profile profile;
  profile.memory.memory_cycles = 1;
  profile.l1_tlbs = {tlb(4, true), tlb(8, false)};
  return profile;
}

std::uint64_t data_accesses(const Counters& c) {
  return std::accumulate(c.data.begin(), c.data.end(), std::uint64_t{0});
}

constexpr std::uint64_t kData = 0x4020'0000;
constexpr std::uint32_t kHvc = 0xd400'0002;

/// A guest whose code is in a block of 2 MiB, its data from kData on in pages.
struct TimedMachine : GuestMachine {
  static constexpr std::uint64_t kLevel2 = kRam + 0xfe'0000;
  static constexpr std::uint64_t kLevel3 = kRam + 0xfd'0000;

  TimedMachine(std::initializer_list<std::uint32_t> code, std::uint64_t chaos = 0,
               unsigned pcpus = 1)
      : GuestMachine(code, pcpus) {
    entry(kTable + 8, kLevel2 | 3);
    entry(kLevel2, kRam | 0x7fd);
    entry(kLevel2 + 8, kLevel3 | 3);
    for (std::uint64_t page = 0; page < 512; ++page) map(page);
    REQUIRE(cpu().set_timing(small_processor()));
    cpu().set_chaos(chaos);
  }
  void entry(std::uint64_t pa, std::uint64_t value) {
    std::memcpy(machine->memory().at(pa), &value, sizeof value);
  }
  void map(std::uint64_t page) { entry(kLevel3 + page * 8, (kData + page * 0x1000) | 0x7ff); }
  void unmap(std::uint64_t page) { entry(kLevel3 + page * 8, 0); }
  Counters run() {
    REQUIRE(cpu().enter_guest() == Vector::Synchronous);
    return *cpu().timing_counters();
  }
};

/// `passes` times, a load from each of `pages`.
Counters walk_over(std::uint32_t pages, std::uint32_t passes, std::uint64_t chaos = 0) {
  TimedMachine m(
      {
          0xd2a8'0400,                // movz x0, #0x4020, lsl #16
          0xd280'0001 | passes << 5,  // movz x1, #passes
          0xaa00'03e2,                // mov x2, x0
          0xd280'0003 | pages << 5,   // movz x3, #pages
          0xf940'0044,                // ldr x4, [x2]
          0x9140'0442,                // add x2, x2, #1, lsl #12
          0xf100'0463,                // subs x3, x3, #1
          0x54ff'ffa1,                // b.ne to the load
          0xf100'0421,                // subs x1, x1, #1
          0x54ff'ff21,                // b.ne to the mov
          kHvc,
      },
      chaos);
  const Counters counters = m.run();
  CHECK(m.ec() == 0x16);
  CHECK(m.cpu().instructions() == 3 + passes * (4 + 4 * pages));
  return counters;
}

}  // namespace

TEST_CASE("guest timing: a loop over twice the TLB's reach misses each time, one within it once") {
  const Counters twice = walk_over(16, 5);
  CHECK(data_accesses(twice) == 16 * 5);
  CHECK(twice.l1_tlb_refills - twice.fetch_l1_tlb_refills == 16 * 5);
  CHECK(twice.walks - twice.fetch_walks == 16 * 5);
  // The code is in one line, in a block: a walk of two descriptors. Each page is one of three.
  CHECK(twice.fetches == 1);
  CHECK(twice.fetch_walks == 1);
  CHECK(twice.stage1_references() == 0);
  CHECK(twice.stage2_references() == 2 + 3 * 16 * 5);

  const Counters within = walk_over(8, 5);
  CHECK(data_accesses(within) == 8 * 5);
  CHECK(within.walks == 1 + 8);
  CHECK(within.stage2_references() == 2 + 3 * 8);
}

TEST_CASE("guest timing: how the engine cuts its blocks does not count") {
  const Counters quiet = walk_over(16, 50);
  for (const std::uint64_t seed : {1ULL, 2ULL, 3ULL}) CHECK(walk_over(16, 50, seed) == quiet);
}

TEST_CASE("guest timing: what crosses lines and pages is an access of each") {
  TimedMachine m({0xd2a8'0400,  // movz x0, #0x4020, lsl #16
                  0xa943'8801,  // ldp x1, x2, [x0, #56]: two lines
                  0x913f'e003,  // add x3, x0, #0xff8
                  0xa940'0861,  // ldp x1, x2, [x3]: two pages
                  0x4c40'2000,  // ld1 {v0.16b-v3.16b}, [x0]: 64 bytes
                  0xd50b'7423,  // dc zva, x3: the line before the page's end
                  0xc85f'7c04,  // ldxr x4, [x0]
                  0xc805'7c04,  // stxr w5, x4, [x0]
                  0xf980'0000,  // prfm pldl1keep, [x0]
                  kHvc});
  m.cpu().write(SysReg(3, 0, 1, 0, 2), 3U << 20);  // CPACR_EL1.FPEN
  const Counters counters = m.run();
  REQUIRE(m.ec() == 0x16);
  CHECK(data_accesses(counters) == 2 + 2 + 1 + 1 + 1 + 1);
  CHECK(counters.walks - counters.fetch_walks == 2);
}

TEST_CASE("guest timing: an access that is refused is translated, and accesses when it succeeds") {
  TimedMachine m({0xd2a8'0400, 0xf940'0001, kHvc});  // ldr x1, [x0]
  m.unmap(0);
  Counters counters = m.run();
  REQUIRE(m.ec() == 0x24);
  CHECK(counters.refused == 1);
  CHECK(counters.faults == 1);
  CHECK(data_accesses(counters) == 0);
  m.map(0);
  counters = m.run();
  REQUIRE(m.ec() == 0x16);
  CHECK(counters.refused == 1);
  CHECK(data_accesses(counters) == 1);
  CHECK(counters.fetches == 1);
}

TEST_CASE("guest timing: an emulated access is no access, however it is emulated") {
  for (const std::uint64_t seed : {0ULL, 9ULL}) {
    // ldr x1, [x0]; b to it
    TimedMachine m({0xd2a8'0400, 0xf940'0001, 0x17ff'ffff}, seed);
    m.unmap(0);
    for (std::uint64_t n = 1; n <= 50; ++n) {
      const Counters counters = m.run();
      REQUIRE(m.ec() == 0x24);
      m.skip_instruction();
      CHECK(counters.refused == n);
      CHECK(counters.walks - counters.fetch_walks == n);
      CHECK(data_accesses(counters) == 0);
    }
  }
}

TEST_CASE("guest timing: maintenance by one pCPU reaches the models of all") {
  // ldr x1, [x0]; hvc; b to the load
  TimedMachine m({0xd2a8'0400, 0xf940'0001, kHvc, 0x17ff'fffe}, 0, 2);
  REQUIRE(m.run().walks == 2);  // code and data
  REQUIRE(m.run().walks == 2);
  const auto walks_after = [&](Tlbi op, std::uint64_t operand) {
    const std::uint64_t before = m.cpu().timing_counters()->walks;
    m.cpu(1).tlbi(op, operand);
    return m.run().walks - before;
  };
  CHECK(walks_after(Tlbi::IPAS2E1IS, kData >> 12) == 1);
  CHECK(walks_after(Tlbi::IPAS2E1IS, (kData >> 12) + 1) == 0);
  CHECK(walks_after(Tlbi::VMALLE1IS, 0) == 0);  // stage 1 is off
  CHECK(walks_after(Tlbi::VMALLS12E1IS, 0) == 2);
  CHECK(walks_after(Tlbi::ALLE1IS, 0) == 2);
  // Another VM's.
  m.cpu(1).write(GuestMachine::kVttbr, GuestMachine::kTable | (2ULL << 48));
  CHECK(walks_after(Tlbi::VMALLS12E1IS, 0) == 0);
}

namespace {

/// Two spaces of one VM and one of another over the same tables, in which kOwn is not global and
/// kShared is.
struct Spaces {
  static constexpr std::uint64_t kOwn = 0x10'0000;
  static constexpr std::uint64_t kShared = 0x20'0000;
  static constexpr std::uint64_t kBlock = 0x4000'0000;  // of 2 MiB over pages, not global
  static constexpr std::uint64_t kNotGlobal = 1U << 11;

  Spaces() : core(tables.memory()) {
    tables.map1(kOwn, 0x4030'0000, 0, kNotGlobal);
    tables.map1(kShared, 0x4030'1000);
    tables.map1(kBlock, 0x4020'0000, 1, kNotGlobal);
    tables.map2_ram();
    timing::Profile profile = small_processor();
    profile.l1_tlbs[1].shape = {.entries = 64, .ways = 64};
    core.set_profile(profile);
  }
  void enter(std::uint16_t vmid, std::uint16_t asid) {
    Registers r;
    r.sctlr_el1 = 1;
    r.tcr_el1 = 16 | 16 << 16 | 5ULL << 32;
    r.ttbr0_el1 = tables.stage1().root | std::uint64_t{asid} << 48;
    r.hcr_el2 = 1;
    r.vtcr_el2 = 16 | 2 << 6 | 5 << 16;
    r.vttbr_el2 = tables.stage2().root | std::uint64_t{vmid} << 48;
    core.set_regime(Regime(r, {.pa_bits = 48}));
  }
  /// Whether a load from there has to walk.
  bool walks(std::uint64_t va) {
    const std::uint64_t before = core.counters()->walks;
    core.access(va, 8, false, number++);
    core.stop(number);
    return core.counters()->walks != before;
  }
  /// All that there is, into the TLB.
  void warm_up() {
    for (const auto& [vmid, asid] : kAll) {
      enter(vmid, asid);
      for (const std::uint64_t va : {kOwn, kShared, kBlock}) walks(va);
    }
  }
  static constexpr std::array<std::pair<std::uint16_t, std::uint16_t>, 3> kAll{
      {{1, 1}, {1, 2}, {2, 1}}};

  timing::test::Tables tables;
  GuestTiming core;
  std::uint64_t number = 0;
};

/// Which of (VM 1, ASID 1), (VM 1, ASID 2), (VM 2, ASID 1) walk for an address after `op`.
std::array<bool, 3> walk_after(const TlbMaintenance& op, std::uint64_t va) {
  std::array<bool, 3> walked{};
  for (std::size_t i = 0; i < walked.size(); ++i) {
    Spaces s;
    s.warm_up();
    s.core.forget(op);
    s.enter(Spaces::kAll.at(i).first, Spaces::kAll.at(i).second);
    walked.at(i) = s.walks(va);
  }
  return walked;
}

}  // namespace

TEST_CASE("guest timing: each maintenance instruction forgets what it names, and no more") {
  using Walked = std::array<bool, 3>;
  constexpr std::uint64_t kOwn = Spaces::kOwn;
  constexpr std::uint64_t kShared = Spaces::kShared;
  constexpr Walked kNone{false, false, false};
  CHECK(walk_after({.op = Op::VAE1, .vmid = 1, .asid = 1, .address = kShared}, kOwn) == kNone);
  for (const Op op : {Op::VAE1, Op::VALE1}) {
    CHECK(walk_after({.op = op, .vmid = 1, .asid = 1, .address = kOwn}, kOwn) ==
          Walked{true, false, false});
    // A global page is everybody's, whatever the ASID.
    CHECK(walk_after({.op = op, .vmid = 1, .asid = 7, .address = kShared}, kShared) ==
          Walked{true, true, false});
    // Any address of a block names it.
    CHECK(walk_after({.op = op, .vmid = 1, .asid = 2, .address = Spaces::kBlock + 0x5000},
                     Spaces::kBlock) == Walked{false, true, false});
  }
  for (const Op op : {Op::VAAE1, Op::VAALE1}) {
    CHECK(walk_after({.op = op, .vmid = 1, .address = kOwn}, kOwn) == Walked{true, true, false});
    CHECK(walk_after({.op = op, .vmid = 1, .address = kOwn}, kShared) == kNone);
  }
  CHECK(walk_after({.op = Op::ASIDE1, .vmid = 1, .asid = 2}, kOwn) == Walked{false, true, false});
  CHECK(walk_after({.op = Op::ASIDE1, .vmid = 1, .asid = 2}, kShared) == kNone);
  CHECK(walk_after({.op = Op::VMALLE1, .vmid = 1}, kShared) == Walked{true, true, false});
  CHECK(walk_after({.op = Op::VMALLS12E1, .vmid = 2}, kOwn) == Walked{false, false, true});
  CHECK(walk_after({.op = Op::ALLE1}, kOwn) == Walked{true, true, true});
  // What both stages say together is stage 1's to forget (D8.17).
  CHECK(walk_after({.op = Op::IPAS2E1, .vmid = 1, .address = 0x4030'0000}, kOwn) == kNone);
}

TEST_CASE("guest timing: no switch of spaces or VMs forgets anything") {
  Spaces s;
  s.warm_up();
  for (const auto& [vmid, asid] : Spaces::kAll) {
    s.enter(vmid, asid);
    CHECK_FALSE(s.walks(Spaces::kOwn));
    CHECK_FALSE(s.walks(Spaces::kShared));
  }
  s.enter(3, 1);
  CHECK(s.walks(Spaces::kOwn));
}

TEST_CASE("guest timing: more spaces than there are numbers for forget each other, no worse") {
  Spaces s;
  for (std::uint32_t asid = 0; asid < 20'000; ++asid) {
    s.enter(1, static_cast<std::uint16_t>(asid & 0xff));
    s.enter(static_cast<std::uint16_t>(asid >> 8), static_cast<std::uint16_t>(asid & 0xff));
    REQUIRE(s.walks(Spaces::kOwn));
    REQUIRE_FALSE(s.walks(Spaces::kOwn));
  }
}

}  // namespace axvm::sim::aarch64
