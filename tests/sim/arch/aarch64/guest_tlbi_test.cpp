// TLB maintenance as a guest executes it: what it invalidates is gone from the engine, too, and
// what it does not is still there.

#include <doctest/doctest.h>

#include <cstring>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kRam = GuestMachine::kRam;
constexpr std::uint64_t kRoot = kRam + 0x10'0000;        // level 1: 1 GiB each
constexpr std::uint64_t kIdentity = kRam + 0x10'1000;    // level 2, for VA 1 GiB on: RAM
constexpr std::uint64_t kDataBlocks = kRam + 0x10'2000;  // level 2, for VA 0 on
constexpr std::uint64_t kDataPages = kRam + 0x10'3000;   // level 3, for VA 0 on
constexpr std::uint64_t kOld = kRam + 0x40'0000;
constexpr std::uint64_t kNew = kRam + 0x60'0000;
constexpr std::uint64_t kTableBits = 3;
constexpr std::uint64_t kBlockBits = 0x701;  // AF, inner shareable, MAIR index 0
constexpr std::uint64_t kPageBits = 0x703;

/// Reads of VA 0 and of VA 4096 see `first` and `second` after the guest has had both lead to kNew
/// instead of kOld, and invalidated VA 0.
struct Seen {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen run(std::uint32_t tlbi, bool pages, std::uint64_t chaos) {
  GuestMachine m(
      {
          0xb9400001,  // ldr w1, [x0]
          0xb9400142,  // ldr w2, [x10]
          0xf9000083,  // str x3, [x4]
          0xf9000128,  // str x8, [x9]
          0xd5033b9f,  // dsb ish
          tlbi,        // tlbi …, x0
          0xd5033b9f,  // dsb ish
          0xd5033fdf,  // isb
          0xb9400006,  // ldr w6, [x0]
          0xb9400147,  // ldr w7, [x10]
          0xd4000022,  // hvc #1
      },
      2);
  const auto put = [&](std::uint64_t at, std::uint64_t value) {
    std::memcpy(m.machine->memory().at(at), &value, sizeof value);
  };
  put(kRoot, kDataBlocks | kTableBits);
  put(kRoot + 8, kIdentity | kTableBits);
  for (std::uint64_t n = 0; n < 8; ++n) put(kIdentity + 8 * n, (kRam + (n << 21)) | kBlockBits);
  const std::uint64_t bits = pages ? kPageBits : kBlockBits;
  put(kDataBlocks, pages ? kDataPages | kTableBits : kOld | kBlockBits);
  put(kDataPages, kOld | kPageBits);
  put(kDataPages + 8, (kOld + 4096) | kPageBits);
  for (const std::uint64_t page : {0ULL, 4096ULL}) {
    put(kOld + page, 1);
    put(kNew + page, 2);
  }

  Pcpu& cpu = m.cpu();
  cpu.set_chaos(chaos);
  cpu.write(reg::MAIR_EL1, 0xff);
  cpu.write(reg::TCR_EL1, 25 | (3ULL << 12) | (1ULL << 23));  // T0SZ, SH0, EPD1
  cpu.write(reg::TTBR0_EL1, kRoot);
  cpu.write(reg::SCTLR_EL1, 0x30c5'0831);
  const std::uint64_t table = pages ? kDataPages : kDataBlocks;
  cpu.set_gpr(3, kNew | bits);
  cpu.set_gpr(4, table);
  // A block's second page moves with the block: the same descriptor again.
  cpu.set_gpr(8, pages ? (kNew + 4096) | bits : kNew | bits);
  cpu.set_gpr(9, pages ? table + 8 : table);
  cpu.set_gpr(10, 4096);
  REQUIRE(cpu.enter_guest() == Vector::Synchronous);
  REQUIRE(m.esr() == 0x5a000001);
  REQUIRE(cpu.gpr(1) == 1);
  REQUIRE(cpu.gpr(2) == 1);
  return {.first = cpu.gpr(6), .second = cpu.gpr(7)};
}

TEST_CASE("TLBI by address forgets the page, or the block, and keeps other pages") {
  constexpr std::uint32_t kVae1 = 0xd5088720;
  constexpr std::uint32_t kVaale1is = 0xd50883e0;
  for (const std::uint32_t tlbi : {kVae1, kVaale1is}) {
    for (std::uint64_t chaos = 0; chaos < 6; ++chaos) {
      CAPTURE(tlbi);
      CAPTURE(chaos);
      CHECK(run(tlbi, false, chaos) == Seen{.first = 2, .second = 2});
      CHECK(run(tlbi, true, chaos) == Seen{.first = 2, .second = 1});
    }
  }
}

TEST_CASE("TLBI of everything forgets everything") {
  constexpr std::uint32_t kVmalle1 = 0xd508871f;
  CHECK(run(kVmalle1, false, 0) == Seen{.first = 2, .second = 2});
  CHECK(run(kVmalle1, true, 0) == Seen{.first = 2, .second = 2});
}

}  // namespace
}  // namespace axvm::sim::aarch64
