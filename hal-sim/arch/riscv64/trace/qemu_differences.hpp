#pragma once
// What QEMU does otherwise than the manual of RISC-V says. Each has its reason in hal-hs/README.md.

#include <hal-sim/trace/trace_reader.hpp>

namespace axvm::hal_sim::riscv64 {

/// Whether two events differ in nothing but what QEMU (up to 7.2 at least) does otherwise.
[[nodiscard]] bool is_qemu_difference(const TraceEvent& a, const TraceEvent& b);

/// Whether an event may be missing under QEMU, whose VU-mode takes illegal-instruction exceptions
/// where those of virtual instructions are due: for supervisor CSRs ("Hypervisor Extension",
/// "Virtual Instruction"). What the VMM makes of the trap is the same exception for the guest.
[[nodiscard]] bool is_missing_in_qemu(const TraceEvent& event);

}  // namespace axvm::hal_sim::riscv64
