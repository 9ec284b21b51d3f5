// Accesses that stage 2 refuses again and again: their aborts are raised before the access, and
// nobody can tell.

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <sim/arch/aarch64/refused_accesses.hpp>
#include <tuple>
#include <vector>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint64_t kRam = GuestMachine::kRam;
/// An address that stage 2 does not map at first; mapped, it leads to RAM.
constexpr std::uint64_t kDevice = 0x10'0000;
constexpr std::uint64_t kBehindDevice = kRam + kDevice;
constexpr std::uint64_t kInRam = kRam + 0x20'0000;

constexpr std::uint32_t kLoad = 0xb9401801;           // ldr w1, [x0, #0x18]
constexpr std::uint32_t kStore = 0xb9001801;          // str w1, [x0, #0x18]
constexpr std::uint32_t kIncrease = 0x91000421;       // add x1, x1, #1
constexpr std::uint32_t kBack = 0x17ffffff;           // b -4
constexpr std::uint64_t kLoadSyndrome = 0x93810005;   // 4 bytes into W1, translation fault, level 1
constexpr std::uint64_t kStoreSyndrome = 0x93810045;  // WnR

/// More than it takes to have the instruction replaced.
constexpr unsigned kOften = 3 * RefusedAccesses::kPatience;

struct Polling : GuestMachine {
  explicit Polling(std::uint32_t access = kLoad) : GuestMachine({access, kBack}) {
    cpu().set_gpr(0, kDevice);
    cpu().write(kVbar, kRam + 0x1000);
    put(kRam + 0x1200, {0x14000000});  // b .
  }
  /// The access traps, and EL2 carries it out.
  void emulate(std::uint64_t syndrome, std::uint64_t value) {
    REQUIRE(cpu().enter_guest() == Vector::Synchronous);
    CHECK(esr() == syndrome);
    CHECK(cpu().read(kFar) == kDevice + 0x18);
    CHECK(cpu().read(kHpfar) == kDevice >> 12 << 4);
    CHECK(elr() == kCode);
    cpu().set_gpr(1, value);
    skip_instruction();
  }
  void emulate_often(std::uint64_t syndrome = kLoadSyndrome) {
    for (unsigned n = 0; n < kOften; ++n) emulate(syndrome, n);
  }
  /// Lets `n` more instructions retire; false when something else comes first.
  bool retires(std::uint64_t n) {
    cpu().set_instruction_limit(cpu().instructions() + n);
    const bool done = cpu().enter_guest() == Vector::Irq && cpu().stopped_at_limit();
    cpu().set_instruction_limit(Pcpu::kNever);
    return done;
  }
  std::uint32_t& word(std::uint64_t pa) {
    return *reinterpret_cast<std::uint32_t*>(machine->memory().at(pa));
  }
  void set_root_entry(std::uint64_t descriptor) {
    std::memcpy(machine->memory().at(kTable), &descriptor, sizeof descriptor);
  }
  void map_device() { set_root_entry(kRam | 0x7fd); }
};

TEST_CASE("each access of a device traps as the first one does, and only the branch retires") {
  Polling m;
  m.emulate_often();
  CHECK(m.cpu().instructions() == kOften - 1);
  CHECK(m.cpu().statistics().walks >= kOften);
  Polling stores(kStore);
  stores.emulate_often(kStoreSyndrome);
}

TEST_CASE("the guest goes on with what EL2 has read for it") {
  Polling m;
  m.emulate_often();
  m.emulate(kLoadSyndrome, 0x1234);
  CHECK(m.retires(1));
  CHECK(m.cpu().gpr(1) == 0x1234);
  CHECK(m.elr() == kCode);
}

TEST_CASE("the same instruction reaches memory when its address does") {
  Polling m;
  m.word(kInRam + 0x18) = 77;
  m.emulate_often();
  m.cpu().set_gpr(0, kInRam);
  CHECK(m.retires(2));
  CHECK(m.cpu().gpr(1) == 77);
  m.cpu().set_gpr(0, kDevice);
  m.emulate(kLoadSyndrome, 5);
}

