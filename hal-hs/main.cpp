#include <core/arch/riscv64/arch.hpp>
#include <hal-hs/cpu.hpp>
#include <hal-metal/image.hpp>

// start.S: the boot CPU, and each of the others. tp has its number.
extern "C" [[noreturn]] void hal_hs_main() { axvm::hal_metal::Image<axvm::hal_hs::Cpu>::main(); }
extern "C" [[noreturn]] void hal_hs_secondary() {
  axvm::hal_metal::Image<axvm::hal_hs::Cpu>::secondary_main();
}
