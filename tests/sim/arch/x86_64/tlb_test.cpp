// What the TLB remembers, and what makes it forget.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <sim/arch/x86_64/mmu.hpp>
#include <sim/cpu/statistics.hpp>

#include "world.hpp"

namespace axvm::sim::x86_64::test {
namespace {

constexpr std::uint64_t kVa = 0x1234'5000;
constexpr AccessContext kRead{};
constexpr AccessContext kWrite{.access = Access::Write};
constexpr AccessContext kFetch{.access = Access::Fetch};
constexpr AccessContext kUserRead{.access = Access::Read, .user = true};

struct TlbWorld : World {
  explicit TlbWorld(const Options& options = {})
      : World(options), mmu(memory(), 4096, statistics, options.features) {
    mmu.registers() = registers;
  }
  /// Where an access leads; 0: it faults.
  std::uint64_t pa(std::uint64_t va, AccessContext context = {}) {
    const auto t = mmu.translate(va, context);
    return t ? t->pa : 0;
  }
  Statistics statistics;
  Mmu mmu;
};

TEST_CASE("a translation stays until it is invalidated, whatever its tables say") {
  TlbWorld w;
  const std::uint64_t old_page = w.pa_of(w.map_new(kVa));
  CHECK(w.pa(kVa) == old_page);
  const std::uint64_t new_page = w.pa_of(w.map_new(kVa));
  CHECK(w.pa(kVa) == old_page);
  w.mmu.invlpg(kVa + 0x7ff);
  CHECK(w.pa(kVa) == new_page);
  w.set(w.place(kVa), 0);
  CHECK(w.pa(kVa) == new_page);
  w.mmu.flush_address_space();
  CHECK(w.pa(kVa) == 0);
}

TEST_CASE("faults are not remembered, and more rights need no invalidation") {
  TlbWorld w;
  CHECK(w.pa(kVa) == 0);
  const std::uint64_t gpa = w.map_new(kVa, kP);
  CHECK(w.pa(kVa) == w.pa_of(gpa));
  CHECK(w.pa(kVa, kWrite) == 0);
  CHECK(w.pa(kVa, kUserRead) == 0);
  w.map(kVa, gpa);
  CHECK(w.pa(kVa, kWrite) == w.pa_of(gpa));
  CHECK(w.pa(kVa, kUserRead) == w.pa_of(gpa));
}

TEST_CASE("fewer rights do not count before an invalidation") {
  TlbWorld w;
  const std::uint64_t gpa = w.map_new(kVa);
  REQUIRE(w.pa(kVa, kWrite) != 0);
  w.map(kVa, gpa, kP | kNx);
  CHECK(w.pa(kVa, kWrite) != 0);
  CHECK(w.pa(kVa, kUserRead) != 0);
  CHECK(w.pa(kVa, kFetch) != 0);
  w.mmu.invlpg(kVa);
  CHECK(w.pa(kVa, kWrite) == 0);
  CHECK(w.pa(kVa, kUserRead) == 0);
  CHECK(w.pa(kVa, kFetch) == 0);
  CHECK(w.pa(kVa, kRead) != 0);
}

TEST_CASE("a page fault drops what there was for its address") {
  TlbWorld w;
  w.map_new(kVa);
  REQUIRE(w.pa(kVa) != 0);
  w.set(w.place(kVa), 0);
  REQUIRE(w.pa(kVa) != 0);
  // The write has to set D, finds nothing, and faults.
  CHECK(w.pa(kVa, kWrite) == 0);
  CHECK(w.mmu.take_forgotten());
  CHECK(w.pa(kVa) == 0);
}

TEST_CASE("a nested fault drops what was made from its address") {
  TlbWorld w;
  const std::uint64_t gpa = w.map_new(kVa);
  w.map(kVa + 0x1000, gpa);
  REQUIRE(w.pa(kVa) != 0);
  REQUIRE(w.pa(kVa + 0x1000) != 0);
  w.nested_slot(gpa) = 0;
  REQUIRE(w.pa(kVa) != 0);
  REQUIRE(w.mmu.translate(kVa, kWrite).error().kind == FaultKind::NestedPage);
  CHECK(w.pa(kVa) == 0);
  CHECK(w.pa(kVa + 0x1000) == 0);
}

TEST_CASE("the first write to a page walks and sets D; nobody has to forget for that") {
  TlbWorld w;
  const std::uint64_t gpa = w.map_new(kVa);
  REQUIRE_FALSE(w.mmu.translate(kVa, kRead)->permissions.write);
  (void)w.mmu.take_forgotten();
  const std::uint64_t walks = w.statistics.walks;
  CHECK(w.mmu.translate(kVa, kWrite)->permissions.write);
  CHECK(w.statistics.walks == walks + 1);
  CHECK((w.get(w.place(kVa)) & kD) != 0);
  CHECK((w.nested_slot(gpa) & kD) != 0);
  CHECK_FALSE(w.mmu.take_forgotten());
  CHECK(w.mmu.translate(kVa, kRead)->permissions.write);
  CHECK(w.statistics.walks == walks + 1);
  // It is in the TLB: clearing D in memory alone is not seen.
  w.set(w.place(kVa), w.get(w.place(kVa)) & ~kD);
  CHECK(w.mmu.translate(kVa, kWrite));
  CHECK((w.get(w.place(kVa)) & kD) == 0);
}

TEST_CASE("a walk that finds less than the TLB had is told of") {
  TlbWorld w;
  const std::uint64_t gpa = w.map_new(kVa);
  REQUIRE(w.pa(kVa, kFetch) != 0);
  w.map(kVa, gpa, kPlain | kNx);
  (void)w.mmu.take_forgotten();
  REQUIRE(w.pa(kVa, kWrite) != 0);
  CHECK(w.mmu.take_forgotten());
  CHECK(w.pa(kVa, kFetch) == 0);
}

TEST_CASE("global pages stay over a change of CR3, if CR4.PGE says so") {
  for (const bool enabled : {true, false}) {
    TlbWorld w;
    if (enabled) w.mmu.registers().cr4 |= cr4::PGE;
    w.map_new(kVa, kPlain | kG);
    REQUIRE(w.pa(kVa) != 0);
    w.set(w.place(kVa), 0);
    w.mmu.flush_address_space();
    CHECK((w.pa(kVa) != 0) == enabled);
    w.mmu.flush_guest();
    CHECK(w.pa(kVa) == 0);
  }
  TlbWorld w;
  w.mmu.registers().cr4 |= cr4::PGE;
  w.map_new(kVa, kPlain | kG);
  REQUIRE(w.pa(kVa) != 0);
  w.set(w.place(kVa), 0);
  w.mmu.invlpg(kVa);
  CHECK(w.pa(kVa) == 0);
}

TEST_CASE("PCIDs keep address spaces apart, global pages are in all of them") {
  TlbWorld w;
  Registers& r = w.mmu.registers();
  r.cr4 |= cr4::PCIDE | cr4::PGE;
  w.map_new(kVa);
  w.map_new(kVa + 0x1000, kPlain | kG);
  r.cr3 |= 1;
  REQUIRE(w.pa(kVa) != 0);
  REQUIRE(w.pa(kVa + 0x1000) != 0);
  w.set(w.place(kVa & ~0xfffULL), 0);
  w.set(w.place(kVa + 0x1000), 0);
  r.cr3 += 1;
  CHECK(w.pa(kVa) == 0);
  CHECK(w.pa(kVa + 0x1000) != 0);
  r.cr3 -= 1;
  CHECK(w.pa(kVa) != 0);
  w.mmu.flush_address_space();
  CHECK(w.pa(kVa) == 0);
}

TEST_CASE("ASIDs keep guests apart, and TLB_CONTROL and INVLPGA name them") {
  for (const unsigned control : {0U, 1U, 3U, 7U, 8U}) {
    CAPTURE(control);
    TlbWorld w;
    Registers& r = w.mmu.registers();
    r.cr4 |= cr4::PGE;
    const std::uint64_t global = kVa + 0x1000;
    w.map_new(kVa);
    w.map_new(global, kPlain | kG);
    for (const std::uint16_t asid : {std::uint16_t{6}, std::uint16_t{5}}) {
      r.asid = asid;
      REQUIRE(w.pa(kVa) != 0);
      REQUIRE(w.pa(global) != 0);
    }
    w.nested_slot(w.registers.cr3) = 0;
    w.mmu.tlb_control(control, 5);
    const bool all = control == 1 || control == 3;
    CHECK((w.pa(kVa) == 0) == (all || control == 7));
    CHECK((w.pa(global) == 0) == all);
    r.asid = 6;
    CHECK((w.pa(kVa) == 0) == (control == 1));
  }
  TlbWorld w;
  w.map_new(kVa);
  w.map_new(kVa + 0x1000);
  REQUIRE(w.pa(kVa) != 0);
  REQUIRE(w.pa(kVa + 0x1000) != 0);
  w.set(w.place(kVa), 0);
  w.set(w.place(kVa + 0x1000), 0);
  w.mmu.invlpga(kVa, 6);
  CHECK(w.pa(kVa) != 0);
  w.mmu.invlpga(kVa, 5);
  CHECK(w.pa(kVa) == 0);
  CHECK(w.pa(kVa + 0x1000) != 0);
}

TEST_CASE("what the guest invalidates leaves nested translations alone") {
  TlbWorld w;
  const std::uint64_t gpa = w.map_new(kVa);
  REQUIRE(w.pa(kVa) == w.pa_of(gpa));
  w.nested_slot(gpa) = (World::kGuest + 0x7'0000) | kPlain;
  w.mmu.flush_guest();
  CHECK(w.pa(kVa) == w.pa_of(gpa));
  w.mmu.tlb_control(3, 5);
  CHECK(w.pa(kVa) == World::kGuest + 0x7'0000);
}

TEST_CASE("without paging nested translations alone are remembered") {
  TlbWorld w({.guest = PagingMode::None});
  const std::uint64_t gpa = w.new_page();
  CHECK(w.pa(gpa) == w.pa_of(gpa));
  w.nested_slot(gpa) = 0;
  CHECK(w.pa(gpa) == w.pa_of(gpa));
  CHECK(w.statistics.tlb_hits == 1);
  CHECK(w.mmu.translate_ahead(gpa, kFetch));
  CHECK_FALSE(w.mmu.translate_ahead(gpa + 0x1000, kFetch));
  w.mmu.tlb_control(3, 5);
  CHECK(w.pa(gpa) == 0);
}

TEST_CASE("looking ahead answers from the TLB, and leaves no trace") {
  TlbWorld w;
  w.map_new(kVa);
  CHECK_FALSE(w.mmu.translate_ahead(kVa, kFetch));
  CHECK(w.mmu.translate_without_side_effects(kVa, kFetch));
  CHECK((w.get(w.place(kVa)) & kA) == 0);
  CHECK(w.mmu.tlb().size() == 0);
  REQUIRE(w.pa(kVa) != 0);
  CHECK(w.mmu.translate_ahead(kVa, kFetch)->pa == w.pa(kVa));
  CHECK_FALSE(w.mmu.translate_ahead(kVa, kWrite));
}

TEST_CASE("an entry is amended in place, and only by one for the same block") {
  Statistics statistics;
  Tlb tlb(2, statistics);
  const TlbTag tag = TlbTag::of_asid(1, 0);
  tlb.insert(tag, {.input = 0x1000, .ipa = 0x5000, .pa = 0x9000});
  tlb.insert(tag, {.input = 0x2000, .ipa = 0x6000, .pa = 0xa000});
  TlbEntry entry{.input = 0x1000, .ipa = 0x5000, .pa = 0x9000, .guest = PageAttributes::all()};
  CHECK(tlb.amend(tag, entry));
  CHECK(*tlb.find(tag, 0x1234) == entry);
  CHECK(tlb.size() == 2);
  entry.ipa = 0x7000;
  CHECK_FALSE(tlb.amend(tag, entry));
  entry = {.input = 0x3000};
  CHECK_FALSE(tlb.amend(tag, entry));
  // It is still the oldest.
  tlb.insert(tag, entry);
  CHECK(tlb.find(tag, 0x1000) == nullptr);
  CHECK(tlb.find(tag, 0x2000) != nullptr);
}

TEST_CASE("who invalidates as he must sees what the tables say") {
  const bool passed = rc::check([] {
    using enum PagingMode;
    TlbWorld w({.guest = *rc::gen::element(Legacy32, Pae, Long4, Long5),
                .nested = *rc::gen::element(Long4, Long5)});
    constexpr unsigned kPages = 4;
    std::uint64_t pages[kPages];
    for (unsigned n = 0; n < kPages; ++n) {
      pages[n] = w.map_new(kVa + n * 0x1000);
    }
    Registers& r = w.mmu.registers();
    r.cr4 |= cr4::PGE;
    for (unsigned n = 0; n < 60; ++n) {
      const std::uint64_t va = kVa + *rc::gen::inRange(0U, kPages) * 0x1000;
      const std::uint64_t gpa = pages[*rc::gen::inRange(0U, kPages)];
      const std::uint64_t bits = *rc::gen::element<std::uint64_t>(0, kP, kPlain, kPlain, kPlain);
      switch (*rc::gen::inRange(0, 8)) {
        case 0:
          w.map(va, gpa, bits | *rc::gen::element<std::uint64_t>(0, kG));
          w.mmu.invlpg(va);
          break;
        case 1:
          w.nested_slot(gpa) = w.pa_of(pages[*rc::gen::inRange(0U, kPages)]) | bits;
          w.mmu.tlb_control(3, r.asid);
          break;
        case 2: r.cr0 ^= cr0::WP; break;
        default: {
          w.registers = r;
          const AccessContext context{
              .access = *rc::gen::element(Access::Read, Access::Write, Access::Fetch),
              .user = *rc::gen::arbitrary<bool>()};
          const auto should = w.look(va, context);
          const auto is = w.mmu.translate(va, context);
          RC_ASSERT(is.has_value() == should.has_value());
          if (is) {
            RC_ASSERT(is->pa == should->pa);
            RC_ASSERT(is->permissions.allow(context.access));
          } else {
            RC_ASSERT(is.error() == should.error());
          }
        }
      }
    }
  });
  CHECK(passed);
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
