#include <hal-sim/arch/riscv64/trace/qemu_differences.hpp>

namespace axvm::hal_sim::riscv64 {

bool is_qemu_difference(const TraceEvent&, const TraceEvent&) { return false; }

bool is_missing_in_qemu(const TraceEvent&) { return false; }

}  // namespace axvm::hal_sim::riscv64
