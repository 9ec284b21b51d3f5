#include <doctest/doctest.h>

#include <sim/arch/aarch64/memory_attributes.hpp>

#include "world.hpp"

namespace axvm::sim::aarch64::test {

namespace {

constexpr std::uint64_t kVa = 0x12'3456'7000;
constexpr std::uint64_t kRes1 = 1U << 11;
constexpr std::uint64_t kNs = 1U << 9;
constexpr std::uint64_t kWriteBack = std::uint64_t{0xff} << 56;
constexpr std::uint64_t kInnerShareable = 3U << 7;
constexpr std::uint64_t kOuterShareable = 2U << 7;

constexpr std::uint64_t failed(unsigned status, bool ptw, bool stage2) {
  return 1U | status << 1 | (ptw ? 1U << 8 : 0U) | (stage2 ? 1U << 9 : 0U) | kRes1;
}

}  // namespace

TEST_CASE("AT S1E1R and S12E1R give IPA and PA, memory type and shareability") {
  World world;
  const std::uint64_t ipa = world.map_new(kVa);
  CHECK(world.mmu.at_s1(kVa + 8, 1, false) == (ipa | kWriteBack | kInnerShareable | kNs | kRes1));
  CHECK(world.mmu.at_s12(kVa + 8, 1, false) ==
        (world.pa_of(ipa) | kWriteBack | kInnerShareable | kNs | kRes1));
  CHECK(world.mmu.tlb().size() == 0);
}

TEST_CASE("AT reports Device and Non-cacheable memory as outer shareable") {
  World world;
  const std::uint64_t device = world.map_new(kVa, kPlain | kDevice);
  CHECK(world.mmu.at_s1(kVa, 1, true) ==
        (device | std::uint64_t{0x04} << 56 | kOuterShareable | kNs | kRes1));
  const std::uint64_t plain = world.map_new(kVa + 0x1000, kPlain | kNonCacheable);
  CHECK(world.mmu.at_s12(kVa + 0x1000, 1, false) ==
        (world.pa_of(plain) | std::uint64_t{0x44} << 56 | kOuterShareable | kNs | kRes1));
}

TEST_CASE("AT S12E1R gives the wider shareability of both stages, AT S1E1R stage 1's") {
  CHECK(combined_shareability(0b00, 0b00) == 0b00);
  CHECK(combined_shareability(0b00, 0b11) == 0b11);
  CHECK(combined_shareability(0b11, 0b10) == 0b10);
  CHECK(combined_shareability(0b10, 0b00) == 0b10);

  World world;
  const std::uint64_t ipa = world.map_new(kVa, kAf);  // not shareable by stage 1
  CHECK(world.mmu.at_s1(kVa, 1, false) == (ipa | kWriteBack | kNs | kRes1));
  CHECK(world.mmu.at_s12(kVa, 1, false) ==
        (world.pa_of(ipa) | kWriteBack | kInnerShareable | kNs | kRes1));
  CHECK(world.mmu.translate(kVa, {}).has_value());  // the TLB knows as much
  CHECK(world.mmu.at_s12(kVa, 1, false) ==
        (world.pa_of(ipa) | kWriteBack | kInnerShareable | kNs | kRes1));
}

TEST_CASE("AT reports faults of both stages") {
  World world;
  world.map_new(kVa, kPlain | kReadOnly);
  CHECK(world.mmu.at_s1(kVa, 1, false).value() % 2 == 0);
  CHECK(world.mmu.at_s1(kVa, 1, true) == failed(0b001111, false, false));
  CHECK(world.mmu.at_s12(kVa, 0, false) == failed(0b001111, false, false));
  CHECK(world.mmu.at_s1(kVa + 0x1000, 1, false) == failed(0b000111, false, false));

  // An IPA without stage 2: stage 1 alone does not mind.
  world.map(kVa + 0x2000, 0x40'0000'0000, 3);
  CHECK(world.mmu.at_s1(kVa + 0x2000, 1, false).value() % 2 == 0);
  CHECK(world.mmu.at_s12(kVa + 0x2000, 1, false) == failed(0b000101, false, true));
}

TEST_CASE("AT S1E1R: stage 2 failing for a descriptor is an exception, S12 a result") {
  World world;
  const std::uint64_t ipa = 0x40'0000'0000;
  world.slot1(kVa, 1) = ipa | kTable;
  const auto result = world.mmu.at_s1(kVa, 1, false);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().stage == 2);
  CHECK(result.error().during_stage1_walk);
  CHECK(result.error().ipa == (ipa | ((kVa >> 21) & 511) * 8));
  CHECK(world.mmu.at_s12(kVa, 1, false) == failed(0b000101, true, true));
}

TEST_CASE("AT answers from the TLB like any access") {
  World world;
  const std::uint64_t old = world.map_new(kVa);
  CHECK(world.mmu.translate(kVa, {}).has_value());
  world.map(kVa, world.new_page(), 3);
  CHECK((world.mmu.at_s1(kVa, 1, false).value() & 0xffff'ffff'f000) == old);
  CHECK((world.mmu.at_s12(kVa, 1, false) & 0xffff'ffff'f000) == world.pa_of(old));
  CHECK(world.statistics.tlb_hits == 0);
}

TEST_CASE("AT with stage 1 off is stage 2 alone") {
  World world;
  const std::uint64_t ipa = world.new_page();
  world.mmu.registers().sctlr_el1 = 0;
  CHECK(world.mmu.at_s1(ipa, 1, false) == (ipa | kOuterShareable | kNs | kRes1));
  CHECK((world.mmu.at_s12(ipa, 1, true) & 0xffff'ffff'f000) == world.pa_of(ipa));
}

TEST_CASE("memory types combine to the stricter (DDI 0487 D8.6.5)") {
  CHECK(combined_memory(0xff, 0b1111) == 0xff);
  CHECK(combined_memory(0x00, 0b1111) == 0x00);
  CHECK(combined_memory(0xff, 0b0000) == 0x00);
  CHECK(combined_memory(0x0c, 0b0010) == 0x08);
  CHECK(combined_memory(0x44, 0b1111) == 0x44);
  CHECK(combined_memory(0xff, 0b0101) == 0x44);
  CHECK(combined_memory(0xff, 0b1101) == 0xf4);
  CHECK(combined_memory(0xbb, 0b1111) == 0xbb);
  CHECK(combined_memory(0xff, 0b1010) == 0xbb);
}

}  // namespace axvm::sim::aarch64::test
