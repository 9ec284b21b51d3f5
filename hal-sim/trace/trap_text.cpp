#include <hal-sim/arch/aarch64/trace/trap_text.hpp>
#include <hal-sim/arch/riscv64/trace/trap_text.hpp>
#include <hal-sim/trace/trap_text.hpp>

namespace axvm::hal_sim {

const TrapText& trap_text(Isa isa) {
  switch (isa) {
    case Isa::Riscv64: return riscv64::trap_text();
    case Isa::Aarch64: break;
  }
  return aarch64::trap_text();
}

}  // namespace axvm::hal_sim
