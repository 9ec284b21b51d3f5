#pragma once
// The instruction sets that machines and their guests may have.

#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::hal_sim {

/// AArch64: Armv8-A in its 64-bit state (DDI 0487). Riscv64: RV64GC with the hypervisor extension.
enum class Isa : std::uint8_t { Aarch64, Riscv64 };

/// "aarch64", "riscv64".
[[nodiscard]] constexpr std::string_view to_string(Isa isa) noexcept {
  return isa == Isa::Aarch64 ? "aarch64" : "riscv64";
}

/// The one of this name.
[[nodiscard]] constexpr std::optional<Isa> isa_named(std::string_view name) noexcept {
  for (const Isa isa : {Isa::Aarch64, Isa::Riscv64}) {
    if (to_string(isa) == name) return isa;
  }
  return std::nullopt;
}

/// Where instructions may be, in bytes: those of RISC-V may be compressed.
[[nodiscard]] constexpr unsigned instruction_alignment(Isa isa) noexcept {
  return isa == Isa::Aarch64 ? 4 : 2;
}

}  // namespace axvm::hal_sim
