// Ways to begin and end: by SBI.

#include <hal-hs/board.hpp>
#include <hal-hs/panic.hpp>
#include <hal-hs/sbi.hpp>
#include <hal-metal/json_line.hpp>
#include <hal-metal/platform.hpp>

/// start.S.
extern "C" void secondary_start();

namespace axvm::hal_metal {

namespace sbi = hal_hs::sbi;

bool start_cpu(unsigned index) {
  constexpr std::uint64_t kHartStart = 0;
  return sbi::call(sbi::Extension::HartState, kHartStart, hal_hs::hart_of(index),
                   reinterpret_cast<std::uint64_t>(&secondary_start), index) == 0;
}

void power_off() {
  constexpr std::uint64_t kSystemReset = 0;
  constexpr std::uint64_t kShutdown = 0;
  for (;;) sbi::call(sbi::Extension::SystemReset, kSystemReset, kShutdown);
}

}  // namespace axvm::hal_metal

void hal_hs_unexpected_trap(std::uint64_t scause, std::uint64_t sepc, std::uint64_t stval) {
  axvm::hal_metal::JsonLine(axvm::hal_metal::kConsole, "panic")
      .hex("scause", scause)
      .hex("sepc", sepc)
      .hex("stval", stval);
  axvm::hal_metal::power_off();
}
