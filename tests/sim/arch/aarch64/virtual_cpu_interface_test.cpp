// The virtual CPU interface: list registers as EL2 fills them, ICV_* as a guest uses them (IHI
// 0069, 6.3, 12.3 and 12.4).

#include <doctest/doctest.h>

#include <sim/arch/aarch64/timers.hpp>
#include <sim/arch/aarch64/virtual_cpu_interface.hpp>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr SysReg kHcr{3, 4, 12, 11, 0};
constexpr SysReg kVtr{3, 4, 12, 11, 1};
constexpr SysReg kMisr{3, 4, 12, 11, 2};
constexpr SysReg kEisr{3, 4, 12, 11, 3};
constexpr SysReg kElrsr{3, 4, 12, 11, 5};
constexpr SysReg kVmcr{3, 4, 12, 11, 7};
constexpr SysReg lr(unsigned n) { return {3, 4, 12, 12, n}; }

constexpr SysReg kPmr{3, 0, 4, 6, 0};
constexpr SysReg kIar0{3, 0, 12, 8, 0};
constexpr SysReg kIar1{3, 0, 12, 12, 0};
constexpr SysReg kEoir1{3, 0, 12, 12, 1};
constexpr SysReg kHppir1{3, 0, 12, 12, 2};
constexpr SysReg kBpr0{3, 0, 12, 8, 3};
constexpr SysReg kBpr1{3, 0, 12, 12, 3};
constexpr SysReg kAp1r0{3, 0, 12, 9, 0};
constexpr SysReg kDir{3, 0, 12, 11, 1};
constexpr SysReg kRpr{3, 0, 12, 11, 3};
constexpr SysReg kCtlr{3, 0, 12, 12, 4};
constexpr SysReg kSre{3, 0, 12, 12, 5};
constexpr SysReg kIgrpen1{3, 0, 12, 12, 7};

/// Pending, group 1.
constexpr std::uint64_t pending(std::uint32_t intid, std::uint64_t priority = 0xa0) {
  return 1ULL << 62 | 1ULL << 60 | priority << 48 | intid;
}
constexpr std::uint64_t kEoi = 1ULL << 41;
constexpr std::uint64_t with_hardware(std::uint64_t entry, std::uint64_t physical) {
  return entry | 1ULL << 61 | physical << 32;
}
std::uint64_t state_of(std::uint64_t entry) { return entry >> 62; }

/// An interface that lets everything through.
struct Interface : VirtualCpuInterface {
  Interface() {
    write_el2(kSre, 1);
    write_el2(kHcr, 1);
    write(kPmr, 0xf8);
    write(kIgrpen1, 1);
  }
  std::uint64_t acknowledge() { return *read(kIar1); }
};

}  // namespace

TEST_CASE("virtual interface: an interrupt is signalled when enabled, unmasked and pending") {
  VirtualCpuInterface gic;
  gic.write_el2(kSre, 1);
  CHECK((*gic.read_el2(kVtr) & 0x1f) == 3);
  gic.write_el2(lr(0), pending(40));
  CHECK_FALSE(gic.irq());
  gic.write_el2(kHcr, 1);
  CHECK_FALSE(gic.irq());
  gic.write(kIgrpen1, 1);
  CHECK_FALSE(gic.irq());
  CHECK(gic.read(kHppir1) == 40);
  gic.write(kPmr, 0xa0);
  CHECK_FALSE(gic.irq());  // no higher than the mask
  gic.write(kPmr, 0xa8);
  CHECK(gic.irq());
  CHECK_FALSE(gic.fiq());
  gic.write_el2(lr(0), pending(40) & ~(1ULL << 60));
  CHECK_FALSE(gic.fiq());  // group 0 is off
  gic.write_el2(kVmcr, *gic.read_el2(kVmcr) | 1);
  CHECK(gic.fiq());
  CHECK(gic.read(kIar1) == VirtualCpuInterface::kSpurious);
  CHECK(gic.read(kIar0) == 40);
}

