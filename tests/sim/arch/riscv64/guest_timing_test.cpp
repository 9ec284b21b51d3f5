#include <doctest/doctest.h>

#include <numeric>
#include <sim/arch/riscv64/guest_timing.hpp>

#include "guest_machine.hpp"
#include "world.hpp"

namespace axvm::sim::riscv64::test {
namespace {

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

constexpr std::uint64_t kPages = GuestMachine::kRam + 0x20'0000;

/// A guest whose code is in a block of 2 MiB, its data from kPages on in pages of the G-stage.
struct TimedMachine : GuestMachine {
  static constexpr std::uint64_t kLevel1 = kRam + 0xfe'0000;
  static constexpr std::uint64_t kLevel0 = kRam + 0xfd'0000;

  explicit TimedMachine(std::initializer_list<std::uint32_t> code, std::uint64_t chaos = 0,
                        unsigned pcpus = 1)
      : GuestMachine(code, pcpus) {
    word(kRoot + 2 * 8) = entry(kLevel1, 1);
    word(kLevel1) = entry(kRam);
    word(kLevel1 + 8) = entry(kLevel0, 1);
    for (std::uint64_t page = 0; page < 512; ++page) map(page);
    for (unsigned i = 0; i < pcpus; ++i) cpu(i).hfence_gvma(1);
    REQUIRE(cpu().set_timing(small_processor()));
    cpu().set_chaos(chaos);
    cpu().set_gpr(10, kPages);
  }
  void map(std::uint64_t page) { word(kLevel0 + page * 8) = entry(kPages + page * 0x1000); }
  void unmap(std::uint64_t page) { word(kLevel0 + page * 8) = 0; }
  Counters run(std::uint64_t cause = kEcallFromVs) {
    REQUIRE(cpu().enter_guest() == cause);
    return *cpu().timing_counters();
  }
};

/// `passes` times, a load from each of `pages`.
Counters walk_over(int pages, int passes, std::uint64_t chaos = 0) {
  TimedMachine m(
      {
          code::addi(11, 0, passes),
          code::addi(12, 10, 0),
          code::addi(13, 0, pages),
          code::load(3, 14, 12, 0),
          0x00001837,  // lui x16, 1
          code::add(12, 12, 16),
          code::addi(13, 13, -1),
          code::bne(13, 0, -16),
          code::addi(11, 11, -1),
          code::bne(11, 0, -32),
          code::kEcall,
      },
      chaos);
  const Counters counters = m.run();
  CHECK(m.cpu().instructions() == static_cast<std::uint64_t>(1 + passes * (4 + 5 * pages)));
  return counters;
}

}  // namespace

TEST_CASE("RISC-V timing: a loop over twice the TLB's reach misses each time, one within it once") {
  const Counters twice = walk_over(16, 5);
  CHECK(data_accesses(twice) == 16 * 5);
  CHECK(twice.l1_tlb_refills - twice.fetch_l1_tlb_refills == 16 * 5);
  CHECK(twice.walks - twice.fetch_walks == 16 * 5);
  // The code is in one line, in a block: a walk of two entries. Each page is one of three.
  CHECK(twice.fetches == 1);
  CHECK(twice.fetch_walks == 1);
  CHECK(twice.stage1_references() == 0);
  CHECK(twice.stage2_references() == 2 + 3 * 16 * 5);

  const Counters within = walk_over(8, 5);
  CHECK(data_accesses(within) == 8 * 5);
  CHECK(within.walks == 1 + 8);
  CHECK(within.stage2_references() == 2 + 3 * 8);
}

TEST_CASE("RISC-V timing: how the engine cuts its blocks does not count") {
  const Counters quiet = walk_over(16, 50);
  for (const std::uint64_t seed : {1ULL, 2ULL, 3ULL}) CHECK(walk_over(16, 50, seed) == quiet);
}

TEST_CASE("RISC-V timing: what crosses lines and pages is an access of each") {
  TimedMachine m({code::load(3, 5, 10, 60),                         // two lines
                  0x00001837,                                       // lui x16, 1
                  code::add(12, 10, 16), code::load(3, 5, 12, -4),  // two pages
                  code::store(0, 5, 12, -1),                        // a byte
                  0x100532af,                                       // lr.d x5, (x10)
                  0x185532af,                                       // sc.d x5, x5, (x10)
                  0x005532af,                                       // amoadd.d x5, x5, (x10)
                  0x00053087,                                       // fld f1, 0(x10)
                  0xe10ce514,  // c.sd x13, 8(x10); c.sd x11, 0(x10)
                  code::kEcall});
  m.cpu().write(Csr::vsstatus, status::FS);
  const Counters counters = m.run();
  CHECK(data_accesses(counters) == 2 + 2 + 1 + 1 + 1 + 1 + 1 + 2);
  CHECK(counters.walks - counters.fetch_walks == 2);
}

TEST_CASE("RISC-V timing: an instruction that goes on in the next line is a fetch of both") {
  // c.nop, then instructions of four bytes: the one at 62 straddles.
  TimedMachine m({});
  m.put_half(GuestMachine::kCode, code::kCompressedNop);
  for (unsigned n = 0; n < 16; ++n) {
    m.put_half(GuestMachine::kCode + 2 + 4 * n, static_cast<std::uint16_t>(code::kNop));
    m.put_half(GuestMachine::kCode + 4 + 4 * n, static_cast<std::uint16_t>(code::kNop >> 16));
  }
  m.put_half(GuestMachine::kCode + 66, code::kCompressedNop);
  m.put(GuestMachine::kCode + 68, {code::kEcall});
  std::vector<std::uint64_t> lines;
  REQUIRE(m.cpu().set_access_listener([&](timing::Access access, std::uint64_t va) {
    if (access == timing::Access::Fetch) lines.push_back(va >> 6);
  }));
  CHECK(m.run().fetches == 2);
  CHECK(lines ==
        std::vector<std::uint64_t>{GuestMachine::kCode >> 6, (GuestMachine::kCode >> 6) + 1});
}

TEST_CASE("RISC-V timing: an access that is refused is translated, and accesses when it succeeds") {
  TimedMachine m({code::load(3, 5, 10, 0), code::kEcall});
  m.unmap(0);
  Counters counters = m.run(GuestMachine::kLoadFault);
  CHECK(counters.refused == 1);
  CHECK(counters.faults == 1);
  CHECK(data_accesses(counters) == 0);
  m.map(0);
  counters = m.run();
  CHECK(counters.refused == 1);
  CHECK(data_accesses(counters) == 1);
  CHECK(counters.fetches == 1);
}

TEST_CASE(
    "RISC-V timing: an emulated access is no access, and its successor is as many instructions "
    "on") {
  for (const std::uint64_t seed : {0ULL, 9ULL}) {
    TimedMachine m({code::load(3, 5, 10, 0), code::jal(0, -4)}, seed);
    m.unmap(0);
    for (std::uint64_t n = 1; n <= 50; ++n) {
      const Counters counters = m.run(GuestMachine::kLoadFault);
      m.skip_instruction();
      CHECK(counters.refused == n);
      CHECK(counters.walks - counters.fetch_walks == n);
      CHECK(data_accesses(counters) == 0);
    }
  }
}

TEST_CASE("RISC-V timing: a fetch that is refused is translated") {
  TimedMachine m({0x00050067});  // jr x10
  m.unmap(0);
  const Counters counters = m.run(GuestMachine::kFetchFault);
  CHECK(counters.refused == 1);
  CHECK(counters.fetch_walks == 2);
}

TEST_CASE("RISC-V timing: fences of firmware reach the models of all harts") {
  TimedMachine m({code::load(3, 5, 10, 0), code::kEcall, code::jal(0, -8)}, 0, 2);
  REQUIRE(m.run().walks == 2);  // code and data
  m.skip_instruction();
  const auto walks_after = [&](auto&& fence) {
    const std::uint64_t before = m.cpu().timing_counters()->walks;
    fence(m.cpu(1));
    const std::uint64_t walks = m.run().walks - before;
    m.skip_instruction();
    return walks;
  };
  CHECK(walks_after([](Pcpu&) {}) == 0);
  CHECK(walks_after([](Pcpu& c) { c.remote_hfence_gvma(1, kPages, 0x1000); }) == 1);
  CHECK(walks_after([](Pcpu& c) { c.remote_hfence_gvma(1, kPages + 0x1000, 0x1000); }) == 0);
  CHECK(walks_after([](Pcpu& c) { c.remote_hfence_vvma(); }) == 0);  // the VS-stage is Bare
  CHECK(walks_after([](Pcpu& c) { c.remote_hfence_gvma(1); }) == 2);
  CHECK(walks_after([](Pcpu& c) { c.remote_hfence_gvma(2); }) == 0);  // another VM's
}

TEST_CASE(
    "RISC-V timing: SFENCE.VMA of the guest forgets, and a write of satp changes the tables") {
  // Sv39 with a gigapage that leads to itself.
  constexpr std::uint64_t kTables = GuestMachine::kRam + 0x30'0000;
  TimedMachine m({code::csrrw(0, Csr::satp, 11), code::load(3, 5, 10, 0), code::load(3, 5, 10, 8),
                  code::kSfenceVma, code::load(3, 5, 10, 0), code::kEcall});
  m.word(kTables + 2 * 8) = GuestMachine::entry(GuestMachine::kRam, 0xcf);
  m.cpu().set_gpr(11, 8ULL << 60 | kTables >> 12);
  const Counters counters = m.run();
  CHECK(data_accesses(counters) == 3);
  CHECK(counters.walks - counters.fetch_walks == 2);
  // Before satp is written, then behind it, then behind the fence.
  CHECK(counters.fetch_walks == 3);
  CHECK(counters.stage1_references() == 4);
}

namespace {

/// Two spaces of one VM and one of another over the same tables, in which kOwn is not global and
/// kShared is.
struct Spaces {
  static constexpr std::uint64_t kOwn = 0x10'0000;
  static constexpr std::uint64_t kShared = 0x20'0000;
  static constexpr std::uint64_t kBlock = 0x4000'0000;  // of 2 MiB, not global
  static constexpr std::uint64_t kUpper = ~std::uint64_t{0} << 12;
  static constexpr std::uint64_t kRun = 0x30'0000;  // of 16 pages

