#include <hal-el2/board.hpp>
#include <hal-el2/json_line.hpp>
#include <hal-el2/power.hpp>

namespace axvm::hal_el2 {

void power_off() {
  constexpr std::uint64_t kPsciSystemOff = 0x8400'0008;
  register std::uint64_t x0 asm("x0") = kPsciSystemOff;
  for (;;) asm volatile("smc #0" : "+r"(x0)::"x1", "x2", "x3", "memory");
}

}  // namespace axvm::hal_el2

void hal_el2_unexpected_exception(std::uint64_t kind, std::uint64_t esr, std::uint64_t elr,
                                  std::uint64_t far) {
  axvm::hal_el2::JsonLine(axvm::hal_el2::kConsole, "panic")
      .number("vector", kind)
      .hex("esr_el2", esr)
      .hex("elr_el2", elr)
      .hex("far_el2", far);
  axvm::hal_el2::power_off();
}
