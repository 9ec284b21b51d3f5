#include <hal-hs/board.hpp>
#include <hal-metal/platform.hpp>

/// start.S.
extern "C" std::uint64_t hal_hs_boot_hart;

namespace axvm::hal_hs {

std::uint64_t hart_of(unsigned cpu) noexcept {
  if (cpu == 0) return hal_hs_boot_hart;
  return cpu == hal_hs_boot_hart ? 0 : cpu;
}

}  // namespace axvm::hal_hs

namespace axvm::hal_metal {

constinit const HostPhysAddr kRamBase{0x8000'0000};
constinit const Uart kConsole{0x1000'0000};

// start.S numbers the CPUs.
unsigned current_cpu() noexcept {
  std::uint64_t index = 0;
  asm volatile("mv %0, tp" : "=r"(index));
  return static_cast<unsigned>(index);
}

}  // namespace axvm::hal_metal
