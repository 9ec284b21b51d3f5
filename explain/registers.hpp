#pragma once
// The registers that can be explained.

#include <explain/field.hpp>
#include <span>
#include <string_view>

namespace axvm::explain {

/// All of them, in the order of their names: AArch64's, which are in capitals, and RISC-V's.
[[nodiscard]] std::span<const Register> registers();

/// By name, in upper or lower case. Without a level it is EL2's where there is one: "esr" is
/// ESR_EL2, "tcr" is TCR_EL1. Null: there is none.
[[nodiscard]] const Register* find_register(std::string_view name);

}  // namespace axvm::explain
