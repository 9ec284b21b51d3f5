#pragma once
// The CSRs of counters (Zicntr) as a guest reads them when hcounteren does not let it.

#include <core/arch/riscv64/csr.hpp>
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
  constexpr std::uint32_t kSystem = 0x73;
  const std::uint32_t function = word >> 12 & 7;
  const bool sets_or_clears = (function & 2) != 0;  // CSRRS, CSRRC and their immediate forms
  const bool is_read = (word & 0x7f) == kSystem && sets_or_clears && (word >> 15 & 0x1f) == 0;
  if (!is_read) return std::nullopt;
  for (unsigned n = 0; n < PerformanceCounters::kHardware; ++n) {
    if (word >> 20 == static_cast<std::uint32_t>(csr_of(n)))
      return CounterRead{n, word >> 7 & 0x1f};
  }
  return std::nullopt;
}

static_assert(counter_read(0xc000'2573)->rd == 10);                                  // RDCYCLE a0
static_assert(counter_read(0xc020'25f3)->counter == PerformanceCounters::kInstret);  // RDINSTRET
static_assert(!counter_read(0xc010'2573));                                           // RDTIME
static_assert(!counter_read(0xc000'a573));  // CSRRS a0, cycle, ra

}  // namespace axvm::riscv64
