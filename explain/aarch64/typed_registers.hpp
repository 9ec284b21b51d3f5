#pragma once
// AArch64's registers of translation, as somebody has typed them in.

#include <cstdint>
#include <sim/arch/aarch64/translation.hpp>
#include <span>
#include <string>
#include <string_view>

namespace axvm::explain::aarch64 {

/// What translation depends on. Registers that nobody has typed in are 0; features without an ID
/// register are the widest that the walker knows.
struct TypedRegisters {
  sim::aarch64::Registers registers;
  sim::aarch64::Features features{.pa_bits = 48, .hierarchical_disable = true, .vmid16 = true};
};

/// The registers that translation depends on.
[[nodiscard]] std::span<const std::string_view> typed_register_names();

/// Sets one of typed_register_names().
void set_register(TypedRegisters& typed, std::string_view name, std::uint64_t value);

/// What keeps the walker from walking with these registers, in one line; empty: nothing.
[[nodiscard]] std::string unsupported(const TypedRegisters& typed);

}  // namespace axvm::explain::aarch64
