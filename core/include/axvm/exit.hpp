#pragma once
// Why run_vcpu returned: what the VMM did not complete by itself.

#include <axvm/address.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace axvm {

/// Why `AxVM::run_vcpu` returned to the host. Device accesses that a device of the VM answered,
/// firmware queries and lazily mapped pages are handled inside and never appear here.
namespace exit_reason {

/// A physical interrupt arrived; `id` as VmHal::acknowledge_irq gave it. Not the guest's doing.
struct ExternalInterrupt {
  std::uint32_t id;
};
/// The guest waits for an interrupt (WFI): nothing to run until VmHal::wake names the vCPU,
/// which it may have done already, or until `wake_time`.
struct Halt {
  /// When a timer of the vCPU will interrupt it, as VmHal::monotonic_nanoseconds counts.
  std::optional<std::uint64_t> wake_time{};
};
/// The guest gave up the rest of its turn (AArch64 WFE, RISC-V WRS.NTO).
struct Yield {};
/// The guest started a vCPU (PSCI CPU_ON, SBI hart_start). It is ready to run; `started` names it.
struct CpuUp {
  VcpuId started;
};
/// This vCPU switched itself off (PSCI CPU_OFF, SBI hart_stop).
struct CpuDown {};
/// The guest asked for power-off (or for a reset). The VM is shutting down.
struct SystemDown {
  bool reset;
};
/// The guest did what cannot be completed: nothing answers the access, or it is malformed.
struct GuestFault {
  GuestPhysAddr address;
  bool is_write;
  std::uint64_t syndrome;  ///< AArch64: ESR_EL2; RISC-V: scause
  const char* what;        ///< static text, for the report
};

}  // namespace exit_reason

using ExitReason = std::variant<exit_reason::ExternalInterrupt, exit_reason::Halt,
                                exit_reason::Yield, exit_reason::CpuUp, exit_reason::CpuDown,
                                exit_reason::SystemDown, exit_reason::GuestFault>;

/// What happened, in lower case: "external interrupt", "halt", "yield", "cpu up", "cpu down",
/// "system down", "system reset", "guest fault".
[[nodiscard]] std::string_view to_string(const ExitReason& reason) noexcept;

}  // namespace axvm
