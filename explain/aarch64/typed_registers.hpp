#pragma once
// Registers and dumps of memory that somebody has typed in, of any hypervisor.

#include <cstdint>
#include <expected>
#include <filesystem>
#include <hal-sim/config/diagnostic.hpp>
#include <optional>
#include <sim/arch/aarch64/translation.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::explain::aarch64 {

/// What was in memory from `address` on: a file of bytes, or descriptors that were typed in.
struct MemoryDump {
  std::string file{};
  std::uint64_t address = 0;
  std::vector<std::uint64_t> words{};  ///< instead of a file; what else is in their frames is 0
};

/// What translation depends on. Registers that nobody has typed in are 0; features without an ID
/// register are the widest that the walker knows.
struct TypedRegisters {
  sim::aarch64::Registers registers;
  sim::aarch64::Features features{.pa_bits = 48, .hierarchical_disable = true, .vmid16 = true};
  std::vector<MemoryDump> dumps;
};

/// Sets a register by name. Why not, otherwise, and what was expected.
[[nodiscard]] std::expected<void, std::string> set_register(TypedRegisters& typed,
                                                            std::string_view name,
                                                            std::uint64_t value);

/// TOML: `NAME = value` for each register, and [[memory]] with `address` and `file` or `words`.
/// Values above 2^63 - 1 are written as text. Everything that is wrong is reported.
[[nodiscard]] std::expected<TypedRegisters, std::vector<hal_sim::Diagnostic>> parse_registers(
    const std::string& name, const std::string& text);

/// The same from a file; dumps are looked for beside it.
[[nodiscard]] std::expected<TypedRegisters, std::vector<hal_sim::Diagnostic>> load_registers(
    const std::filesystem::path& file);

/// "FILE@ADDRESS"; nothing when it is not.
[[nodiscard]] std::optional<MemoryDump> parse_dump(std::string_view text);

/// What keeps the walker from walking with these registers, in one line; empty: nothing.
[[nodiscard]] std::string unsupported(const TypedRegisters& typed);

}  // namespace axvm::explain::aarch64
