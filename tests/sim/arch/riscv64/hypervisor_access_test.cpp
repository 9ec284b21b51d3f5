// HLV, HLVX and HSV: guest memory as HS-mode accesses it.

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kData = GuestMachine::kData;
constexpr std::uint64_t kTables = GuestMachine::kRam + 0x20'0000;
constexpr std::uint64_t kVa = 0x5'0000'0000;

/// Sv39: the page at kVa with these permissions leads to kData, the next to nothing.
struct Mapped : GuestMachine {
  explicit Mapped(std::uint64_t bits) : GuestMachine({}) {
    word(kTables + (kVa >> 30) * 8) = entry(kTables + 0x1000, 1);
    word(kTables + 0x1000) = entry(kTables + 0x2000, 1);
    word(kTables + 0x2000) = entry(kData, bits | 0xc1);  // D, A, V
    cpu().write(Csr::vsatp, 8ULL << 60 | kTables >> 12);
    cpu().write(Csr::hstatus, csr(Csr::hstatus) | hstatus::SPVP);
  }
  bool faults(Cause cause, std::uint64_t at) {
    return csr(Csr::scause) == static_cast<std::uint64_t>(cause) && csr(Csr::stval) == at &&
           (csr(Csr::hstatus) & hstatus::GVA) != 0;
  }
};

