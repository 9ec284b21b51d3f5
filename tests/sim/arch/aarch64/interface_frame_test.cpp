// The virtual CPU interface of a VM without system registers, GICV_* in memory (IHI 0048B, 5.5;
// IHI 0069, 12.15).

#include <doctest/doctest.h>

#include <sim/arch/aarch64/virtual_cpu_interface.hpp>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr SysReg kIchHcr{3, 4, 12, 11, 0};
constexpr SysReg kVmcr{3, 4, 12, 11, 7};
constexpr SysReg kAp0r0{3, 4, 12, 8, 0};
constexpr SysReg kAp1r0{3, 4, 12, 9, 0};
constexpr SysReg lr(unsigned n) { return {3, 4, 12, 12, n}; }

constexpr std::uint64_t kCtlr = 0x0, kPmr = 0x4, kBpr = 0x8, kIar = 0xc, kEoir = 0x10, kRpr = 0x14,
                        kHppir = 0x18, kAbpr = 0x1c, kAiar = 0x20, kAeoir = 0x24, kAhppir = 0x28,
                        kApr0 = 0xd0, kIidr = 0xfc, kDir = 0x1000;
constexpr std::uint32_t kAckCtl = 4, kFiqEn = 8, kCbpr = 0x10, kEoiMode = 0x200;

/// Pending, of group 0.
constexpr std::uint64_t pending(std::uint32_t intid, std::uint64_t priority = 0xa0) {
  return 1ULL << 62 | priority << 48 | intid;
}
constexpr std::uint64_t kGroup1 = 1ULL << 60;

/// An interface in memory that lets group 0 through, as drivers without security states use it.
struct Interface : VirtualCpuInterface {
  Interface() {
    write_el2(kIchHcr, 1);
    write_frame(kPmr, 0xf8);
    write_frame(kCtlr, 1);
  }
  std::uint64_t state(unsigned n) { return *read_el2(lr(n)) >> 62; }
};

}  // namespace

TEST_CASE("gicv: group 0 is signalled by IRQ, or by FIQ where the guest asks for that") {
  Interface gic;
  gic.write_el2(lr(0), pending(40));
  CHECK(gic.irq());
  CHECK_FALSE(gic.fiq());
  gic.write_frame(kCtlr, 1 | kFiqEn);
  CHECK_FALSE(gic.irq());
  CHECK(gic.fiq());
  gic.write_frame(kCtlr, 0);
  CHECK_FALSE(gic.fiq());
}

TEST_CASE("gicv: an interrupt is acknowledged, runs and ends") {
  Interface gic;
  gic.write_el2(lr(0), pending(40));
  gic.write_el2(lr(1), pending(41, 0x40));
  CHECK(gic.read_frame(kHppir) == 41);
  CHECK(gic.read_frame(kRpr) == 0xff);
  CHECK(gic.read_frame(kIar) == 41);
  CHECK(gic.state(1) == 2);
  CHECK(gic.read_frame(kRpr) == 0x40);
  CHECK(gic.read_frame(kIar) == VirtualCpuInterface::kSpurious);  // not before 41 has ended
  gic.write_frame(kEoir, 41);
  CHECK(gic.state(1) == 0);
  CHECK(gic.read_frame(kIar) == 40);
  gic.write_frame(kEoir, 40);
  CHECK(gic.read_frame(kIar) == VirtualCpuInterface::kSpurious);
  CHECK(gic.read_frame(kHppir) == VirtualCpuInterface::kSpurious);
}

TEST_CASE("gicv: an SGI says whose it is, and ends by that name") {
  Interface gic;
  gic.write_el2(lr(0), pending(5 | 3U << 10));
  CHECK(gic.read_frame(kHppir) == (5 | 3U << 10));
  CHECK(gic.read_frame(kIar) == (5 | 3U << 10));
  CHECK(gic.state(0) == 2);
  gic.write_frame(kEoir, 5 | 3U << 10);
  CHECK(gic.state(0) == 0);
  CHECK(gic.read_frame(kRpr) == 0xff);
}

