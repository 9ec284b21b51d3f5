#pragma once
// What is told of traps while somebody listens. Without a listener a report is one test: what
// builds the event stays out of the exit's way.

#include <axvm/event.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/arch/aarch64/syndrome.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::aarch64 {

template <class Vm, VirtualizationHardware U>
class TrapReport {
 public:
  TrapReport(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu) {}

  [[nodiscard]] bool wanted() const { return vm_.wants_events(); }

  void trap(Vector vector, std::uint64_t esr, std::uint64_t far = 0, std::uint64_t hpfar = 0) {
    if (wanted()) [[unlikely]]
      emit_trap(vector, esr, far, hpfar);
  }
  void access(Bus bus, bool is_write, AccessWidth width, std::uint64_t address, std::uint64_t data,
              std::string_view device) {
    if (wanted()) [[unlikely]]
      emit_access(bus, is_write, width, address, data, device);
  }
  void call(std::string_view name, std::uint64_t function,
            const std::array<std::uint64_t, 3>& arguments, std::uint64_t result) {
    if (wanted()) [[unlikely]]
      vm_.emit(FirmwareCall{vm_.id(), vcpu_.id(), name, function, arguments, result});
  }
  void mapped(GuestPhysAddr gpa, HostPhysAddr hpa) {
    if (wanted()) [[unlikely]]
      vm_.emit(PageMapped{vm_.id(), vcpu_.id(), gpa, hpa, kPageSize});
  }
  void injected(std::uint64_t syndrome, std::uint64_t fault_address, std::string_view reason) {
    if (wanted()) [[unlikely]]
      vm_.emit(ExceptionInjected{vm_.id(), vcpu_.id(), syndrome, fault_address, reason});
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
    if (vector == Vector::Synchronous && exception_class(esr) != ExceptionClass::Wfx &&
        vm_.hal().wants_tables()) {
      emit_tables();
    }
  }
  [[gnu::cold]] void emit_tables() {
    const auto now =
        vm_.with_memory(cpu_, [](auto& space, auto&) { return space.take_changed_digest(); });
    if (now) vm_.emit(TablesChanged{vm_.id(), vcpu_.id(), now->hash, now->mapped, now->runs});
  }
  [[gnu::cold]] void emit_access(Bus bus, bool is_write, AccessWidth width, std::uint64_t address,
                                 std::uint64_t data, std::string_view device) {
    vm_.emit(DeviceAccess{vm_.id(), vcpu_.id(), bus, is_write,
                          static_cast<std::uint8_t>(bytes(width)), address, data, device});
  }

  Vm& vm_;
  typename Vm::VCpuType& vcpu_;
  U& cpu_;
};

}  // namespace axvm::aarch64
