#pragma once
// The end of a run in which the VMM itself is wrong.

#include <string_view>

namespace axvm::hal_sim {

/// Reports a defect of the VMM (never of the guest or the user) and aborts: a frame freed twice, a
/// lock taken out of order. Machines run in a process of their own, which reports the rest.
[[noreturn]] void vmm_defect(std::string_view what);

}  // namespace axvm::hal_sim
