#include <hal-sim/arch/riscv64/trace/qemu_differences.hpp>

namespace axvm::hal_sim::riscv64 {
namespace {

// Exceptions, as in scause.
constexpr std::uint64_t kIllegalInstruction = 2;
constexpr std::uint64_t kFetchGuestPage = 20;
constexpr std::uint64_t kLoadGuestPage = 21;
constexpr std::uint64_t kVirtualInstruction = 22;
constexpr std::uint64_t kStoreGuestPage = 23;

constexpr std::uint64_t kFromVs = 1 << 8;  // hstatus.SPVP

/// Whether VS-mode may execute an instruction that VU-mode may not: the ones that access its CSRs,
/// SRET, SFENCE.VMA, WFI ("SYSTEM" instructions; funct3 in bits 14:12).
constexpr bool is_of_supervisor(std::uint64_t instruction) {
  constexpr std::uint64_t kSystem = 0x73;
  constexpr std::uint64_t kSret = 0x1020'0073;
  constexpr std::uint64_t kWfi = 0x1050'0073;
  if ((instruction & 0x7f) != kSystem) return false;
  if ((instruction >> 12 & 7) != 0) return (instruction >> 28 & 3) == 1;  // the CSR's privilege
  return instruction == kSret || instruction == kWfi || instruction >> 25 == 0b0001001;
}

bool may_be_of_walk(std::uint64_t theirs, std::uint64_t ours) {
  return theirs == kLoadGuestPage && (ours == kFetchGuestPage || ours == kStoreGuestPage);
}

}  // namespace

bool is_qemu_difference(const TraceEvent& a, const TraceEvent& b) {
  if (a.kind != b.kind || a.fields.size() != b.fields.size() || a.kind != "TrapTaken") return false;
  for (const TraceField& field : a.fields) {
    const TraceValue* const other = b.find(field.name);
    if (other != nullptr && field.value == *other) continue;
    if (field.name != "syndrome") return false;
  }
  const std::uint64_t in_a = a.number("syndrome");
  const std::uint64_t in_b = b.number("syndrome");
  return may_be_of_walk(in_a, in_b) || may_be_of_walk(in_b, in_a);
}

bool is_missing_in_qemu(const TraceEvent& event) {
  if (event.kind == "TrapTaken") {
    return event.number("syndrome") == kVirtualInstruction &&
           (event.number("saved_state") & kFromVs) == 0 &&
           is_of_supervisor(event.number("fault_address"));
  }
  return event.kind == "ExceptionInjected" && event.number("syndrome") == kIllegalInstruction &&
         is_of_supervisor(event.number("fault_address"));
}

}  // namespace axvm::hal_sim::riscv64
