#pragma once
// Control and status registers by number (Privileged ISA, "CSR Listing").

#include <cstdint>
#include <string>

namespace axvm::hal_sim::riscv64 {

/// "stimecmp", or "csr 0x15d" for one that the list does not name.
[[nodiscard]] std::string csr_name(std::uint64_t number);

}  // namespace axvm::hal_sim::riscv64
