#pragma once
// ESR_EL2 and its companions (DDI 0487 D24.2).

#include <hal-sim/trace/trap_text.hpp>

namespace axvm::hal_sim::aarch64 {

[[nodiscard]] const TrapText& trap_text();

}  // namespace axvm::hal_sim::aarch64
