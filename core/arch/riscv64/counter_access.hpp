#pragma once
// The CSRs of counters (Zicntr) as a guest reads them when hcounteren does not let it.

#include <core/arch/riscv64/csr.hpp>
#include <core/arch/riscv64/csr_instruction.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/performance_counters.hpp>
#include <cstdint>
#include <optional>

namespace axvm::riscv64 {

/// The CSR of a hardware counter.
[[nodiscard]] constexpr Csr csr_of(unsigned counter) noexcept {
  return counter == PerformanceCounters::kCycle ? Csr::cycle : Csr::instret;
}

template <VirtualizationHardware U>
[[nodiscard]] HardwareCounts hardware_counts(U& cpu) {
  return {cpu.template read<Csr::cycle>(), cpu.template read<Csr::instret>()};
}

/// An instruction that reads a counter's CSR, and writes nothing.
struct CounterRead {
  unsigned counter = 0;
  unsigned rd = 0;
};

/// `word` is an instruction that a virtual-instruction exception was taken for.
[[nodiscard]] constexpr std::optional<CounterRead> counter_read(std::uint32_t word) noexcept {
  const auto instruction = decode_csr_instruction(word);
  if (!instruction || instruction->writes()) return std::nullopt;
  for (unsigned n = 0; n < PerformanceCounters::kHardware; ++n) {
    if (instruction->csr == csr_of(n)) return CounterRead{n, instruction->rd};
  }
  return std::nullopt;
}

static_assert(counter_read(0xc000'2573)->rd == 10);                                  // RDCYCLE a0
static_assert(counter_read(0xc020'25f3)->counter == PerformanceCounters::kInstret);  // RDINSTRET
static_assert(!counter_read(0xc010'2573));                                           // RDTIME
static_assert(!counter_read(0xc000'a573));  // CSRRS a0, cycle, ra

}  // namespace axvm::riscv64
