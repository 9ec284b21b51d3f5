#include <core/arch/aarch64/arch.hpp>
#include <hal-el2/cpu.hpp>
#include <hal-metal/image.hpp>

// start.S: the boot CPU, and each of the others. TPIDR_EL2 has its number.
extern "C" [[noreturn]] void hal_el2_main() { axvm::hal_metal::Image<axvm::hal_el2::Cpu>::main(); }
extern "C" [[noreturn]] void hal_el2_secondary() {
  axvm::hal_metal::Image<axvm::hal_el2::Cpu>::secondary_main();
}
