// What the registers of a trap say: Privileged Architecture, "Hypervisor Extension", "Traps".
#include <doctest/doctest.h>
#include <core/arch/riscv64/exception.hpp>
#include <core/arch/riscv64/trap.hpp>
#include <set>
#include <string>

using namespace axvm;
using namespace axvm::riscv64;

TEST_CASE("scause tells interrupts from exceptions, whatever its code") {
  CHECK(is_interrupt(1ULL << 63 | 5));
  CHECK_FALSE(is_interrupt(23));
  CHECK(exception_cause(23) == ExceptionCause::StoreGuestPage);
  CHECK(to_string(exception_cause(24)).empty());
  CHECK(to_string(exception_cause(~0ULL >> 1)).empty());
  CHECK_FALSE(belongs_to_guest(exception_cause(1ULL << 32)));
}

TEST_CASE("every cause that there is has a name of its own") {
  std::set<std::string> names;
  unsigned named = 0;
  for (std::uint64_t code = 0; code < 64; ++code) {
    const auto name = to_string(exception_cause(code));
    if (name.empty()) continue;
    names.emplace(name);
    ++named;
  }
  CHECK(named == 21);
  CHECK(names.size() == named);
}

TEST_CASE("guest-page faults, calls and virtual instructions stay with the hypervisor") {
  using enum ExceptionCause;
  for (const auto cause : {InstructionGuestPage, LoadGuestPage, StoreGuestPage, VirtualInstruction,
                           VirtualSupervisorCall, SupervisorCall, HardwareError, DoubleTrap}) {
    CHECK_FALSE(belongs_to_guest(cause));
  }
  for (const auto cause : {InstructionGuestPage, LoadGuestPage, StoreGuestPage}) {
    CHECK(is_guest_page_fault(cause));
    CHECK(GuestPageFault(cause, 0, 0, 0).cause() == cause);
  }
  CHECK_FALSE(is_guest_page_fault(VirtualInstruction));
}

TEST_CASE("a guest-page fault has its address in htval and the low bits of stval") {
  const GuestPageFault fault(ExceptionCause::StoreGuestPage, 0xffff'ffc0'0000'1abe,
                             0x8000'0abc >> 2, 0x0030'0023);
  CHECK(fault.address == GuestPhysAddr(0x8000'0abe));
  CHECK(fault.va == 0xffff'ffc0'0000'1abe);
  CHECK(fault.access == MemoryAccess::Store);
  CHECK_FALSE(fault.on_table_walk);
  CHECK(fault.transformed == 0x0030'0023U);
  // All 56 bits of the largest guest-physical address.
  CHECK(GuestPageFault(ExceptionCause::LoadGuestPage, 3, (1ULL << 57) - 1, 0).address ==
        GuestPhysAddr((1ULL << 59) - 1));
}

TEST_CASE("pseudoinstructions tell of walks: of either width, for reading or to set flags") {
  const struct {
    std::uint64_t htinst;
    bool walks, writes;
  } forms[] = {{0x3000, true, false},  {0x3020, true, true},
               {0x2000, true, false},  {0x2020, true, true},
               {0, false, false},      {0x3002, false, false},
               {0x1000, false, false}, {1ULL << 32 | 0x3000, false, false}};
  for (const auto& form : forms) {
    CAPTURE(form.htinst);
    const GuestPageFault fault(ExceptionCause::LoadGuestPage, 0x123, 0x8000'0008 >> 2, form.htinst);
    CHECK(fault.on_table_walk == form.walks);
    CHECK(fault.walk_writes == form.writes);
    // An entry's address is its own; stval's low bits belong to what the walk was for.
    CHECK(fault.address == GuestPhysAddr(form.walks ? 0x8000'0008 : 0x8000'000b));
    CHECK_FALSE(fault.transformed.has_value());
  }
}

TEST_CASE("of virtual instructions, those that wait are told apart") {
  using Kind = VirtualInstruction::Kind;
  CHECK(VirtualInstruction(0x1050'0073).kind == Kind::Wfi);
  CHECK(VirtualInstruction(0x00d0'0073).kind == Kind::Wrs);
  CHECK(VirtualInstruction(0x1050'0173).kind == Kind::Other);
  CHECK(VirtualInstruction(0x1020'0073).kind == Kind::Other);  // SRET
}

TEST_CASE("a handler's status remembers the interrupts and the mode") {
  constexpr std::uint64_t kOthers = ~(status::kSie | status::kSpie | status::kSpp);
  CHECK(handler_status(~0ULL, true) == (kOthers | status::kSpie | status::kSpp));
  CHECK(handler_status(~0ULL, false) == (kOthers | status::kSpie));
  CHECK(handler_status(status::kSpie | status::kSpp, false) == 0);
}