TEST_CASE("a page that EL2 maps is no device any more, without maintenance, until it is unmapped") {
  Polling m;
  m.word(kBehindDevice + 0x18) = 99;
  m.emulate_often();
  m.map_device();
  CHECK(m.retires(3));
  CHECK(m.cpu().gpr(1) == 99);
  m.set_root_entry(0);
  m.cpu().tlbi(Tlbi::VMALLS12E1IS, 0);
  if (m.elr() != kCode) CHECK(m.retires(1));
  m.emulate(kLoadSyndrome, 5);
}

TEST_CASE("EL2 may have the access repeated") {
  Polling m;
  m.word(kBehindDevice + 0x18) = 99;
  m.emulate_often();
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.esr() == kLoadSyndrome);
  CHECK(m.elr() == kCode);
  m.map_device();
  CHECK(m.retires(1));
  CHECK(m.cpu().gpr(1) == 99);
}

TEST_CASE("an access that is not aligned is EL1's fault") {
  Polling m;
  m.emulate_often();
  m.cpu().set_gpr(0, kDevice + 1);
  REQUIRE(m.retires(2));
  CHECK(m.elr() == kRam + 0x1200);
  CHECK(m.cpu().read(SysReg(3, 0, 5, 2, 0)) == 0x9600'0021);         // ESR_EL1: alignment
  CHECK(m.cpu().read(SysReg(3, 0, 6, 0, 0)) == kDevice + 1 + 0x18);  // FAR_EL1
}

TEST_CASE("another instruction at the same address does what it does") {
  Polling m;
  m.emulate_often();
  m.cpu().set_gpr(1, 41);
  m.put(kCode, {kIncrease});
  m.machine->memory_written(kCode, 4);
  CHECK(m.retires(2));
  CHECK(m.cpu().gpr(1) == 42);
  m.put(kCode, {kStore});
  m.machine->memory_written(kCode, 4);
  if (m.elr() != kCode) CHECK(m.retires(1));
  m.emulate(kStoreSyndrome, 0);
}

TEST_CASE("an exact stop before a replaced access is one") {
  Polling m;
  m.emulate_often();
  CHECK(m.retires(1));
  CHECK(m.elr() == kCode);
  m.emulate(kLoadSyndrome, 1);
}

TEST_CASE("an instruction that mostly reaches memory is left alone, and traps where it has to") {
  Polling m;
  m.emulate_often();
  m.cpu().set_gpr(0, kInRam);
  CHECK(m.retires(5000));
  m.cpu().set_gpr(0, kDevice);
  if (m.elr() != kCode) CHECK(m.retires(1));
  m.emulate_often();
}

/// What EL2 can see of one trap, and of the machine's counters behind it.
using Sight = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                         std::uint64_t, std::uint64_t, std::uint64_t>;

std::vector<Sight> sights(std::uint64_t chaos, std::uint64_t& digest) {
  // A load and a store of devices, and a load that the guest points here and there.
  GuestMachine m({0xb9401801,    // ldr w1, [x0, #0x18]
                  0xb9000001,    // str w1, [x0]
                  0xb9400042,    // ldr w2, [x2]: the address is what was read here before
                  0xf1000463,    // subs x3, x3, #1
                  0x54ffff81,    // b.ne -16
                  0xd4000002});  // hvc #0
  m.cpu().set_chaos(chaos);
  m.cpu().set_gpr(0, kDevice);
  m.cpu().set_gpr(2, kInRam);
  m.cpu().set_gpr(3, 60);
  const auto at = static_cast<std::uint32_t>(kInRam);
  std::memcpy(m.machine->memory().at(kInRam), &at, sizeof at);
  std::vector<Sight> all;
  do {
    REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
    const Statistics s = m.cpu().statistics();
    all.emplace_back(m.esr(), m.elr(), m.cpu().read(GuestMachine::kFar),
                     m.cpu().read(GuestMachine::kHpfar), m.cpu().instructions(), s.walks,
                     s.tlb_misses, s.stage2_references);
    if (m.ec() != 0x24) continue;
    const bool pointer = m.elr() == kCode + 8;
    m.cpu().set_gpr(pointer ? 2 : 1, pointer ? kInRam : all.size());
    // Now and then the pointer leads to the device.
    if (!pointer && all.size() % 5 == 0) m.cpu().set_gpr(2, kDevice + 8);
    m.skip_instruction();
  } while (m.ec() == 0x24);
  digest = Digest::of(*m.machine);
  return all;
}

TEST_CASE("whether the engine is stopped for an abort cannot be told") {
  std::uint64_t expected_digest = 0;
  const auto expected = sights(0, expected_digest);
  CHECK(expected.size() > 130);
  for (std::uint64_t chaos = 1; chaos <= 60; ++chaos) {
    CAPTURE(chaos);
    std::uint64_t digest = 0;
    CHECK(sights(chaos, digest) == expected);
    CHECK(digest == expected_digest);
  }
}

TEST_CASE("a site is replaced when it was refused often enough, and not when it shares its slot") {
  RefusedAccesses accesses;
  const MemoryInstruction instruction = *decode_memory_instruction(kLoad);
  for (std::uint32_t n = 1; n < RefusedAccesses::kPatience; ++n) {
    CHECK_FALSE(accesses.refused(kCode, kLoad, instruction));
  }
  CHECK(accesses.find(kCode, kLoad) == nullptr);
  CHECK(accesses.refused(kCode, kLoad, instruction));
  REQUIRE(accesses.find(kCode, kLoad) != nullptr);
  CHECK(accesses.find(kCode, kStore) == nullptr);
  CHECK(accesses.find(kCode + 4, kLoad) == nullptr);
  CHECK(accesses.refused(kCode, kLoad, instruction));  // it was, and its frame's copy was lost

  for (int n = 0; n < 200; ++n) {
    CHECK_FALSE(accesses.refused(kRam, kLoad, instruction));
    accesses.refused(kRam + 0x1000, kLoad, instruction);
  }
}

TEST_CASE("a site that is given back takes longer next time, unless it has been worth it") {
  RefusedAccesses accesses;
  const MemoryInstruction instruction = *decode_memory_instruction(kLoad);
  const auto until_replaced = [&] {
    unsigned n = 1;
    while (!accesses.refused(kCode, kLoad, instruction)) ++n;
    return n;
  };
  const unsigned first = until_replaced();
  CHECK(first == RefusedAccesses::kPatience);
  RefusedAccesses::Site* site = accesses.find(kCode, kLoad);
  REQUIRE(site != nullptr);
  RefusedAccesses::passed(*site);
  CHECK(accesses.find(kCode, kLoad) == nullptr);
  CHECK(until_replaced() == first * RefusedAccesses::kPatience);
  RefusedAccesses::passed(*site);
  CHECK(until_replaced() == first * RefusedAccesses::kPatience * RefusedAccesses::kPatience);
  for (int n = 0; n < 1024; ++n) RefusedAccesses::refused_in_place(*site);
  RefusedAccesses::passed(*site);
  CHECK(until_replaced() == first);
}

TEST_CASE("sites are replaced again as soon as they are refused, when all replacements were lost") {
  RefusedAccesses accesses;
  const MemoryInstruction instruction = *decode_memory_instruction(kLoad);
  while (!accesses.refused(kCode, kLoad, instruction)) continue;
  accesses.forget_replacements();
  CHECK(accesses.find(kCode, kLoad) == nullptr);
  CHECK(accesses.refused(kCode, kLoad, instruction));
}

}  // namespace
}  // namespace axvm::sim::aarch64
