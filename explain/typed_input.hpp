#pragma once
// Registers and dumps of memory that somebody has typed in, of any hypervisor.

#include <cstdint>
#include <expected>
#include <explain/aarch64/typed_registers.hpp>
#include <explain/riscv64/typed_registers.hpp>
#include <filesystem>
#include <hal-sim/config/diagnostic.hpp>
#include <hal-sim/isa.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace axvm::explain {

/// What was in memory from `address` on: a file of bytes, or entries of tables that were typed in.
struct MemoryDump {
  std::string file{};
  std::uint64_t address = 0;
  std::vector<std::uint64_t> words{};  ///< instead of a file; what else is in their frames is 0
};

struct TypedInput {
  /// Of the instruction set whose registers have been typed in; none: nobody knows yet.
  std::variant<std::monostate, aarch64::TypedRegisters, riscv64::TypedRegisters> registers;
  std::vector<MemoryDump> dumps;

  [[nodiscard]] std::optional<hal_sim::Isa> isa() const noexcept;
};

/// Sets a register by name. Why not, otherwise, and what was expected: registers are of one
/// instruction set.
[[nodiscard]] std::expected<void, std::string> set_register(TypedInput& input,
                                                            std::string_view name,
                                                            std::uint64_t value);

/// TOML: `NAME = value` for each register, and [[memory]] with `address` and `file` or `words`.
/// Values above 2^63 - 1 are written as text. Everything that is wrong is reported.
[[nodiscard]] std::expected<TypedInput, std::vector<hal_sim::Diagnostic>> parse_registers(
    const std::string& name, const std::string& text);

/// The same from a file; dumps are looked for beside it.
[[nodiscard]] std::expected<TypedInput, std::vector<hal_sim::Diagnostic>> load_registers(
    const std::filesystem::path& file);

/// "FILE@ADDRESS"; nothing when it is not.
[[nodiscard]] std::optional<MemoryDump> parse_dump(std::string_view text);

}  // namespace axvm::explain
