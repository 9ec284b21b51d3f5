#pragma once
// What two traces of one guest may differ in, since one of both machines is not built to the
// manual. Each has its reason in hal-el2/README.md.

#include <hal-sim/trace/trace_reader.hpp>

namespace axvm::hal_sim {

/// Whether two events differ in nothing but what QEMU (up to 7.2 at least) does otherwise:
///
/// * ESR_EL2's level of a fault of stage 2 on a walk of stage 1 (S1PTW) is that of stage 1 there,
///   but that of the stage-2 lookup that failed by DDI 0487 (AArch64.S1TTWFetch returns the fault
///   of AArch64.S2Translate).
[[nodiscard]] bool is_qemu_difference(const TraceEvent& a, const TraceEvent& b);

}  // namespace axvm::hal_sim
