#include <hal-sim/arch/aarch64/trace/qemu_differences.hpp>
#include <hal-sim/arch/riscv64/trace/qemu_differences.hpp>
#include <hal-sim/trace/permitted_differences.hpp>

namespace axvm::hal_sim {

PermittedDifference qemu_differences(Isa isa) {
  if (isa == Isa::Aarch64) return aarch64::is_qemu_difference;
  return riscv64::QemuDifferences();
}

PermittedAbsence missing_in_qemu(Isa isa) {
  return isa == Isa::Aarch64 ? aarch64::is_missing_in_qemu : riscv64::is_missing_in_qemu;
}

}  // namespace axvm::hal_sim
