#pragma once
// What is told of traps while somebody listens.

#include <axvm/event.hpp>
#include <core/arch/riscv64/csr.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/trap.hpp>
#include <core/vm/guest_report.hpp>
#include <cstdint>

namespace axvm::riscv64 {

template <class Vm, VirtualizationHardware U>
class TrapReport : public GuestReport<Vm, U> {
  using Base = GuestReport<Vm, U>;
  using Base::cpu_;
  using Base::vcpu_;
  using Base::vm_;

 public:
  using Base::Base;

  /// `waits`: it is a WFI.
  void trap(std::uint64_t scause, std::uint64_t stval = 0, bool waits = false) {
    if (this->wanted()) [[unlikely]]
      emit_trap(scause, stval, 0, 0, waits);
  }
  void guest_page_fault(std::uint64_t scause, std::uint64_t stval, std::uint64_t htval,
                        std::uint64_t htinst) {
    if (this->wanted()) [[unlikely]]
      emit_trap(scause, stval, htval, htinst, false);
  }

 private:
  [[gnu::cold]] void emit_trap(std::uint64_t scause, std::uint64_t stval, std::uint64_t htval,
                               std::uint64_t htinst, bool waits) {
    TrapTaken trap{.vm = vm_.id(),
                   .vcpu = vcpu_.id(),
                   .cause = 0,
                   .syndrome = scause,
                   .fault_address = stval,
                   .fault_gpa = htval,
                   .return_address = cpu_.template read<Csr::sepc>(),
                   .saved_state = cpu_.template read<Csr::hstatus>(),
                   .instruction = htinst};
    for (unsigned n = 0; n < trap.registers.size(); ++n) trap.registers[n] = cpu_.gpr(n + 1);
    vm_.emit(trap);
    // Interrupts come at other times on other machines, and so does what there is to wait for.
    if (!is_interrupt(scause) && !waits) this->tables();
  }
};

}  // namespace axvm::riscv64
