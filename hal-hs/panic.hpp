#pragma once
// What cannot be: a trap that HS-mode itself took.

#include <cstdint>

/// From vectors.S. Reports it and powers off.
extern "C" [[noreturn]] void hal_hs_unexpected_trap(std::uint64_t scause, std::uint64_t sepc,
                                                    std::uint64_t stval);
