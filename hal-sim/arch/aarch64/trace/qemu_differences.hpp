#pragma once
// What QEMU does otherwise than the manual of AArch64 says. Each has its reason in
// hal-el2/README.md.

#include <hal-sim/trace/trace_reader.hpp>

namespace axvm::hal_sim::aarch64 {

/// Whether two events differ in nothing but what QEMU (up to 7.2 at least) does otherwise:
///
/// * ESR_EL2's level of a fault of stage 2 on a walk of stage 1 (S1PTW) is that of stage 1 there,
///   but that of the stage-2 lookup that failed by DDI 0487 (AArch64.S1TTWFetch returns the fault
///   of AArch64.S2Translate).
[[nodiscard]] bool is_qemu_difference(const TraceEvent& a, const TraceEvent& b);

/// Whether an event may be missing under QEMU, which does not trap
///
/// * DC and IC by VA, which it executes as nothing (D7.5.9: they fault as a load would),
/// * WFE, which it never waits for (HCR_EL2.TWE; D1.3.4),
/// * debug registers that it has not, which are undefined there (MDCR_EL2.TDA, TDOSA; D24.3):
///   DBGAUTHSTATUS_EL1, DBGCLAIMSET_EL1, DBGCLAIMCLR_EL1, OSECCR_EL1, DBGDTR*_EL0. With the trap
///   goes the access that it has led to.
[[nodiscard]] bool is_missing_in_qemu(const TraceEvent& event);

}  // namespace axvm::hal_sim::aarch64
