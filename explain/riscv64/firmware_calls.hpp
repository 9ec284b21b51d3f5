#pragma once
// Calls to firmware by number (RISC-V Supervisor Binary Interface Specification).

#include <cstdint>
#include <string_view>

namespace axvm::explain::riscv64 {

/// "Timer": the SBI extension of this number (a7); empty when the specification names none.
[[nodiscard]] std::string_view firmware_extension(std::uint64_t extension);

}  // namespace axvm::explain::riscv64
