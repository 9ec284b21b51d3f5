#pragma once
// A vCPU that is loaded and takes the traps that a test makes up.

#include <doctest/doctest.h>

#include <cstdint>
#include <tests/core/vm_fixture.hpp>

namespace axvm::test {

/// ESR_EL2.IL: the instruction has 32 bits.
inline constexpr std::uint64_t kIl = 1ULL << 25;

struct TrapFixture : VmFixture {
  TrapFixture() {
    start();
    run<exit_reason::ExternalInterrupt>();  // the vCPU is loaded
    hal.events.clear();
    cpu().set(SysReg::VBAR_EL1, kVectors);
  }
  std::uint64_t pc() { return cpu().get(SysReg::ELR_EL2); }
  /// The guest has taken an exception to the EL1h vector with this syndrome.
  void check_injected(std::uint64_t esr, std::uint64_t from) {
    CHECK(pc() == kVectors + 0x200);
    CHECK(cpu().get(SysReg::ESR_EL1) == esr);
    CHECK(cpu().get(SysReg::ELR_EL1) == from);
    CHECK(cpu().get(SysReg::SPSR_EL1) == 0x3c5);
    CHECK(cpu().get(SysReg::SPSR_EL2) == 0x3c5);
    const auto injected = hal.events_of<ExceptionInjected>();
    REQUIRE(injected.size() == 1);
    CHECK(injected[0].syndrome == esr);
    CHECK_FALSE(injected[0].reason.empty());
  }
};

}  // namespace axvm::test
