#include <doctest/doctest.h>

#include "world.hpp"

namespace axvm::sim::aarch64::test {

namespace {

constexpr std::uint64_t kVa = 0x12'3456'7000;

/// "rwx" for what is permitted, "-" for what is not: by the flags of a translation and, for each
/// access, by whether it faults.
std::string permissions(World& world, unsigned el, bool pan = false) {
  std::string result;
  constexpr std::pair<Access, char> kAccesses[] = {
      {Access::Read, 'r'}, {Access::Write, 'w'}, {Access::Fetch, 'x'}};
  for (const auto& [access, letter] : kAccesses) {
    const AccessContext context{.access = access, .el = static_cast<std::uint8_t>(el), .pan = pan};
    const auto translation = world.walk(kVa, context);
    result += translation ? letter : '-';
    const auto through_tlb = world.mmu.translate(kVa, context);
    CHECK(through_tlb == translation);
    CHECK(world.mmu.translate(kVa, context) == translation);
    if (!translation) CHECK(translation.error().kind == FaultKind::Permission);
  }
  for (const auto& [access, letter] : kAccesses) {
    const AccessContext context{.access = access, .el = static_cast<std::uint8_t>(el), .pan = pan};
    if (const auto t = world.walk(kVa, context)) {
      const std::string flags = {t->readable ? 'r' : '-', t->writable ? 'w' : '-',
                                 t->executable ? 'x' : '-'};
      CHECK(flags == result);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("stage 1: AP, UXN and PXN (DDI 0487 table D8-62)") {
  struct Row {
    std::uint64_t bits;
    const char* el1;
    const char* el0;
  };
  constexpr Row kRows[] = {
      {0, "rwx", "--x"},
      {kEl0, "rw-", "rwx"},  // writable at EL0: never executable at EL1
      {kReadOnly, "r-x", "--x"},
      {kReadOnly | kEl0, "r-x", "r-x"},
      {kUxn, "rwx", "---"},
      {kUxn | kEl0, "rw-", "rw-"},
      {kUxn | kReadOnly, "r-x", "---"},
      {kUxn | kReadOnly | kEl0, "r-x", "r--"},
      {kPxn, "rw-", "--x"},
      {kPxn | kEl0, "rw-", "rwx"},
      {kPxn | kReadOnly, "r--", "--x"},
      {kPxn | kReadOnly | kEl0, "r--", "r-x"},
      {kPxn | kUxn, "rw-", "---"},
      {kPxn | kUxn | kReadOnly, "r--", "---"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.bits);
    World world;
    world.map_new(kVa, kPlain | row.bits);
    CHECK(permissions(world, 1) == row.el1);
    CHECK(permissions(world, 0) == row.el0);
  }
}

TEST_CASE("SCTLR_EL1.WXN: what is writable is not executable") {
  struct Row {
    std::uint64_t bits;
    const char* el1;
    const char* el0;
  };
  constexpr Row kRows[] = {{0, "rw-", "--x"},
                           {kEl0, "rw-", "rw-"},
                           {kReadOnly, "r-x", "--x"},
                           {kReadOnly | kEl0, "r-x", "r-x"}};
  for (const Row& row : kRows) {
    CAPTURE(row.bits);
    World world;
    world.mmu.registers().sctlr_el1 |= 1U << 19;
    world.map_new(kVa, kPlain | row.bits);
    CHECK(permissions(world, 1) == row.el1);
    CHECK(permissions(world, 0) == row.el0);
  }
}

TEST_CASE("WXN is looked at when the TLB answers, not when it remembers") {
  World world;
  world.map_new(kVa);
  CHECK(world.mmu.translate(kVa, {})->executable);
  world.mmu.registers().sctlr_el1 |= 1U << 19;
  CHECK_FALSE(world.mmu.translate(kVa, {})->executable);
  CHECK(world.statistics.tlb_hits == 1);
}

TEST_CASE("PSTATE.PAN: EL1 does not touch data that EL0 may read") {
  World world;
  world.map_new(kVa, kPlain | kEl0 | kReadOnly);
  CHECK(permissions(world, 1, true) == "--x");
  CHECK(permissions(world, 1, false) == "r-x");
  CHECK(permissions(world, 0, true) == "r-x");
  World private_page;
  private_page.map_new(kVa, kPlain);
  CHECK(permissions(private_page, 1, true) == "rwx");
}

TEST_CASE("tables restrict what lies below them") {
  for (unsigned level = 0; level <= 2; ++level) {
    CAPTURE(level);
    const auto with = [&](std::uint64_t table_bits, unsigned el) {
      World world;
      world.map_new(kVa, kPlain | kEl0 | (el == 1 ? kReadOnly : 0));
      world.slot1(kVa, level) |= table_bits;
      return permissions(world, el);
    };
    CHECK(with(0, 0) == "rwx");
    CHECK(with(0, 1) == "r-x");
    CHECK(with(kUxnTable, 0) == "rw-");
    CHECK(with(kUxnTable, 1) == "r-x");
    CHECK(with(kPxnTable, 0) == "rwx");
    CHECK(with(kPxnTable, 1) == "r--");
    CHECK(with(kReadOnlyTable, 0) == "r-x");
    CHECK(with(kNoEl0Table, 0) == "--x");
    CHECK(with(kNoEl0Table | kReadOnlyTable, 1) == "r-x");
  }
}

TEST_CASE("a table that takes EL0's access away makes the page executable at EL1") {
  World world;
  world.map_new(kVa, kPlain | kEl0);
  CHECK(permissions(world, 1) == "rw-");
  World restricted;
  restricted.map_new(kVa, kPlain | kEl0);
  restricted.slot1(kVa, 1) |= kNoEl0Table;
  CHECK(permissions(restricted, 1) == "rwx");
}

TEST_CASE("HPD0 switches the tables' restrictions off, where it is implemented") {
  constexpr std::uint64_t kHpd0 = std::uint64_t{1} << 41;
  for (const bool implemented : {false, true}) {
    World world{{.features = {.hierarchical_disable = implemented}}};
    world.map_new(kVa);
    world.slot1(kVa, 1) |= kReadOnlyTable;
    CHECK(permissions(world, 1) == "r-x");
    world.mmu.tlbi_alle1();
    world.mmu.registers().tcr_el1 |= kHpd0;
    CHECK(permissions(world, 1) == (implemented ? "rwx" : "r-x"));
  }
}

TEST_CASE("stage 2: S2AP and XN, alone and with stage 1") {
  struct Row {
    std::uint64_t stage1;
    std::uint64_t stage2;
    const char* el1;
  };
  constexpr std::uint64_t kBase = kAf | kSh | kS2Normal;
  constexpr Row kRows[] = {
      {0, kBase | kS2Read | kS2Write, "rwx"},
      {0, kBase | kS2Read, "r-x"},
      {0, kBase | kS2Write, "-wx"},
      {0, kBase, "--x"},
      {0, kBase | kS2Read | kS2Write | kS2Xn, "rw-"},
      {0, kBase | kS2Xn, "---"},
      {kReadOnly, kBase | kS2Write, "--x"},
      {kPxn, kBase | kS2Read, "r--"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.stage1);
    CAPTURE(row.stage2);
    World world;
    const std::uint64_t ipa = world.map_new(kVa, kPlain | row.stage1);
    world.map2(ipa, world.pa_of(ipa), 3, row.stage2);
    CHECK(permissions(world, 1) == row.el1);
  }
}

TEST_CASE("stage 2 applies with stage 1 off") {
  World world;
  const std::uint64_t ipa = world.new_page();
  world.map2(ipa, world.pa_of(ipa), 3, kS2Plain & ~kS2Write);
  world.mmu.registers().sctlr_el1 = 0;
  CHECK(world.mmu.translate(ipa, {}).has_value());
  const Fault fault = world.mmu.translate(ipa + 4, {.access = Access::Write}).error();
  CHECK(fault.kind == FaultKind::Permission);
  CHECK(fault.stage == 2);
  CHECK(fault.level == 3);
  CHECK(fault.ipa == ipa + 4);
  CHECK(world.statistics.tlb_hits == 1);
}

TEST_CASE("memory is Device when either stage says so") {
  for (const bool first : {false, true}) {
    for (const bool second : {false, true}) {
      World world;
      const std::uint64_t ipa = world.map_new(kVa, kPlain | (first ? kDevice : 0));
      world.map2(ipa, world.pa_of(ipa), 3, second ? kS2Plain & ~kS2Normal : kS2Plain);
      CHECK(world.walk(kVa)->device == (first || second));
    }
  }
}

}  // namespace axvm::sim::aarch64::test