TEST_CASE("virtual interface: acknowledged, active, ended; by priority") {
  Interface gic;
  gic.write_el2(lr(0), pending(40));
  gic.write_el2(lr(1), pending(33, 0x80));
  CHECK(gic.acknowledge() == 33);
  CHECK(state_of(*gic.read_el2(lr(1))) == 2);
  CHECK(gic.read(kRpr) == 0x80);
  CHECK(gic.read(kAp1r0) == 1U << 16);
  CHECK_FALSE(gic.irq());
  CHECK(gic.acknowledge() == VirtualCpuInterface::kSpurious);
  gic.write_el2(lr(2), pending(41, 0x20));
  CHECK(gic.irq());  // preempts
  CHECK(gic.acknowledge() == 41);
  gic.write(kEoir1, 41);
  CHECK(gic.read(kRpr) == 0x80);
  gic.write(kEoir1, 33);
  CHECK(gic.read(kRpr) == 0xff);
  CHECK(state_of(*gic.read_el2(lr(1))) == 0);
  CHECK(gic.acknowledge() == 40);
}

TEST_CASE("virtual interface: pending and active becomes active, then pending, then active again") {
  Interface gic;
  gic.write_el2(lr(0), pending(40));
  CHECK(gic.acknowledge() == 40);
  gic.write_el2(lr(0), *gic.read_el2(lr(0)) | 1ULL << 62);
  CHECK_FALSE(gic.irq());
  gic.write(kEoir1, 40);
  CHECK(state_of(*gic.read_el2(lr(0))) == 1);
  CHECK(gic.acknowledge() == 40);
}

TEST_CASE("virtual interface: the end in two steps, and the physical interrupt with it") {
  Interface gic;
  gic.write(kCtlr, 2);
  gic.write_el2(lr(0), with_hardware(pending(27), 30));
  CHECK(gic.acknowledge() == 27);
  CHECK_FALSE(gic.write(kEoir1, 27).deactivated.has_value());
  CHECK(gic.read(kRpr) == 0xff);
  CHECK(state_of(*gic.read_el2(lr(0))) == 2);
  CHECK(gic.write(kDir, 27).deactivated == 30);
  CHECK(state_of(*gic.read_el2(lr(0))) == 0);
}

TEST_CASE(
    "virtual interface: maintenance tells of ends, room, ends without a list register, groups") {
  Interface gic;
  gic.write_el2(lr(0), pending(40) | kEoi);
  CHECK(*gic.read_el2(kElrsr) == 0b1110);
  CHECK(gic.acknowledge() == 40);
  CHECK_FALSE(gic.maintenance());
  gic.write(kEoir1, 40);
  CHECK(gic.maintenance());
  CHECK(*gic.read_el2(kEisr) == 1);
  CHECK(*gic.read_el2(kMisr) == 1);
  CHECK(*gic.read_el2(kElrsr) == 0b1110);  // its end has not been seen
  gic.write_el2(lr(0), 0);
  CHECK_FALSE(gic.maintenance());

  gic.write_el2(kHcr, 1 | 1 << 1);  // UIE
  CHECK(*gic.read_el2(kMisr) == 2);
  gic.write_el2(lr(0), pending(40));
  gic.write_el2(lr(1), pending(41));
  CHECK_FALSE(gic.maintenance());

  gic.write_el2(kHcr, 1 | 1 << 2);  // LRENPIE
  CHECK(gic.acknowledge() == 40);
  gic.write(kEoir1, 99);
  CHECK(gic.maintenance());
  CHECK((*gic.read_el2(kHcr) >> 27) == 1);

  gic.write_el2(kHcr, 1 | 1 << 7);  // VGrp1DIE
  CHECK_FALSE(gic.maintenance());
  gic.write(kIgrpen1, 0);
  CHECK(*gic.read_el2(kMisr) == 1 << 7);
}