TEST_CASE("gicv: group 1 has registers of its own, and shares IAR by AckCtl") {
  Interface gic;
  gic.write_frame(kCtlr, 3);
  gic.write_el2(lr(0), pending(40) | kGroup1);
  CHECK(gic.irq());
  CHECK(gic.read_frame(kIar) == VirtualCpuInterface::kOtherGroup);
  CHECK(gic.read_frame(kHppir) == VirtualCpuInterface::kOtherGroup);
  CHECK(gic.read_frame(kAhppir) == 40);
  CHECK(gic.read_frame(kAiar) == 40);
  gic.write_frame(kAeoir, 40);
  CHECK(gic.state(0) == 0);

  gic.write_el2(lr(0), pending(41));
  CHECK(gic.read_frame(kAiar) == VirtualCpuInterface::kSpurious);
  CHECK(gic.read_frame(kAhppir) == VirtualCpuInterface::kSpurious);

  gic.write_frame(kCtlr, 3 | kAckCtl);
  gic.write_el2(lr(0), pending(42) | kGroup1);
  CHECK(gic.read_frame(kIar) == 42);
  gic.write_frame(kEoir, 42);
  CHECK(gic.state(0) == 0);
}

TEST_CASE("gicv: priority drop and deactivation may be two steps") {
  Interface gic;
  gic.write_frame(kCtlr, 1 | kEoiMode);
  gic.write_el2(lr(0), pending(40) | 1ULL << 61 | 27ULL << 32);
  CHECK(gic.read_frame(kIar) == 40);
  CHECK_FALSE(gic.write_frame(kEoir, 40).deactivated.has_value());
  CHECK(gic.read_frame(kRpr) == 0xff);
  CHECK(gic.state(0) == 2);
  CHECK(gic.write_frame(kDir, 40).deactivated == 27);
  CHECK(gic.state(0) == 0);
}

TEST_CASE("gicv: active priorities of both groups are in ICH_AP1R0_EL2") {
  Interface gic;
  gic.write_el2(lr(0), pending(40, 0x40));
  CHECK(gic.read_frame(kIar) == 40);
  CHECK(gic.read_el2(kAp0r0) == 0);
  CHECK(gic.read_el2(kAp1r0) == 1U << 8);
  CHECK(gic.read_frame(kApr0) == 1U << 8);
  gic.write_frame(kApr0, 0);
  CHECK(gic.read_frame(kRpr) == 0xff);
}

