// What EXITCODE, EXITINFO1 and EXITINFO2 say: APM Vol. 2, appendix C and 15.7 to 15.14.

#include <doctest/doctest.h>

#include <core/arch/x86_64/exit.hpp>
#include <set>
#include <string>
#include <vector>

namespace axvm::x86_64::test {
namespace {

/// The exit, which is of the type named.
template <class T>
T decoded(ExitCode code, std::uint64_t info1 = 0, std::uint64_t info2 = 0) {
  const Exit exit = decode_exit(code, info1, info2);
  REQUIRE(std::holds_alternative<T>(exit));
  return *std::get_if<T>(&exit);
}

}  // namespace

TEST_CASE("nested page faults tell what was refused, and of which walk") {
  const auto write = decoded<NestedPageFault>(ExitCode::Npf, 0x1'0000'0006, 0xfee0'0300);
  CHECK(write.address == GuestPhysAddr(0xfee0'0300));
  CHECK_FALSE(write.is_present);
  CHECK(write.is_write);
  CHECK(write.is_user);
  CHECK_FALSE(write.is_fetch);
  CHECK(write.on_final_address);
  CHECK_FALSE(write.on_table_walk);
  const auto walk = decoded<NestedPageFault>(ExitCode::Npf, 0x2'0000'0005, 0x1000);
  CHECK(walk.is_present);
  CHECK_FALSE(walk.is_write);
  CHECK(walk.on_table_walk);
  CHECK_FALSE(walk.on_final_address);
  CHECK(decoded<NestedPageFault>(ExitCode::Npf, 0x1'0000'0014).is_fetch);
  CHECK(decoded<NestedPageFault>(ExitCode::Npf, 0x1'0000'000d).reserved_bits);
  CHECK(decoded<NestedPageFault>(ExitCode::Npf, 0x1'0000'0047).is_shadow_stack);
}

TEST_CASE("port accesses tell port, size, direction and what strings need") {
  // OUT DX, AL in 64-bit code; the manual's order of bits in figure 15-2.
  const auto out = decoded<IoAccess>(ExitCode::Ioio, 0x03f8'0210, 0x1001);
  CHECK(out.port == 0x3f8);
  CHECK(out.width == AccessWidth::Byte);
  CHECK_FALSE(out.is_in);
  CHECK_FALSE(out.is_string);
  CHECK(out.next_rip == 0x1001);
  // REP INSW with 32-bit addresses.
  const auto string = decoded<IoAccess>(ExitCode::Ioio, 0x01f0'012d);
  CHECK(string.port == 0x1f0);
  CHECK(string.width == AccessWidth::Word);
  CHECK(string.is_in);
  CHECK(string.is_string);
  CHECK(string.is_repeated);
  CHECK(string.address_size == AccessWidth::Dword);
  CHECK(string.segment == Segment::Es);
  // OUTSD of FS with 16-bit addresses.
  const auto dwords = decoded<IoAccess>(ExitCode::Ioio, 0xffff'10c4);
  CHECK(dwords.port == 0xffff);
  CHECK(dwords.width == AccessWidth::Dword);
  CHECK(dwords.segment == Segment::Fs);
  CHECK(dwords.address_size == AccessWidth::Word);
  CHECK_FALSE(dwords.is_repeated);
  CHECK(decoded<IoAccess>(ExitCode::Ioio, 0x0cf8'0240).address_size == AccessWidth::Qword);
}

TEST_CASE("control and debug registers: which one, in which direction, by which register") {
  for (unsigned n = 0; n < 16; ++n) {
    const auto read =
        decoded<ControlRegisterAccess>(exit_code(ExitCode::ReadCr0, n), 1ULL << 63 | n);
    CHECK(read.number == n);
    CHECK_FALSE(read.is_write);
    CHECK(read.gpr == n);
    const auto write = decoded<ControlRegisterAccess>(exit_code(ExitCode::WriteCr0, n));
    CHECK(write.number == n);
    CHECK(write.is_write);
    CHECK_FALSE(write.gpr.has_value());  // CLTS, LMSW
    const auto debug = decoded<DebugRegisterAccess>(exit_code(ExitCode::WriteDr0, n), 15 - n);
    CHECK(debug.number == n);
    CHECK(debug.is_write);
    CHECK(debug.gpr == 15 - n);
    CHECK_FALSE(decoded<DebugRegisterAccess>(exit_code(ExitCode::ReadDr0, n)).is_write);
    const auto trap =
        decoded<ControlRegisterTrap>(exit_code(ExitCode::Cr0WriteTrap, n), 0x8000'0011);
    CHECK(trap.number == n);
    CHECK(trap.value == 0x8000'0011);
  }
  CHECK(decoded<SelectiveCr0Write>(ExitCode::Cr0SelWrite, 1ULL << 63 | 3).gpr == 3);
  CHECK_FALSE(decoded<SelectiveCr0Write>(ExitCode::Cr0SelWrite, 3).gpr.has_value());
  CHECK(decoded<EferTrap>(ExitCode::EferWriteTrap, 0xd01).value == 0xd01);
}

TEST_CASE("exceptions have an error code where the vector has one, and an address if of a page") {
  const std::set<unsigned> with_error_code{8, 10, 11, 12, 13, 14, 17, 21, 29, 30};
  for (unsigned n = 0; n < 32; ++n) {
    CAPTURE(n);
    const auto exception =
        decoded<InterceptedException>(exit_code(ExitCode::Exception0, n), 0x7, 0xdead'beef'0000);
    CHECK(exception.vector == n);
    CHECK(exception.error_code.has_value() == with_error_code.contains(n));
    if (exception.error_code) CHECK(*exception.error_code == 7);
    CHECK(exception.fault_address == (n == 14 ? 0xdead'beef'0000 : 0));
  }
}

TEST_CASE("descriptor tables: stored or loaded") {
  using Table = DescriptorTableAccess::Table;
  const struct {
    ExitCode code;
    Table table;
    bool is_write;
  } kCodes[] = {{ExitCode::IdtrRead, Table::Idtr, false}, {ExitCode::GdtrRead, Table::Gdtr, false},
                {ExitCode::LdtrRead, Table::Ldtr, false}, {ExitCode::TrRead, Table::Tr, false},
                {ExitCode::IdtrWrite, Table::Idtr, true}, {ExitCode::GdtrWrite, Table::Gdtr, true},
                {ExitCode::LdtrWrite, Table::Ldtr, true}, {ExitCode::TrWrite, Table::Tr, true}};
  for (const auto& c : kCodes) {
    const auto access = decoded<DescriptorTableAccess>(c.code);
    CHECK(access.table == c.table);
    CHECK(access.is_write == c.is_write);
  }
}

TEST_CASE("interrupts of the host are told from the guest's window") {
  using Kind = PhysicalInterrupt::Kind;
  CHECK(decoded<PhysicalInterrupt>(ExitCode::Intr).kind == Kind::Interrupt);
  CHECK(decoded<PhysicalInterrupt>(ExitCode::Nmi).kind == Kind::Nmi);
  CHECK(decoded<PhysicalInterrupt>(ExitCode::Smi).kind == Kind::Smi);
  CHECK(decoded<PhysicalInterrupt>(ExitCode::Init).kind == Kind::Init);
  decoded<InterruptWindow>(ExitCode::Vintr);
}

TEST_CASE("task switches tell selector, cause and error code") {
  const auto by_interrupt = decoded<TaskSwitch>(ExitCode::TaskSwitch, 0x40, 0);
  CHECK(by_interrupt.selector == 0x40);
  CHECK_FALSE(by_interrupt.by_iret);
  CHECK_FALSE(by_interrupt.by_jump);
  CHECK_FALSE(by_interrupt.error_code.has_value());
  const auto by_iret = decoded<TaskSwitch>(ExitCode::TaskSwitch, 0x48, 1ULL << 36 | 1ULL << 48);
  CHECK(by_iret.by_iret);
  CHECK(by_iret.resume_flag);
  CHECK(decoded<TaskSwitch>(ExitCode::TaskSwitch, 0, 1ULL << 38).by_jump);
  const auto by_fault = decoded<TaskSwitch>(ExitCode::TaskSwitch, 0x50, 1ULL << 44 | 0x1a);
  CHECK(by_fault.error_code == 0x1aU);
}

TEST_CASE("the others have what their instruction needs") {
  CHECK(decoded<MsrAccess>(ExitCode::Msr, 1).is_write);
  CHECK_FALSE(decoded<MsrAccess>(ExitCode::Msr, 0).is_write);
  CHECK(decoded<PageInvalidation>(ExitCode::Invlpg, 0xffff'8000'0000'1000).address ==
        GuestVirtAddr(0xffff'8000'0000'1000));
  CHECK(decoded<SoftwareInterrupt>(ExitCode::Swint, 0x80).vector == 0x80);
  decoded<Shutdown>(ExitCode::Shutdown);
  decoded<FerrFreeze>(ExitCode::FerrFreeze);
  decoded<BusLock>(ExitCode::BusLock);
  decoded<InvalidGuestState>(ExitCode::Invalid);
  for (const ExitCode code : {ExitCode::Cpuid, ExitCode::Hlt, ExitCode::Pause, ExitCode::Rdtsc,
                              ExitCode::Rdtscp, ExitCode::Xsetbv, ExitCode::Vmmcall,
                              ExitCode::Monitor, ExitCode::Mwait, ExitCode::Wbinvd}) {
    CHECK(decoded<InterceptedInstruction>(code).code == code);
  }
}

TEST_CASE("every code has an answer, and a name unless it is unknown") {
  std::set<std::string> names;
  std::vector<std::uint64_t> codes{~0ULL, ~0ULL - 1, 1ULL << 63, 0xffff'ffff};
  for (std::uint64_t n = 0; n < 0x1000; ++n) codes.push_back(n);
  for (const std::uint64_t n : codes) {
    CAPTURE(n);
    const auto code = static_cast<ExitCode>(n);
    const Exit exit = decode_exit(code, ~0ULL, ~0ULL);
    const bool is_named = !to_string(code).empty();
    // AVIC's and SEV-ES's have names, but are never asked for.
    const bool is_unused = n >= 0x401 && n <= 0x403;
    CHECK(std::holds_alternative<UnknownExit>(exit) == (!is_named || is_unused));
    if (is_named) names.insert(std::string(to_string(code)));
    if (n >= 0xa7 && n < 0x400) CHECK_FALSE(is_named);
  }
  // Six ranges, and each of the others with its own.
  CHECK(names.size() == 6 + 0x30 + 7 + 4 + 1);
}

}  // namespace axvm::x86_64::test