TEST_CASE("virtual interface: registers hold what the manual says they hold") {
  Interface gic;
  CHECK(gic.read(kSre) == 7);
  CHECK(gic.read(kCtlr) == (4U << 8 | 1U << 15));
  gic.write(kPmr, 0xff);
  CHECK(gic.read(kPmr) == 0xf8);
  gic.write(kBpr1, 0);
  CHECK(gic.read(kBpr1) == 3);
  gic.write(kBpr0, 5);
  gic.write(kCtlr, 1);  // CBPR
  CHECK(gic.read(kBpr1) == 6);
  CHECK_FALSE(gic.read(kEoir1).has_value());
  CHECK_FALSE(gic.write(kIar1, 0).taken);
  CHECK_FALSE(gic.write(kRpr, 0).taken);
  CHECK_FALSE(gic.read({3, 0, 12, 11, 5}).has_value());  // ICC_SGI1R_EL1 is not virtual
}

namespace {

constexpr std::uint64_t kVectors = GuestMachine::kRam + 0x1000;
constexpr std::uint64_t kIrqVector = kVectors + 0x280;

}  // namespace

TEST_CASE("a guest takes, acknowledges and ends an interrupt without an exit") {
  for (const std::uint64_t chaos : {0UL, 1UL, 2UL}) {
    CAPTURE(chaos);
    GuestMachine m({
        0xd50342ff,  // msr daifclr, #2
        0xd4000002,  // hvc #0
    });
    m.put(kIrqVector, {
                          0xd538cc00,  // mrs x0, icc_iar1_el1
                          0xd538cc01,  // mrs x1, icc_iar1_el1
                          0xd518cc20,  // msr icc_eoir1_el1, x0
                          0xd538cb62,  // mrs x2, icc_rpr_el1
                          0xd4000022,  // hvc #1
                      });
    m.cpu().set_chaos(chaos);
    m.cpu().write(GuestMachine::kVbar, kVectors);
    m.cpu().write(kHcr, 1);
    m.cpu().write(kVmcr, 0xf8ULL << 24 | 2);
    m.cpu().enable_interrupt(Timers::intid(Timers::kVirtual), true);
    m.cpu().write(lr(0), with_hardware(pending(27), 27));
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.esr() == 0x5a00'0001);
    CHECK(m.cpu().gpr(0) == 27);
    CHECK(m.cpu().gpr(1) == 1023);
    CHECK(m.cpu().gpr(2) == 0xff);
    CHECK(m.cpu().instructions() == 6);
    CHECK(m.elr() == kIrqVector + 20);
    CHECK(state_of(m.cpu().read(lr(0))) == 0);
  }
}

TEST_CASE("a maintenance interrupt leaves the guest") {
  GuestMachine m({
      0xd538cc00,  // mrs x0, icc_iar1_el1
      0xd518cc20,  // msr icc_eoir1_el1, x0
      0x14000000,  // b .
  });
  m.cpu().write(kHcr, 1);
  m.cpu().write(kVmcr, 0xf8ULL << 24 | 2);
  m.cpu().enable_interrupt(VirtualCpuInterface::kMaintenanceIntid, true);
  m.cpu().write(lr(0), pending(40) | kEoi);
  CHECK(m.cpu().enter_guest() == Vector::Irq);
  CHECK_FALSE(m.cpu().stopped_by_owner());
  CHECK(m.cpu().gpr(0) == 40);
  CHECK(m.cpu().instructions() == 3);
  CHECK(m.cpu().acknowledge_interrupt() == VirtualCpuInterface::kMaintenanceIntid);
  m.cpu().write(lr(0), 0);
  m.cpu().end_interrupt(VirtualCpuInterface::kMaintenanceIntid);
  CHECK(m.cpu().acknowledge_interrupt() == 1023);
}

TEST_CASE("sending interrupts traps, whatever ICH_HCR_EL2 says") {
  GuestMachine m({0xd518cba0});  // msr icc_sgi1r_el1, x0
  m.cpu().write(kHcr, 1);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x18);
  CHECK(m.elr() == GuestMachine::kCode);
}

TEST_CASE("WFI goes on while the interface signals an interrupt") {
  GuestMachine m({
      0xd503207f,  // wfi
      0xd4000002,  // hvc #0
  });
  m.cpu().write(kHcr, 1);
  m.cpu().write(lr(0), pending(40));
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x01);  // masked by priority: it waits
  m.cpu().write(kVmcr, 0xf8ULL << 24 | 2);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x16);
}

}  // namespace axvm::sim::aarch64