TEST_CASE("loads are zero-extended, stores write no more than they should") {
  Mapped m(0x6);
  m.word(kData + 8) = 0xfedc'ba98'7654'3210;
  CHECK(m.cpu().hlv(kVa + 8, 8) == 0xfedc'ba98'7654'3210);
  CHECK(m.cpu().hlv(kVa + 12, 4) == 0xfedc'ba98);
  CHECK(m.cpu().hlv(kVa + 14, 2) == 0xfedc);
  CHECK(m.cpu().hlv(kVa + 15, 1) == 0xfe);
  CHECK(m.cpu().hlv(kVa + 9, 4) == 0x9876'5432);  // misaligned
  CHECK(m.cpu().hsv(kVa + 10, 2, 0xffff'1111));
  CHECK(m.word(kData + 8) == 0xfedc'ba98'1111'3210);
}

TEST_CASE("hstatus.SPVP says whose permissions count") {
  Mapped m(0x16);  // U
  CHECK_FALSE(m.cpu().hlv(kVa, 8));
  CHECK(m.faults(Cause::LoadPageFault, kVa));
  m.cpu().write(Csr::vsstatus, status::SUM);
  CHECK(m.cpu().hlv(kVa, 8));
  m.cpu().write(Csr::vsstatus, 0);
  m.cpu().write(Csr::hstatus, hstatus::SPV);
  CHECK(m.cpu().hlv(kVa, 8));
}

TEST_CASE("HLVX needs permission to execute, and MXR is of either status register") {
  Mapped m(0x8);
  m.word(kData) = 0x1234'0000'abcd;
  CHECK(m.cpu().hlvx(kVa) == 0xabcd);
  CHECK_FALSE(m.cpu().hlv(kVa, 8));
  m.cpu().write(Csr::vsstatus, status::MXR);
  CHECK(m.cpu().hlv(kVa, 8));
  m.cpu().write(Csr::vsstatus, 0);
  m.cpu().write(Csr::sstatus, m.csr(Csr::sstatus) | status::MXR);
  CHECK(m.cpu().hlv(kVa, 8));
  Mapped readable(0x2);
  CHECK_FALSE(readable.cpu().hlvx(kVa));
  CHECK(readable.faults(Cause::LoadPageFault, kVa));
}

TEST_CASE("faults leave what a handler would find") {
  Mapped m(0x2);
  CHECK_FALSE(m.cpu().hsv(kVa + 4, 4, 0));
  CHECK(m.faults(Cause::StorePageFault, kVa + 4));
  CHECK(m.csr(Csr::htval) == 0);

  m.word(kTables + 0x2000) = GuestMachine::entry(GuestMachine::kHole, 0xc7);
  m.cpu().hfence_vvma();
  CHECK_FALSE(m.cpu().hlv(kVa + 4, 4));
  CHECK(m.faults(Cause::LoadGuestPageFault, kVa + 4));
  CHECK(m.csr(Csr::htval) == (GuestMachine::kHole + 4) >> 2);
  CHECK(m.csr(Csr::htinst) == 0);

  m.word(kTables + 0x1000) = GuestMachine::entry(GuestMachine::kHole, 1);
  m.cpu().hfence_vvma();
  CHECK_FALSE(m.cpu().hsv(kVa, 4, 0));
  CHECK(m.faults(Cause::StoreGuestPageFault, kVa));
  CHECK(m.csr(Csr::htval) == GuestMachine::kHole >> 2);
  CHECK(m.csr(Csr::htinst) == 0x3000);
}

TEST_CASE("an access that crosses into a missing page does nothing") {
  Mapped m(0x6);
  m.word(kData + 0xff8) = 0x1111'1111'1111'1111;
  CHECK_FALSE(m.cpu().hsv(kVa + 0xffc, 8, 0));
  CHECK(m.faults(Cause::StorePageFault, kVa + 0x1000));
  CHECK(m.word(kData + 0xff8) == 0x1111'1111'1111'1111);
  m.word(kTables + 0x2008) = GuestMachine::entry(kData + 0x1000, 0xc7);
  CHECK(m.cpu().hsv(kVa + 0xffc, 8, 0x1234'5678'9abc'def0));
  CHECK(m.cpu().hlv(kVa + 0xffc, 8) == 0x1234'5678'9abc'def0);
  CHECK(m.word(kData + 0x1000) == 0x1234'5678);
}

TEST_CASE("code that HS-mode writes is executed") {
  GuestMachine m({code::addi(5, 0, 1), code::kEcall});
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  m.cpu().write(Csr::hstatus, m.csr(Csr::hstatus) | hstatus::SPVP);
  CHECK(m.cpu().hsv(GuestMachine::kCode, 4, code::addi(5, 0, 2)));
  m.cpu().write(Csr::sepc, GuestMachine::kCode);
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(5) == 2);
}

TEST_CASE("remote fences reach every hart, local ones their own") {
  GuestMachine m({code::load(3, 5, 6, 0), code::kEcall}, 2);
  const auto value_at = [&](unsigned hart) {
    m.cpu(hart).write(Csr::sepc, GuestMachine::kCode);
    m.cpu(hart).set_gpr(6, 0x4000'0000);
    const std::uint64_t cause = m.cpu(hart).enter_guest();
    return cause == GuestMachine::kEcallFromVs ? m.cpu(hart).gpr(5) : ~0ULL;
  };
  const auto map = [&](std::uint64_t value) {
    m.word(GuestMachine::kRoot + 8) = GuestMachine::entry(kTables + 0x1000, 1);
    m.word(kTables + 0x1000) = GuestMachine::entry(kTables + 0x2000, 1);
    const std::uint64_t page = kData + value * 0x1000;
    m.word(page) = value;
    m.word(kTables + 0x2000) = GuestMachine::entry(page);
  };
  map(1);
  CHECK(value_at(0) == 1);
  CHECK(value_at(1) == 1);
  map(2);
  CHECK(value_at(0) == 1);
  m.cpu(0).hfence_gvma(0x4000'0000, 1);
  CHECK(value_at(0) == 2);
  CHECK(value_at(1) == 1);
  m.cpu(0).remote_hfence_gvma(1, 0x4000'0000, 0x1000);
  CHECK(value_at(1) == 2);
  CHECK(value_at(0) == 2);
  map(3);
  m.cpu(1).remote_hfence_gvma(2);  // another VM
  CHECK(value_at(0) == 2);
  m.cpu(1).remote_hfence_gvma(1);
  CHECK(value_at(0) == 3);
  CHECK(value_at(1) == 3);
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