  explicit Spaces(Options options = {}) : world(options), core(world.memory()) {
    own = world.map_new(kOwn);
    world.map_new(kShared, kPlain | kG);
    world.map_new(kUpper);
    world.map(kBlock, World::kGuestGpa + 0x20'0000, 1);
    for (std::uint64_t at = World::kGuestGpa + 0x20'0000; at < World::kGuestGpa + 0x21'0000;
         at += 0x1000) {
      world.map_g(at, world.pa_of(at));
    }
    for (std::uint64_t page = 0; page < 16; ++page) {
      world.map(kRun + page * 0x1000, World::kGuestGpa + 0x20'8000, 0, kPlain | kN);
    }
    timing::Profile profile = small_processor();
    profile.l1_tlbs[1].shape = {.entries = 64, .ways = 64};
    core.set_profile(profile);
  }
  void enter(std::uint16_t vmid, std::uint16_t asid) {
    world.set_asid(asid);
    Registers r = world.mmu.registers();
    r.hgatp = (r.hgatp & ~(0x3fffULL << 44)) | std::uint64_t{vmid} << 44;
    core.set_regime(Regime(r, {}));
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

  World world;
  GuestTiming core;
  std::uint64_t own = 0;  // guest physical
  std::uint64_t number = 0;
};

/// Which of (VM 1, ASID 1), (VM 1, ASID 2), (VM 2, ASID 1) walk for an address after a fence.
std::array<bool, 3> walk_after(const Fence& fence, std::uint64_t va) {
  std::array<bool, 3> walked{};
  for (std::size_t i = 0; i < walked.size(); ++i) {
    Spaces s;
    s.warm_up();
    s.core.forget(fence);
    s.enter(Spaces::kAll.at(i).first, Spaces::kAll.at(i).second);
    walked.at(i) = s.walks(va);
  }
  return walked;
}

Fence::Range page(std::uint64_t address) { return {address & ~std::uint64_t{4095}, address}; }

}  // namespace

TEST_CASE("RISC-V timing: each fence forgets what it names, and no more than is written") {
  using Walked = std::array<bool, 3>;
  constexpr std::uint64_t kOwn = Spaces::kOwn;
  constexpr std::uint64_t kShared = Spaces::kShared;
  constexpr Walked kNone{false, false, false};
  CHECK(walk_after({.vmid = 1, .asid = 1, .range = page(kOwn)}, kOwn) ==
        Walked{true, false, false});
  CHECK(walk_after({.vmid = 1, .asid = 1, .range = page(kShared)}, kOwn) == kNone);
  // With an ASID, what is global stays.
  CHECK(walk_after({.vmid = 1, .asid = 1, .range = page(kShared)}, kShared) == kNone);
  CHECK(walk_after({.vmid = 1, .range = page(kShared)}, kShared) == Walked{true, true, false});
  // Any address of a block names it.
  CHECK(walk_after({.vmid = 1, .asid = 2, .range = page(Spaces::kBlock + 0x5000)},
                   Spaces::kBlock) == Walked{false, true, false});
  CHECK(walk_after({.vmid = 1, .asid = 2}, kOwn) == Walked{false, true, false});
  CHECK(walk_after({.vmid = 1, .asid = 2}, kShared) == kNone);
  CHECK(walk_after({.vmid = 1}, kShared) == Walked{true, true, false});
  CHECK(walk_after({.of_g_stage = true, .vmid = 2}, kOwn) == Walked{false, false, true});
  // What both stages say together does not say by which guest physical address.
  CHECK(walk_after({.of_g_stage = true, .vmid = 1, .range = page(0x1000)}, kOwn) ==
        Walked{true, true, false});
}

TEST_CASE("RISC-V timing: no switch of spaces or VMs forgets anything") {
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

TEST_CASE("RISC-V timing: the model reads as many entries as the machine's own walk") {
  for (const unsigned vs_levels : {3U, 4U, 5U}) {
    for (const unsigned g_levels : {3U, 4U, 5U}) {
      CAPTURE(vs_levels);
      CAPTURE(g_levels);
      Spaces s({.vs_levels = vs_levels, .g_levels = g_levels});
      s.enter(1, 1);
      for (const std::uint64_t va : {Spaces::kOwn + 0x123, Spaces::kUpper + 8,
                                     Spaces::kBlock + 0x5008, Spaces::kRun + 0x7010}) {
        CAPTURE(va);
        Recorder recorder;
        const auto walked = s.world.mmu.walk(va, {}, recorder);
        REQUIRE(walked.has_value());
        s.core.forget({.of_g_stage = true, .vmid = 1});
        const std::uint64_t before = s.core.counters()->references();
        REQUIRE(s.walks(va));
        CHECK(s.core.counters()->references() - before == recorder.steps.size());
        CHECK(s.core.counters()->faults == 0);
      }
      // Not canonical: no table is read.
      const std::uint64_t before = s.core.counters()->references();
      s.walks(std::uint64_t{1} << (11 + 9 * vs_levels));
      s.walks(std::uint64_t{1} << 62);
      CHECK(s.core.counters()->references() == before);
      CHECK(s.core.counters()->faults == 2);
    }
  }
}

}  // namespace axvm::sim::riscv64::test
