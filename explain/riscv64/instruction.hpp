#pragma once
// What traps say of the instruction that trapped: htinst, and stval after an illegal or virtual
// instruction. Written from the manual, like all of explain/: it shares nothing with the decoders
// of the machine and of the VMM.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace axvm::explain::riscv64 {

/// A load or store as htinst describes it.
struct TransformedAccess {
  enum class Form : std::uint8_t { Load, Store, Atomic, Hypervisor };
  Form form = Form::Load;
  /// "load", "store", "AMOADD", "LR", "SC", "HLV", …
  std::string_view operation;
  bool is_store = false;  ///< faults are those of a store
  bool floating = false;  ///< `data` is a floating-point register
  bool is_signed = false;
  unsigned bytes = 0;        ///< accessed
  unsigned data = 0;         ///< number of the register that is loaded or stored
  unsigned offset = 0;       ///< of stval from the first byte of the access
  unsigned instruction = 4;  ///< bytes of the instruction: 2 or 4
};

/// Nothing: htinst is 0, a pseudoinstruction, or a value that the manual does not give.
[[nodiscard]] std::optional<TransformedAccess> transformed_access(std::uint64_t htinst);

/// The pseudoinstructions of implicit accesses to page tables of the VS-stage.
[[nodiscard]] constexpr bool is_implicit_access(std::uint64_t htinst) noexcept {
  return htinst == 0x2000 || htinst == 0x2020 || htinst == 0x3000 || htinst == 0x3020;
}

/// "csrrw zero, vstimecmp, a0", "wfi", "sret": what software at HS-mode may have to carry out;
/// otherwise the number, "0x9002".
[[nodiscard]] std::string instruction_text(std::uint64_t word);

}  // namespace axvm::explain::riscv64