TEST_CASE("gicv: its controls are those of ICH_VMCR_EL2") {
  Interface gic;
  gic.write_frame(kCtlr, 1 | kAckCtl | kFiqEn | kCbpr | kEoiMode);
  gic.write_frame(kPmr, 0x84);
  gic.write_frame(kBpr, 4);
  gic.write_frame(kAbpr, 0);
  CHECK(gic.read_frame(kPmr) == 0x80);
  CHECK(gic.read_frame(kBpr) == 4);
  CHECK(gic.read_frame(kAbpr) == 3);
  CHECK(gic.read_el2(kVmcr) ==
        (0x80ULL << 24 | 4ULL << 21 | 3ULL << 18 | kEoiMode | kCbpr | kFiqEn | kAckCtl | 1));
  gic.write_el2(kVmcr, 0xf8ULL << 24 | 2ULL << 21 | 3ULL << 18 | kFiqEn | 2);
  CHECK(gic.read_frame(kCtlr) == (kFiqEn | 2));
  CHECK(gic.read_frame(kPmr) == 0xf8);
  CHECK(gic.read_frame(kIidr) == 0x3'043b);
  for (const std::uint64_t offset : {0x2cULL, 0x30ULL, 0xd4ULL, 0x100ULL, 0x1004ULL, 0x1ffcULL}) {
    gic.write_frame(offset, ~0U);
    CHECK(gic.read_frame(offset) == 0);
  }
}

TEST_CASE("gicv: with system registers the frame is empty, and EL1 cannot have both") {
  Interface gic;
  gic.write_el2(reg::ICC_SRE_EL1, 1);
  CHECK(gic.has_system_registers());
  gic.write_el2(lr(0), pending(40));
  gic.write_el2(kVmcr, 0xf8ULL << 24 | 1);
  CHECK(gic.read_frame(kPmr) == 0);
  CHECK(gic.read_frame(kIar) == 0);
  gic.write_frame(kCtlr, 0);
  CHECK(gic.fiq());  // VFIQEn is 1 there
  CHECK(gic.read_el2(kVmcr) == (0xf8ULL << 24 | 2ULL << 21 | 3ULL << 18 | kFiqEn | 1));
}

namespace {

constexpr std::uint64_t kGicv = 0x804'0000;

/// A guest that has GICV in its memory, and no system registers.
struct Guest : GuestMachine {
  explicit Guest(std::initializer_list<std::uint32_t> code) : GuestMachine(code) {
    const std::uint64_t devices = 0x4c5;  // the first GiB, read, write, Device-nGnRE, AF
    std::memcpy(machine->memory().at(kTable), &devices, sizeof devices);
    cpu().write(reg::ICC_SRE_EL1, 0);
    cpu().write(kIchHcr, 1);
    cpu().write(kVmcr, 0xf8ULL << 24 | 1);
    cpu().write(lr(0), pending(40));
    cpu().write(kVbar, kCode + 0x1000);
    put(kCode + 0x1200, {0xd4000042});  // synchronous: hvc #2
    put(kCode + 0x1280, {0xd4000062});  // IRQ: hvc #3
    cpu().set_gpr(1, kGicv);
  }
  std::uint64_t run() {
    REQUIRE(cpu().enter_guest() == Vector::Synchronous);
    REQUIRE(ec() == 0x16);
    return esr() & 0xffff;
  }
};

}  // namespace

TEST_CASE("gicv: a guest acknowledges and ends by loads and stores, without an exit") {
  Guest m({
      0xb9400c22,  // ldr w2, [x1, #0xc]
      0xb9400c23,  // ldr w3, [x1, #0xc]
      0xb9001022,  // str w2, [x1, #0x10]
      0xb9801424,  // ldrsw x4, [x1, #0x14]
      0xd4000022,  // hvc #1
  });
  CHECK(m.machine->gicv() == kGicv);
  const std::uint64_t before = m.cpu().instructions();
  CHECK(m.run() == 1);
  CHECK(m.cpu().gpr(2) == 40);
  CHECK(m.cpu().gpr(3) == 1023);
  CHECK(m.cpu().gpr(4) == 0xff);
  CHECK((m.cpu().read(lr(0)) >> 62) == 0);
  CHECK(m.cpu().instructions() - before == 5);
}

TEST_CASE("gicv: instructions of every form do to it what plain ones do") {
  Guest m({
      0xb840cc22,  // ldr w2, [x1, #0xc]!
      0xb8004422,  // str w2, [x1], #4
      0x29400c22,  // ldp w2, w3, [x1]
      0x39400025,  // ldrb w5, [x1]: no whole word
      0xd4000022,  // hvc #1
  });
  m.cpu().write(lr(1), pending(41, 0x40));
  CHECK(m.run() == 1);
  // Behind the load x1 is IAR, to which stores do nothing; then RPR's neighbour.
  CHECK(m.cpu().gpr(1) == kGicv + 0x10);
  CHECK(m.cpu().gpr(2) == 0);     // EOIR is write-only
  CHECK(m.cpu().gpr(3) == 0x40);  // RPR
  CHECK(m.cpu().gpr(5) == 0);
  CHECK((m.cpu().read(lr(1)) >> 62) == 2);
}

TEST_CASE("gicv: what an access makes signalled is taken at the next asynchronous point") {
  for (const std::uint64_t chaos : {0UL, 3UL, 4UL}) {
    Guest m({
        0xd50342ff,  // msr daifclr, #2
        0xd2801f02,  // mov x2, #0xf8
        0xb9000422,  // str w2, [x1, #4]: the mask opens
        0xd503201f,  // nop
        0x14000002,  // b .+8
        0xd503201f,  // nop
        0xd4000022,  // hvc #1
    });
    m.cpu().set_chaos(chaos);
    m.cpu().write(kVmcr, 1);  // masked by priority
    CHECK(m.run() == 3);
    CHECK(m.cpu().read(reg::ELR_EL1) == GuestMachine::kCode + 24);
  }
}

TEST_CASE("gicv: where it is the interface, EL1's system registers trap to EL1") {
  for (const std::uint32_t instruction : {0xd538cc00U,     // mrs x0, icc_iar1_el1
                                          0xd5184600U,     // msr icc_pmr_el1, x0
                                          0xd518cba0U}) {  // msr icc_sgi1r_el1, x0
    Guest m({instruction});
    m.cpu().write(kIchHcr, 1 | 7U << 10);  // EL2's traps come later
    CHECK(m.run() == 2);
    CHECK((m.cpu().read(reg::ESR_EL1) >> 26) == 0x18);
  }
  Guest m({0xd538cca0});  // mrs x0, icc_sre_el1: as ICC_SRE_EL2 says
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x18);
}

}  // namespace axvm::sim::aarch64
