#include <doctest/doctest.h>
#include <core/arch/aarch64/emulated_registers.hpp>
#include <core/arch/aarch64/exception.hpp>
#include <core/arch/aarch64/psci.hpp>
#include <core/arch/aarch64/syndrome.hpp>

using namespace axvm;
using namespace axvm::aarch64;

TEST_CASE("a data abort with a valid syndrome describes the whole access") {
  // LDRSH W5, [..]: EC 0x24, IL, ISV, SAS 1, SSE, SRT 5, translation fault at level 3.
  const DataAbort load(0x9365'0007);
  CHECK(exception_class(0x9365'0007) == ExceptionClass::DataAbortLower);
  CHECK(load.described);
  CHECK(load.width == AccessWidth::Word);
  CHECK(load.sign_extend);
  CHECK(load.rt == 5);
  CHECK_FALSE(load.is_64bit);
  CHECK_FALSE(load.is_write);
  CHECK(load.fault == Fault::Translation);
  CHECK(load.ipa_valid());

  // STR X30, [..]: SAS 3, SF, WnR.
  const DataAbort store(0x93de'8047);
  CHECK(store.width == AccessWidth::Qword);
  CHECK(store.rt == 30);
  CHECK(store.is_64bit);
  CHECK(store.is_write);
}

TEST_CASE("loads extend as the instruction says") {
  const auto abort = [](unsigned sas, bool sse, bool sf) {
    return DataAbort((1ULL << 24) | (std::uint64_t{sas} << 22) | (std::uint64_t{sse} << 21) |
                     (std::uint64_t{sf} << 15));
  };
  CHECK(abort(0, false, true).loaded(0x80) == 0x80);
  CHECK(abort(0, true, true).loaded(0x80) == 0xffff'ffff'ffff'ff80);
  CHECK(abort(0, true, false).loaded(0x80) == 0xffff'ff80);
  CHECK(abort(1, true, true).loaded(0x7fff) == 0x7fff);
  CHECK(abort(2, true, true).loaded(0x8000'0000) == 0xffff'ffff'8000'0000);
  CHECK(abort(2, false, false).loaded(0x8000'0000) == 0x8000'0000);
  CHECK(abort(3, false, true).loaded(~0ULL) == ~0ULL);
  CHECK(abort(3, true, true).loaded(1ULL << 63) == 1ULL << 63);
}

TEST_CASE("HPFAR_EL2 is believed only when the manual says so") {
  const auto abort = [](std::uint64_t iss) { return DataAbort((0x24ULL << 26) | iss); };
  CHECK(abort(0b000100).ipa_valid());        // translation
  CHECK(abort(0b001001).ipa_valid());        // access flag
  CHECK(abort(0b000000).ipa_valid());        // address size
  CHECK_FALSE(abort(0b001111).ipa_valid());  // permission
  CHECK(abort(0b001111 | (1 << 7)).ipa_valid());
  CHECK_FALSE(abort(0b010000).ipa_valid());  // external
  CHECK_FALSE(abort(0b100001).ipa_valid());  // alignment
  CHECK_FALSE(abort(0b010000 | (1 << 10)).far_valid);
}

TEST_CASE("the faulting address joins HPFAR_EL2's page and FAR_EL2's offset") {
  const std::uint64_t far = 0xffff'8000'1234'5abc, hpfar = 0x9'0000 << 4;
  CHECK(fault_ipa(DataAbort(0b000111), far, hpfar) == GuestPhysAddr(0x9000'0abc));
  // On a table walk FAR_EL2 belongs to the access, not to the descriptor.
  CHECK(fault_ipa(DataAbort(0b000111 | (1 << 7)), far, hpfar) == GuestPhysAddr(0x9000'0000));
}

TEST_CASE("a system register trap names the register as the instruction encodes it") {
  // MRS X3, ID_AA64PFR0_EL1: op0 3, op1 0, CRn 0, CRm 4, op2 0.
  const SystemRegisterTrap read((0x18ULL << 26) | (3 << 20) | (3 << 5) | (4 << 1) | 1);
  CHECK(read.encoding == static_cast<std::uint16_t>(SysReg::ID_AA64PFR0_EL1));
  CHECK(read.rt == 3);
  CHECK(read.is_read);
  // MSR CNTP_CTL_EL0, XZR: op0 3, op1 3, CRn 14, CRm 2, op2 1.
  const SystemRegisterTrap write((3 << 20) | (1 << 17) | (3 << 14) | (14 << 10) | (31 << 5) |
                                 (2 << 1));
  CHECK(write.encoding == static_cast<std::uint16_t>(SysReg::CNTP_CTL_EL0));
  CHECK(write.rt == 31);
  CHECK_FALSE(write.is_read);
}

TEST_CASE("WFI, WFE, HVC and SMC") {
  CHECK(Wfx(0x0460'0000 | 0).waits_for_interrupt());
  CHECK_FALSE(Wfx(1).waits_for_interrupt());
  CHECK(Wfx(2).waits_for_interrupt());
  CHECK(Hvc(0x5a00'1234).immediate == 0x1234);
  CHECK(exception_class(0x5a00'1234) == ExceptionClass::Hvc);
  CHECK(exception_class(0x5e00'0000) == ExceptionClass::Smc);
  CHECK(to_string(ExceptionClass::Hvc) == "HVC");
  CHECK(to_string(static_cast<ExceptionClass>(0x3f)).empty());
}

TEST_CASE("exceptions enter EL1 where the current mode says") {
  CHECK(synchronous_vector(0x3c5) == 0x200);  // EL1h
  CHECK(synchronous_vector(0x3c4) == 0x000);  // EL1t
  CHECK(synchronous_vector(0x000) == 0x400);  // EL0
  CHECK(synchronous_vector(0x010) == 0x600);  // AArch32 EL0
  constexpr std::uint64_t kSpan = 1ULL << 23, kDssbs = 1ULL << 44;
  constexpr ExceptionFeatures kNone{}, kPan{.pan = true}, kAll{true, true, true};
  CHECK(handler_pstate(0x8000'0000, kSpan, kPan) == 0x8000'03c5);
  CHECK(handler_pstate(0x8000'0000, 0, kPan) == 0x8040'03c5);
  CHECK(handler_pstate(0x8040'0000, kSpan, kPan) == 0x8040'03c5);
  CHECK(handler_pstate(0x8000'0000, 0, kNone) == 0x8000'03c5);
  CHECK(handler_pstate(0, kSpan | kDssbs, {.ssbs = true}) == 0x13c5);
  CHECK(handler_pstate(0x1000, kSpan, {.ssbs = true}) == 0x3c5);
  // NZCV and DIT stay; TCO is set; BTYPE, IL, SS and UAO go.
  CHECK(handler_pstate(0xf1b0'0c00, kSpan, kAll) == 0xf300'03c5);
  CHECK(external_abort_syndrome(0x9365'0047, 0x3c5) == 0x9600'0050);  // same level, write
  CHECK(external_abort_syndrome(0x9365'0007, 0x000) == 0x9200'0010);
  CHECK(external_abort_syndrome(0x8200'0007, 0x3c5) == 0x8600'0010);
}

TEST_CASE("PSCI calls by number, in both calling conventions") {
  using psci::Function;
  CHECK(psci::function_of(0x8400'0000) == Function::Version);
  CHECK(psci::function_of(0xc400'0003) == Function::CpuOn);
  CHECK(psci::function_of(0x8400'0003) == Function::CpuOn);
  CHECK(psci::function_of(0xc400'0000) == Function::Unknown);
  CHECK(psci::function_of(0x8400'0001) == Function::CpuSuspend);
  CHECK(psci::function_of(0x8400'001f) == Function::Unknown);
  const psci::Call narrow(0x8400'0003, 0xff'0000'0001, ~0ULL, 2);
  CHECK(narrow.arguments == std::array<std::uint64_t, 3>{1, 0xffff'ffff, 2});
  const psci::Call wide(0xc400'0003, 0xff'0000'0001, ~0ULL, 2);
  CHECK(wide.arguments == std::array<std::uint64_t, 3>{0xff'0000'0001, ~0ULL, 2});
  CHECK(to_string(Function::CpuOn) == "CPU_ON");
}

TEST_CASE("built-in registers: features are cut down, debug and PMU are ignored") {
  const auto kind = [](SysReg reg) { return emulated_register(static_cast<std::uint16_t>(reg)); };
  CHECK(kind(SysReg::ID_AA64MMFR2_EL1) == EmulatedRegister::Feature);
  CHECK(emulated_register(sysreg_encoding(3, 0, 0, 1, 0)) == EmulatedRegister::Feature);  // AArch32
  CHECK(kind(SysReg::ACTLR_EL1) == EmulatedRegister::Ignored);
  CHECK(emulated_register(sysreg_encoding(2, 0, 0, 2, 2)) == EmulatedRegister::Ignored);   // MDSCR
  CHECK(emulated_register(sysreg_encoding(3, 3, 9, 12, 0)) == EmulatedRegister::Ignored);  // PMCR
  CHECK(emulated_register(sysreg_encoding(1, 0, 7, 14, 2)) ==
        EmulatedRegister::Ignored);  // DC CISW
  CHECK(kind(SysReg::CNTP_CTL_EL0) == EmulatedRegister::None);
  CHECK(kind(SysReg::SCTLR_EL1) == EmulatedRegister::None);

  CHECK(guest_feature(SysReg::ID_AA64PFR0_EL1, 0x1101'0011'1111'2222) == 0x1101'0000'0011'0011);
  CHECK(guest_feature(SysReg::ID_AA64PFR0_EL1, ~0ULL) == 0xff0f'0000'00ff'0011);
  CHECK(guest_feature(SysReg::ID_AA64DFR0_EL1, 0x1030'5106) == 0x1030'5006);
  CHECK((guest_feature(SysReg::ID_AA64ISAR1_EL1, ~0ULL) & 0xff00'0ff0) == 0);  // no PAuth
  CHECK((guest_feature(SysReg::ID_AA64MMFR1_EL1, ~0ULL) & 0xf00) == 0);        // no VHE
  CHECK(guest_feature(SysReg::ID_AA64MMFR0_EL1, 0x11'1124) == 0xf00'1024);
  CHECK(guest_feature(SysReg::ID_AA64DFR1_EL1, ~0ULL) == 0);
}
