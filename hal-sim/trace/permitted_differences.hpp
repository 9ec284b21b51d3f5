#pragma once
// What two traces of one guest may differ in, since one of both machines is not built to the
// manual. Each has its reason in hal-el2/README.md or hal-hs/README.md.

#include <hal-sim/isa.hpp>
#include <hal-sim/trace/trace_difference.hpp>

namespace axvm::hal_sim {

/// Whether two events differ in nothing but what QEMU (up to 7.2 at least) does otherwise. For one
/// comparison, which asks in the order of the traces.
[[nodiscard]] PermittedDifference qemu_differences(Isa isa);

/// Whether an event may be missing under QEMU.
[[nodiscard]] PermittedAbsence missing_in_qemu(Isa isa);

}  // namespace axvm::hal_sim
