#pragma once
// What QEMU does otherwise than the manual of RISC-V says. Each has its reason in hal-hs/README.md.

#include <hal-sim/trace/trace_reader.hpp>

namespace axvm::hal_sim::riscv64 {

/// Whether two events differ in nothing but what QEMU (up to 7.2 at least) does otherwise:
///
/// * a guest-page fault on a walk of the VS-stage is one of a load there, whatever the access was
///   ("Hypervisor Extension", "Guest-Page Faults": it is of the original access's type).
[[nodiscard]] bool is_qemu_difference(const TraceEvent& a, const TraceEvent& b);

/// Whether an event may be missing under QEMU, where what only VS-mode may do is illegal in
/// VU-mode, and the guest's to deal with ("Hypervisor Extension", "Virtual-Instruction Exception":
/// HS-mode takes the trap). With the trap goes the exception that the VMM makes of it.
[[nodiscard]] bool is_missing_in_qemu(const TraceEvent& event);

}  // namespace axvm::hal_sim::riscv64
