// At EL2: carries out the rounds of translations that QEMU has loaded, and prints PAR_EL1 after
// each, a line of hexadecimal digits.

#include <cstdint>
#include <cstring>
#include <hal-metal/platform.hpp>
#include <tests/hal-el2/translation_rounds.hpp>

extern "C" [[noreturn]] void hal_el2_main();

namespace {

using namespace axvm::test;

void set_registers(const Round& round) {
  asm volatile(
      "msr sctlr_el1, %0\n\tmsr tcr_el1, %1\n\tmsr ttbr0_el1, %2\n\tmsr ttbr1_el1, %3\n\t"
      "msr mair_el1, %4\n\tmsr hcr_el2, %5\n\tmsr vtcr_el2, %6\n\tmsr vttbr_el2, %7\n\t"
      "dsb sy\n\tisb\n\ttlbi alle1\n\tdsb sy\n\tisb" ::"r"(round.sctlr_el1),
      "r"(round.tcr_el1), "r"(round.ttbr0_el1), "r"(round.ttbr1_el1), "r"(round.mair_el1),
      "r"(round.hcr_el2), "r"(round.vtcr_el2), "r"(round.vttbr_el2)
      : "memory");
}

std::uint64_t answer(const Question& question) {
  const std::uint64_t va = question.address;
  if (question.el0 != 0 && question.write != 0) {
    asm volatile("at s12e0w, %0\n\tisb" ::"r"(va) : "memory");
  } else if (question.el0 != 0) {
    asm volatile("at s12e0r, %0\n\tisb" ::"r"(va) : "memory");
  } else if (question.write != 0) {
    asm volatile("at s12e1w, %0\n\tisb" ::"r"(va) : "memory");
  } else {
    asm volatile("at s12e1r, %0\n\tisb" ::"r"(va) : "memory");
  }
  std::uint64_t par = 0;
  asm volatile("mrs %0, par_el1" : "=r"(par)::"memory");
  return par;
}

void print(std::uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) {
    axvm::hal_metal::kConsole.put("0123456789abcdef"[value >> shift & 15]);
  }
  axvm::hal_metal::kConsole.put("\r\n");
}

}  // namespace

void hal_el2_main() {
  const auto* round = reinterpret_cast<const Round*>(kRounds);
  for (;; ++round) {
    std::memcpy(reinterpret_cast<void*>(kPool), round->pool.data(), sizeof(round->pool));
    set_registers(*round);
    for (const Question& question : round->questions) print(answer(question));
    if (round->is_last != 0) axvm::hal_metal::power_off();
  }
}
