#include <hal-metal/platform.hpp>

namespace axvm::hal_metal {

// The stage-1 tables of start.S map the GiB that RAM lies in.
constinit const HostPhysAddr kRamBase{0x4000'0000};
constinit const Uart kConsole{0x0900'0000};

// start.S numbers the CPUs: MPIDR_EL1.Aff0 is 0 to 7, others are 0.
unsigned current_cpu() noexcept {
  std::uint64_t index = 0;
  asm volatile("mrs %0, tpidr_el2" : "=r"(index));
  return static_cast<unsigned>(index);
}

}  // namespace axvm::hal_metal
