#pragma once
// Ways to begin and end: by PSCI, which on a board with EL2 answers to SMC.

#include <cstdint>

namespace axvm::hal_el2 {

/// PSCI CPU_ON: CPU `index` (board.hpp) enters hal_el2_secondary(index). False when there is none.
[[nodiscard]] bool start_cpu(unsigned index);

/// PSCI SYSTEM_OFF.
[[noreturn]] void power_off();

}  // namespace axvm::hal_el2

/// From vectors.S: an exception that EL2 itself took. Reports it and powers off.
extern "C" [[noreturn]] void hal_el2_unexpected_exception(std::uint64_t kind, std::uint64_t esr,
                                                          std::uint64_t elr, std::uint64_t far);
