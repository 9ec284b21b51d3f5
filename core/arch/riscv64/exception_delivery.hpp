#pragma once
// Exceptions that the VMM has a guest take, and what is told of them.

#include <axvm/exit.hpp>
#include <core/arch/riscv64/exception.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/trap.hpp>
#include <core/arch/riscv64/trap_report.hpp>
#include <core/vm/trap_outcome.hpp>
#include <cstdint>

namespace axvm::riscv64 {

/// Where a trap came from, for the exit when its guest cannot take an exception.
struct TrapOrigin {
  ExceptionCause cause{};
  GuestPhysAddr address{0};
  bool is_write = false;
};

/// The guest goes on with `exception`, or leaves when that would happen at its vector for ever.
template <class Vm, VirtualizationHardware U>
TrapOutcome deliver(U& cpu, TrapReport<Vm, U>& report, ExitSlot& exit,
                    const GuestException& exception, const TrapOrigin& origin) {
  if (!inject(cpu, exception)) {
    return exit.leave(exit_reason::GuestFault{origin.address, origin.is_write,
                                              static_cast<std::uint64_t>(origin.cause),
                                              "exception at the trap vector"});
  }
  report.injected(static_cast<std::uint64_t>(exception.cause), exception.value, exception.reason);
  return kGoOn;
}

}  // namespace axvm::riscv64
