// Walks of tables made by hand.

#include <doctest/doctest.h>

#include "world.hpp"

namespace axvm::sim::x86_64::test {
namespace {

constexpr std::uint64_t kVa = 0x1234'5000;
constexpr AccessContext kRead{};
constexpr AccessContext kWrite{.access = Access::Write};
constexpr AccessContext kFetch{.access = Access::Fetch};
constexpr AccessContext kUserRead{.access = Access::Read, .user = true};
constexpr AccessContext kUserWrite{.access = Access::Write, .user = true};
constexpr AccessContext kUserFetch{.access = Access::Fetch, .user = true};
namespace pf = page_fault;

Fault fault_of(const std::expected<Translation, Fault>& result) {
  REQUIRE(!result);
  return result.error();
}

TEST_CASE("both stages lead to the page, in all modes of both") {
  using enum PagingMode;
  for (const PagingMode guest : {Legacy32, Pae, Long4, Long5}) {
    for (const PagingMode nested : {None, Long4, Long5}) {
      CAPTURE(static_cast<int>(guest));
      CAPTURE(static_cast<int>(nested));
      World w({.guest = guest, .nested = nested});
      const std::uint64_t gpa = w.map_new(kVa);
      const auto t = w.walk(kVa + 0x123);
      REQUIRE(t);
      CHECK(t->gpa == gpa + 0x123);
      CHECK(t->pa == w.pa_of(gpa) + 0x123);
      CHECK(t->page_size == 4096);
    }
  }
}

TEST_CASE("without paging, linear addresses of 32 bits are guest physical") {
  World w({.guest = PagingMode::None});
  const std::uint64_t gpa = w.new_page();
  const auto t = w.walk(0xffff'ffff'0000'0000 | gpa, {.access = Access::Write, .user = true});
  REQUIRE(t);
  CHECK(t->gpa == gpa);
  CHECK(t->pa == w.pa_of(gpa));
  const Fault f = fault_of(w.walk(0x7000'0000));
  CHECK(f.kind == FaultKind::NestedPage);
  CHECK(f.error == (pf::U | pf::kFinal));
  CHECK(f.gpa == 0x7000'0000);
}

TEST_CASE("a walk of four levels over four reads twenty-four entries, each at its place") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  Recorder seen;
  REQUIRE(w.walk(kVa, kRead, seen));
  REQUIRE(seen.steps.size() == 24);
  for (unsigned n = 0; n < 24; ++n) {
    CAPTURE(n);
    const WalkStep& s = seen.steps[n];
    const bool of_guest = n % 5 == 4;
    CHECK(s.stage == (of_guest ? WalkStep::Stage::Guest : WalkStep::Stage::Nested));
    CHECK(s.level == (of_guest ? 3 - n / 5 : 3 - n % 5));
    CHECK(s.of_tables == (!of_guest && n < 20));
    CHECK((s.entry | kA | kD) == (w.word(s.entry_pa) | kA | kD));
    CHECK(s.entry_gpa == s.table + std::uint64_t{s.index} * 8);
    CHECK(s.kind == (s.level == 0 ? WalkStep::Kind::Leaf : WalkStep::Kind::Table));
  }
  CHECK(seen.steps[23].input == gpa);
  CHECK(seen.steps[4].index_high == 47);
  CHECK(seen.steps[4].index_low == 39);
}

TEST_CASE("addresses that are not canonical are no page's") {
  for (const auto& [mode, half] :
       {std::pair{PagingMode::Long4, 1ULL << 47}, std::pair{PagingMode::Long5, 1ULL << 56}}) {
    World w({.guest = mode});
    for (const std::uint64_t va : {half, ~half}) {
      CHECK(fault_of(w.walk(va)).kind == FaultKind::NonCanonical);
    }
    w.map_new(half - 4096);
    w.map_new(~(half - 1));
    CHECK(w.walk(half - 1));
    CHECK(w.walk(~(half - 1)));
  }
}

TEST_CASE("large pages: 4 MiB in 32-bit paging, with eight more bits of address") {
  World w({.guest = PagingMode::Legacy32, .nested = PagingMode::None});
  w.map(0x40'0000, 0x8040'0000 | 0xa5ULL << 13, kPlain | kPs, 1);
  const auto t = w.walk(0x41'2345);
  REQUIRE(t);
  CHECK(t->gpa == 0xa5'8041'2345);
  CHECK(t->page_size == 0x40'0000);
  // Without CR4.PSE the same entry is a table's.
  World low({.guest = PagingMode::Legacy32});
  low.registers.cr4 &= ~cr4::PSE;
  const std::uint64_t page = low.map_new(kVa);
  low.set(low.place(kVa, 1), low.get(low.place(kVa, 1)) | kPs);
  CHECK(low.walk(kVa)->gpa == page);
  // Bit 21 is reserved.
  w.map(0x40'0000, 0x8040'0000 | 1U << 21, kPlain | kPs, 1);
  CHECK(fault_of(w.walk(0x41'2345)).error == (pf::P | pf::RSV));
}

TEST_CASE("a page of 4 MiB has no more bits of address than the processor") {
  World w({.guest = PagingMode::Legacy32, .nested = PagingMode::None, .features = {.pa_bits = 38}});
  w.map(0x40'0000, 1U << 18, kPlain | kPs, 1);
  CHECK(w.walk(0x40'0000)->gpa == 1ULL << 37);
  w.map(0x40'0000, 1U << 19, kPlain | kPs, 1);
  CHECK(fault_of(w.walk(0x40'0000)).error == (pf::P | pf::RSV));
}

TEST_CASE("large pages: 2 MiB and 1 GiB; the smaller of both stages counts") {
  World w;
  const std::uint64_t gpa = 0x20'0000;
  w.map(0x4000'0000, gpa, kPlain | kPs, 1);
  w.nested_slot(gpa + 0x3000) = (World::kGuest + 0x5000) | kPlain;
  auto t = w.walk(0x4000'3abc);
  REQUIRE(t);
  CHECK(t->gpa == gpa + 0x3abc);
  CHECK(t->pa == World::kGuest + 0x5abc);
  CHECK(t->page_size == 4096);
  w.map(0x8000'0000, 0x4000'0000, kPlain | kPs, 2);
  w.nested_slot(0x4000'0000, 2) = 0xc000'0000 | kPlain | kPs;
  t = w.walk(0x8012'3456);
  REQUIRE(t);
  CHECK(t->pa == 0xc012'3456);
  CHECK(t->page_size == 0x4000'0000);
  // Address bits below the page's size are reserved, but for PAT.
  w.map(0x8000'0000, 0x4000'0000 | 1U << 12, kPlain | kPs, 2);
  CHECK(w.walk(0x8000'0000));
  w.map(0x8000'0000, 0x4000'0000 | 1U << 13, kPlain | kPs, 2);
  CHECK(fault_of(w.walk(0x8000'0000)).error == (pf::P | pf::RSV));
}

TEST_CASE("what an access may do, by R/W, U/S, CPL and WP") {
  World w;
  w.map_new(kVa, kP);
  CHECK(w.walk(kVa, kRead));
  CHECK(w.walk(kVa, kFetch));
  CHECK(fault_of(w.walk(kVa, kWrite)).error == (pf::P | pf::W));
  CHECK(fault_of(w.walk(kVa, kUserRead)).error == (pf::P | pf::U));
  w.registers.cr0 &= ~cr0::WP;
  CHECK(w.walk(kVa, kWrite));
  w.map_new(kVa, kP | kU);
  CHECK(w.walk(kVa, kUserRead));
  CHECK(w.walk(kVa, kUserFetch));
  CHECK(w.walk(kVa, kWrite));
  CHECK(fault_of(w.walk(kVa, kUserWrite)).error == (pf::P | pf::W | pf::U));
  w.map_new(kVa);
  CHECK(w.walk(kVa, kUserWrite));
  // What the processor does for itself is not the user's doing.
  w.map_new(kVa, kP);
  CHECK(w.walk(kVa, {.access = Access::Read, .user = true, .implicit = true}));
}

TEST_CASE("permissions count in all levels") {
  for (unsigned level = 1; level < 4; ++level) {
    CAPTURE(level);
    World w;
    w.map_new(kVa);
    const std::uint64_t at = w.place(kVa, level);
    const std::uint64_t entry = w.get(at);
    w.set(at, entry & ~kW);
    CHECK(fault_of(w.walk(kVa, kWrite)).error == (pf::P | pf::W));
    w.set(at, entry & ~kU);
    CHECK(fault_of(w.walk(kVa, kUserRead)).error == (pf::P | pf::U));
    w.set(at, entry | kNx);
    CHECK(fault_of(w.walk(kVa, kFetch)).error == (pf::P | pf::ID));
    w.set(at, entry & ~kP);
    CHECK(fault_of(w.walk(kVa, kFetch)).error == pf::ID);
    CHECK(fault_of(w.walk(kVa, kFetch)).level == level);
  }
}

TEST_CASE("NX without EFER.NXE is a reserved bit, and fetches are then not told") {
  World w;
  w.map_new(kVa, kPlain | kNx);
  CHECK(fault_of(w.walk(kVa, kUserFetch)).error == (pf::P | pf::U | pf::ID));
  CHECK(w.walk(kVa, kUserRead));
  w.registers.efer &= ~efer::NXE;
  CHECK(fault_of(w.walk(kVa, kFetch)).error == (pf::P | pf::RSV));
  w.registers.cr4 |= cr4::SMEP;
  CHECK(fault_of(w.walk(kVa, kFetch)).error == (pf::P | pf::RSV | pf::ID));
}

TEST_CASE("SMEP and SMAP keep supervisors from users' pages") {
  World w;
  w.map_new(kVa);
  w.registers.cr4 |= cr4::SMEP;
  CHECK(fault_of(w.walk(kVa, kFetch)).error == (pf::P | pf::ID));
  CHECK(w.walk(kVa, kRead));
  CHECK(w.walk(kVa, kUserFetch));
  w.registers.cr4 |= cr4::SMAP;
  CHECK(fault_of(w.walk(kVa, kRead)).error == pf::P);
  CHECK(fault_of(w.walk(kVa, kWrite)).error == (pf::P | pf::W));
  CHECK(w.walk(kVa, {.access = Access::Write, .ac = true}));
  CHECK_FALSE(w.walk(kVa, {.access = Access::Write, .implicit = true, .ac = true}));
  CHECK(w.walk(kVa, kUserWrite));
}

TEST_CASE("reserved bits: what is above physical addresses, and in PAE's root") {
  World narrow({.features = {.pa_bits = 40}});
  narrow.map_new(kVa);
  narrow.set(narrow.place(kVa), narrow.get(narrow.place(kVa)) | 1ULL << 40);
  CHECK(fault_of(narrow.walk(kVa, kUserRead)).error == (pf::P | pf::RSV | pf::U));
  World top;
  top.map_new(kVa);
  top.set(top.place(kVa, 3), top.get(top.place(kVa, 3)) | kPs);
  CHECK(fault_of(top.walk(kVa)).error == (pf::P | pf::RSV));
  World pae({.guest = PagingMode::Pae});
  pae.map_new(kVa);
  const std::uint64_t root = pae.place(kVa, 2);
  const std::uint64_t entry = pae.get(root);
  REQUIRE(pae.walk(kVa));
  CHECK(pae.get(root) == entry);  // it has no A
  for (const std::uint64_t bits : {kW, kU, kA, kD, kPs, kG, std::uint64_t{1} << 52, kNx}) {
    pae.set(root, entry | bits);
    CHECK(fault_of(pae.walk(kVa)).error == (pf::P | pf::RSV));
  }
  // Unlike in long mode, bits 62 to 52 are not software's.
  pae.set(root, entry);
  for (const unsigned n : {52U, 62U}) {
    pae.set(pae.place(kVa), pae.get(pae.place(kVa, 1)) | std::uint64_t{1} << n);
    CHECK(fault_of(pae.walk(kVa)).error == (pf::P | pf::RSV));
  }
}

TEST_CASE("a walk sets A in all entries of both stages, and D where it writes") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  REQUIRE(w.look(kVa, kWrite));
  CHECK((w.get(w.place(kVa)) & (kA | kD)) == 0);
  REQUIRE(w.walk(kVa, kRead));
  for (unsigned level = 0; level < 4; ++level) {
    CHECK((w.get(w.place(kVa, level)) & (kA | kD)) == kA);
    CHECK((w.nested_slot(gpa, level) & (kA | kD)) == kA);
  }
  // The guest's tables are written, as far as the nested ones know.
  CHECK((w.nested_slot(w.registers.cr3) & (kA | kD)) == (kA | kD));
  const auto read = w.walk(kVa, kRead);
  CHECK_FALSE(read->permissions.write);
  const auto written = w.walk(kVa, kWrite);
  CHECK(written->permissions.write);
  CHECK((w.get(w.place(kVa)) & kD) != 0);
  CHECK((w.get(w.place(kVa, 1)) & kD) == 0);
  CHECK((w.nested_slot(gpa) & kD) != 0);
  CHECK(w.walk(kVa, kRead)->permissions.write);
}

TEST_CASE("a fault of the guest's sets no bits of the guest's") {
  World w;
  w.map_new(kVa, kP);
  CHECK_FALSE(w.walk(kVa, kUserWrite));
  for (unsigned level = 0; level < 4; ++level) {
    CHECK((w.get(w.place(kVa, level)) & (kA | kD)) == 0);
  }
}

TEST_CASE("nested faults say whether the address was a table's, and are the user's") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  std::uint64_t& leaf = w.nested_slot(gpa);
  leaf &= ~kW;
  Fault f = fault_of(w.walk(kVa + 0x18, kWrite));
  CHECK(f.kind == FaultKind::NestedPage);
  CHECK(f.error == (pf::P | pf::W | pf::U | pf::kFinal));
  CHECK(f.gpa == gpa + 0x18);
  CHECK(f.va == kVa + 0x18);
  leaf |= kNx;
  CHECK(fault_of(w.walk(kVa, kFetch)).error == (pf::P | pf::U | pf::ID | pf::kFinal));
  leaf &= ~kU;
  CHECK(fault_of(w.walk(kVa, kRead)).error == (pf::P | pf::U | pf::kFinal));
  leaf = 0;
  CHECK(fault_of(w.walk(kVa, kRead)).error == (pf::U | pf::kFinal));

  // A table that may not be written cannot be walked, even by a fetch.
  std::uint64_t& table = w.nested_slot(w.registers.cr3);
  table &= ~kW;
  f = fault_of(w.walk(kVa, kFetch));
  CHECK(f.error == (pf::P | pf::W | pf::U | pf::kTables));
  CHECK(f.gpa == w.registers.cr3);
  CHECK(f.level == 0);
}

TEST_CASE("the guest's fault comes before the nested one of where it leads") {
  World w;
  w.map(kVa, 0x7000'0000, kP);
  CHECK(fault_of(w.walk(kVa, kUserRead)).kind == FaultKind::Page);
  CHECK(fault_of(w.walk(kVa, kRead)).kind == FaultKind::NestedPage);
}

TEST_CASE("guest physical addresses beyond the nested tables' are not present") {
  World w;
  w.map(kVa, 1ULL << 48, kPlain);
  const Fault f = fault_of(w.walk(kVa));
  CHECK(f.error == (pf::U | pf::kFinal));
  CHECK(f.gpa == 1ULL << 48);
  World five({.nested = PagingMode::Long5});
  five.map(kVa, 1ULL << 48, kPlain);
  five.nested_slot(1ULL << 48) = World::kGuest | kPlain;
  CHECK(five.walk(kVa));
}

TEST_CASE("tables where nothing is are all ones") {
  World w;
  w.registers.ncr3 = 0xff'0000'0000;
  CHECK(fault_of(w.walk(kVa)).error == (pf::P | pf::RSV | pf::W | pf::U | pf::kTables));
  World flat({.guest = PagingMode::Long4, .nested = PagingMode::None});
  flat.registers.cr3 = 0xff'0000'0000;
  CHECK(fault_of(flat.walk(kVa)).error == (pf::P | pf::RSV));
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
