#pragma once
// ESR_EL2 for readers: the exception's name and each field of its syndrome
// (DDI 0487 D24.2.40, ESR_EL2).

#include <cstdint>
#include <hal-sim/trace/trap_text.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::hal_sim::aarch64 {

/// The exception class's name, for an exception taken to EL1 or EL2: "data abort from EL0/EL1".
[[nodiscard]] std::string_view exception_class_name(std::uint64_t esr, unsigned target_el = 2);

/// EC, IL and the fields of ISS that this exception class defines, from high bits to low.
[[nodiscard]] std::vector<SyndromeField> syndrome_fields(std::uint64_t esr);

/// "EC=0x24 IL=1 ISV=1 SAS=2 (4 bytes) …"
[[nodiscard]] std::string syndrome_text(std::uint64_t esr);

/// "translation fault, level 2": the fault status code of an abort.
[[nodiscard]] std::string fault_status_text(std::uint64_t code);

/// The exception class, bits 31:26.
[[nodiscard]] constexpr unsigned exception_class(std::uint64_t esr) {
  return static_cast<unsigned>(esr >> 26 & 0x3F);
}

inline constexpr unsigned kWfx = 0x01;
inline constexpr unsigned kSvc64 = 0x15;
inline constexpr unsigned kHvc64 = 0x16;
inline constexpr unsigned kSmc64 = 0x17;
inline constexpr unsigned kSystemRegister = 0x18;
inline constexpr unsigned kInstructionAbort = 0x20;
inline constexpr unsigned kDataAbort = 0x24;

/// Where the instruction is that trapped: HVC and SVC leave the address behind it in ELR_EL2, other
/// traps its own.
[[nodiscard]] constexpr std::uint64_t trapped_instruction(std::uint64_t esr, std::uint64_t elr) {
  const unsigned ec = exception_class(esr);
  return elr - (ec == kHvc64 || ec == kSvc64 ? 4 : 0);
}

}  // namespace axvm::hal_sim::aarch64
