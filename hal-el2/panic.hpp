#pragma once
// What cannot be: an exception that EL2 itself took.

#include <cstdint>

/// From vectors.S. Reports it and powers off.
extern "C" [[noreturn]] void hal_el2_unexpected_exception(std::uint64_t kind, std::uint64_t esr,
                                                          std::uint64_t elr, std::uint64_t far);
