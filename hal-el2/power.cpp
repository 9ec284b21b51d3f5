// Ways to begin and end: by PSCI, which on a board with EL2 answers to SMC.

#include <hal-el2/panic.hpp>
#include <hal-metal/json_line.hpp>
#include <hal-metal/platform.hpp>

/// start.S.
extern "C" void secondary_start();

namespace axvm::hal_metal {

namespace {

std::int64_t psci(std::uint64_t function, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  register std::uint64_t x0 asm("x0") = function;
  register std::uint64_t x1 asm("x1") = a;
  register std::uint64_t x2 asm("x2") = b;
  register std::uint64_t x3 asm("x3") = c;
  asm volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
  return static_cast<std::int64_t>(x0);
}

}  // namespace

bool start_cpu(unsigned index) {
  constexpr std::uint64_t kCpuOn = 0xc400'0003;
  return psci(kCpuOn, index, reinterpret_cast<std::uint64_t>(&secondary_start), index) == 0;
}

void power_off() {
  constexpr std::uint64_t kSystemOff = 0x8400'0008;
  for (;;) psci(kSystemOff, 0, 0, 0);
}

}  // namespace axvm::hal_metal

void hal_el2_unexpected_exception(std::uint64_t kind, std::uint64_t esr, std::uint64_t elr,
                                  std::uint64_t far) {
  axvm::hal_metal::JsonLine(axvm::hal_metal::kConsole, "panic")
      .number("vector", kind)
      .hex("esr_el2", esr)
      .hex("elr_el2", elr)
      .hex("far_el2", far);
  axvm::hal_metal::power_off();
}
