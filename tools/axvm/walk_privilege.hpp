#pragma once
// Whose permissions a drawn walk is about, as the instruction set of the guests has them.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <hal-sim/isa.hpp>
#include <optional>

namespace axvm::tool {

struct WalkPrivilege {
  std::optional<std::uint8_t> el;    ///< --el: AArch64's Exception level, 0 or 1
  std::optional<bool> is_user_mode;  ///< --mode: RISC-V's VU-mode, or VS-mode

  /// Without an option, the guest's kernel.
  [[nodiscard]] std::uint8_t exception_level() const noexcept { return el.value_or(1); }
  [[nodiscard]] bool user_mode() const noexcept { return is_user_mode.value_or(false); }
};

/// --el and --mode.
void add_walk_privilege(CLI::App& app, WalkPrivilege& privilege);

/// Whether the option given, if any, is of this instruction set. Otherwise one line on the standard
/// error has said so.
[[nodiscard]] bool suits(const WalkPrivilege& privilege, hal_sim::Isa isa);

}  // namespace axvm::tool
