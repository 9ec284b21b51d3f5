#include <algorithm>
#include <hal-sim/arch/riscv64/trace/qemu_differences.hpp>
#include <hal-sim/arch/riscv64/trace/trap_text.hpp>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace axvm::hal_sim::riscv64 {
namespace {

// Exceptions, as in scause.
constexpr std::uint64_t kFetchAccessFault = 1;
constexpr std::uint64_t kIllegalInstruction = 2;
constexpr std::uint64_t kLoadAccessFault = 5;
constexpr std::uint64_t kStoreAccessFault = 7;
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

/// HLV, HLVX and HSV: funct3 100, and funct7 from 0110000 to 0110111.
constexpr bool is_hypervisor_access(std::uint64_t instruction) {
  return (instruction & 0x707f) == 0x4073 && instruction >> 28 == 0b0110;
}

/// Whether all that two events differ in is among `names`.
bool differ_only_in(std::initializer_list<std::string_view> names, const TraceEvent& a,
                    const TraceEvent& b) {
  return std::ranges::all_of(a.fields, [&](const TraceField& field) {
    const TraceValue* const other = b.find(field.name);
    return (other != nullptr && field.value == *other) ||
           std::ranges::find(names, field.name) != names.end();
  });
}

/// Of a guest-page fault on a walk.
bool is_cause_of_load(std::uint64_t theirs, std::uint64_t ours) {
  return theirs == kLoadGuestPage && (ours == kFetchGuestPage || ours == kStoreGuestPage);
}

/// What the VMM makes of a guest-page fault.
constexpr std::uint64_t access_fault(std::uint64_t cause) {
  if (cause == kFetchGuestPage) return kFetchAccessFault;
  return cause == kLoadGuestPage ? kLoadAccessFault : kStoreAccessFault;
}

}  // namespace

bool QemuDifferences::operator()(const TraceEvent& a, const TraceEvent& b) {
  if (a.kind != b.kind || a.fields.size() != b.fields.size()) return false;
  if (a.kind == "TrapTaken") return of_traps(a, b);
  return a.kind == "ExceptionInjected" && of_exceptions(a, b);
}

bool QemuDifferences::of_traps(const TraceEvent& a, const TraceEvent& b) {
  awaited_.reset();
  const std::uint64_t in_a = a.number("syndrome");
  const std::uint64_t in_b = b.number("syndrome");
  const std::uint64_t stval_a = a.number("fault_address");
  const std::uint64_t stval_b = b.number("fault_address");
  Consequence next{a.number("vm"), a.number("vcpu"), {}, {}};
  if (differ_only_in({"syndrome"}, a, b)) {
    if (!is_cause_of_load(in_a, in_b) && !is_cause_of_load(in_b, in_a)) return false;
    if (!is_of_walk(a.number("instruction"))) return false;
    next.a = {access_fault(in_a), stval_a};
    next.b = {access_fault(in_b), stval_b};
  } else if (differ_only_in({"fault_address"}, a, b) && in_a == kVirtualInstruction) {
    if (is_hypervisor_access(stval_a) == is_hypervisor_access(stval_b)) return false;
    next.a = {kIllegalInstruction, stval_a};
    next.b = {kIllegalInstruction, stval_b};
  } else {
    return false;
  }
  awaited_ = next;
  return true;
}

bool QemuDifferences::of_exceptions(const TraceEvent& a, const TraceEvent& b) {
  const auto awaited = std::exchange(awaited_, std::nullopt);
  const auto is = [](const TraceEvent& event, const Exception& exception) {
    return event.number("syndrome") == exception.cause &&
           event.number("fault_address") == exception.value;
  };
  return awaited && a.number("vm") == awaited->vm && a.number("vcpu") == awaited->vcpu &&
         differ_only_in({"syndrome", "fault_address", "reason"}, a, b) && is(a, awaited->a) &&
         is(b, awaited->b);
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
