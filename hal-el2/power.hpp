#pragma once
// Ways to end: by PSCI, which on a board with EL2 answers to SMC.

#include <cstdint>

namespace axvm::hal_el2 {

/// PSCI SYSTEM_OFF.
[[noreturn]] void power_off();

}  // namespace axvm::hal_el2

/// From vectors.S: an exception that EL2 itself took. Reports it and powers off.
extern "C" [[noreturn]] void hal_el2_unexpected_exception(std::uint64_t kind, std::uint64_t esr,
                                                          std::uint64_t elr, std::uint64_t far);
