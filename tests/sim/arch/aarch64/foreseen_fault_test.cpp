// Mmu::foresee_stage2_fault: what translate() would say, or nothing at all.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "world.hpp"

namespace axvm::sim::aarch64::test {
namespace {

constexpr std::uint64_t kVa = 0x12'3456'7000;

bool same(const Statistics& a, const Statistics& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

/// A world with one page, and what may be done to it. Two of them are changed alike.
struct Subject {
  explicit Subject(bool stage1) {
    world.mmu.registers().sctlr_el1 = stage1 ? 1 : 0;
    ipa = world.map_new(kVa);
    root = world.slot1(kVa, 0);
  }
  [[nodiscard]] std::uint64_t va() const { return world.mmu.stage1_enabled() ? kVa : ipa; }

  void change(unsigned what) {
    switch (what) {
      case 0: world.slot2(ipa, 3) = 0; break;
      case 1: world.map2(ipa, world.pa_of(ipa), 3); break;
      case 2: world.map2(ipa, world.pa_of(ipa), 3, kS2Plain & ~kS2Write); break;
      case 3: world.slot1(kVa, 3) = 0; break;
      case 4: world.map(kVa, ipa, 3); break;
      case 5: world.map(kVa, ipa, 3, kPlain | kReadOnly); break;
      case 6: world.mmu.tlbi_vmalls12e1(World::kVmid); break;
      case 7: world.mmu.tlbi_ipas2e1(World::kVmid, ipa); break;
      case 8: world.set_asid(static_cast<std::uint16_t>(++asid)); break;
      case 9: world.mmu.registers().sctlr_el1 ^= 1; break;
      case 10: world.slot1(kVa, 3) ^= kAf; break;
      case 11: world.mmu.registers().hcr_el2 ^= 1; break;
      case 12: world.mmu.tlbi_vmalle1(World::kVmid); break;
      default: break;
    }
  }

  World world;
  std::uint64_t ipa = 0;
  std::uint64_t root = 0;
  unsigned asid = 0;
};

TEST_CASE("a foreseen fault is the one that translate() returns, and is counted alike") {
  unsigned foreseen = 0;
  CHECK(rc::check([&] {
    const bool stage1 = *rc::gen::arbitrary<bool>();
    Subject guess(stage1);
    Subject real(stage1);
    guess.change(0);
    real.change(0);
    FaultMemo memo;
    const auto steps = *rc::gen::container<std::vector<unsigned>>(rc::gen::inRange(0U, 64U));
    for (const unsigned step : steps) {
      if (step < 13) {
        guess.change(step);
        real.change(step);
        continue;
      }
      const AccessContext context{.access = step % 2 == 0 ? Access::Read : Access::Write,
                                  .el = static_cast<std::uint8_t>(step % 8 != 0),
                                  .pan = false};
      const Statistics before = guess.world.statistics;
      const std::uint64_t tlb = guess.world.mmu.tlb().changes();
      const Fault* const fault = guess.world.mmu.foresee_stage2_fault(guess.va(), context, memo);
      RC_ASSERT(guess.world.mmu.tlb().changes() == tlb);
      const auto result = real.world.mmu.translate(real.va(), context);
      if (fault != nullptr) {
        ++foreseen;
        RC_ASSERT_FALSE(result.has_value());
        RC_ASSERT((*fault == result.error()));
        RC_ASSERT(fault->stage == 2);
      } else {
        RC_ASSERT(same(guess.world.statistics, before));
        RC_ASSERT((guess.world.mmu.translate(guess.va(), context) == result));
      }
      RC_ASSERT(same(guess.world.statistics, real.world.statistics));
      RC_ASSERT(guess.world.mmu.tlb().size() == real.world.mmu.tlb().size());
    }
  }));
  CHECK(foreseen > 100);
}

TEST_CASE("a fault is foreseen at the second access at the latest, whatever stage 1 does") {
  for (const bool stage1 : {false, true}) {
    Subject subject(stage1);
    subject.change(0);
    FaultMemo memo;
    // The first walk has the TLB remember where stage 1's tables are.
    CHECK((subject.world.mmu.foresee_stage2_fault(subject.va(), {}, memo) == nullptr) == stage1);
    CHECK_FALSE(subject.world.mmu.translate(subject.va(), {}).has_value());
    const Fault* const fault = subject.world.mmu.foresee_stage2_fault(subject.va(), {}, memo);
    REQUIRE(fault != nullptr);
    CHECK(*fault == Fault{.kind = FaultKind::Translation,
                          .stage = 2,
                          .level = 3,
                          .during_stage1_walk = false,
                          .va = subject.va(),
                          .ipa = subject.ipa});
    subject.change(1);  // a valid descriptor needs no maintenance
    CHECK(subject.world.mmu.foresee_stage2_fault(subject.va(), {}, memo) == nullptr);
  }
}

}  // namespace
}  // namespace axvm::sim::aarch64::test
