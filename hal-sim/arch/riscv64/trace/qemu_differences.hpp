#pragma once
// What QEMU does otherwise than the manual of RISC-V says. Each has its reason in hal-hs/README.md.

#include <cstdint>
#include <hal-sim/trace/trace_reader.hpp>
#include <optional>

namespace axvm::hal_sim::riscv64 {

/// Whether two events differ in nothing but one of what QEMU (up to 7.2 at least) does otherwise:
///
/// * a guest-page fault on a walk of the VS-stage, as htinst says it is, is one of a load there,
///   whatever the access was ("Hypervisor Extension", "Guest-Page Faults": it is of the original
///   access's type);
/// * stval is not the instruction when HLV, HLVX or HSV is a virtual instruction ("Hypervisor
///   Extension", "Virtual-Instruction Exception": it is that, or 0);
/// * the exception that the VMM makes of either.
///
/// Asked for the pairs of two traces that differ, in order.
class QemuDifferences {
 public:
  [[nodiscard]] bool operator()(const TraceEvent& a, const TraceEvent& b);

 private:
  /// An exception for the guest.
  struct Exception {
    std::uint64_t cause;
    std::uint64_t value;
  };
  /// What becomes of a trap, if the VMM passes it on.
  struct Consequence {
    std::uint64_t vm;
    std::uint64_t vcpu;
    Exception a;
    Exception b;
  };

  bool of_traps(const TraceEvent& a, const TraceEvent& b);
  bool of_exceptions(const TraceEvent& a, const TraceEvent& b);

  std::optional<Consequence> awaited_;
};

/// Whether an event may be missing under QEMU, where what only VS-mode may do is illegal in
/// VU-mode, and the guest's to deal with ("Hypervisor Extension", "Virtual-Instruction Exception":
/// HS-mode takes the trap). With the trap goes the exception that the VMM makes of it.
[[nodiscard]] bool is_missing_in_qemu(const TraceEvent& event);

}  // namespace axvm::hal_sim::riscv64
