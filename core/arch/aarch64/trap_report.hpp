#pragma once
// What is told of traps while somebody listens.

#include <axvm/event.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/arch/aarch64/syndrome.hpp>
#include <core/vm/guest_report.hpp>
#include <cstdint>

namespace axvm::aarch64 {

template <class Vm, VirtualizationHardware U>
class TrapReport : public GuestReport<Vm, U> {
  using Base = GuestReport<Vm, U>;
  using Base::cpu_;
  using Base::vcpu_;
  using Base::vm_;

 public:
  using Base::Base;

  void trap(Vector vector, std::uint64_t esr, std::uint64_t far = 0, std::uint64_t hpfar = 0) {
    if (this->wanted()) [[unlikely]]
      emit_trap(vector, esr, far, hpfar);
  }

 private:
  [[gnu::cold]] void emit_trap(Vector vector, std::uint64_t esr, std::uint64_t far,
                               std::uint64_t hpfar) {
    TrapTaken trap{.vm = vm_.id(),
                   .vcpu = vcpu_.id(),
                   .cause = static_cast<std::uint64_t>(vector),
                   .syndrome = esr,
                   .fault_address = far,
                   .fault_gpa = hpfar,
                   .return_address = cpu_.template read<SysReg::ELR_EL2>(),
                   .saved_state = cpu_.template read<SysReg::SPSR_EL2>()};
    for (unsigned n = 0; n < trap.registers.size(); ++n) trap.registers[n] = cpu_.gpr(n);
    vm_.emit(trap);
    // Interrupts come at other times on other machines, and so does what there is to wait for.
    if (vector == Vector::Synchronous && exception_class(esr) != ExceptionClass::Wfx) {
      this->tables();
    }
  }
};

}  // namespace axvm::aarch64
