#pragma once
// What the VMM does about each trap. Decoding is in syndrome.hpp; here are the decisions.

#include <axvm/event.hpp>
#include <axvm/exit.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <axvm/vcpu.hpp>
#include <core/arch/aarch64/emulated_registers.hpp>
#include <core/arch/aarch64/endianness.hpp>
#include <core/arch/aarch64/exception.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/psci.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/arch/aarch64/syndrome.hpp>
#include <core/arch/aarch64/vcpu_context.hpp>
#include <core/devices/bus.hpp>
#include <core/memory/address_space.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::aarch64 {

/// Runs one vCPU that is loaded in `cpu`, for one VM (VmServices). Each trap is reported once, as
/// the hardware presented it, and then what was done about it. Registers are read when a cause
/// needs them, since on some hardware each read costs as much as the rest of an exit.
template <class Vm, VirtualizationHardware U>
class TrapHandler {
 public:
  using Outcome = std::optional<Result<ExitReason>>;

  TrapHandler(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu) {}

  /// Enters the guest until something happens that the host has to know of.
  Result<ExitReason> run() {
    for (;;) {
      const Vector vector = cpu_.enter_guest();
      if (Outcome outcome = handle(vector)) return std::move(*outcome);
    }
  }

  /// Handles one trap; nothing: the guest goes on.
  Outcome handle(Vector vector) {
    if (vector == Vector::Synchronous) return synchronous(cpu_.template read<SysReg::ESR_EL2>());
    report_trap(vector, 0);
    if (vector == Vector::SError) {
      return exit(exit_reason::GuestFault{{}, false, 0, "SError interrupt"});
    }
    return exit(exit_reason::ExternalInterrupt{vm_.acknowledge_irq()});
  }

 private:
  /// Where an abort happened: what is UNKNOWN for it is 0.
  struct Location {
    std::uint64_t va = 0;
    GuestPhysAddr ipa;
  };

  static Outcome exit(ExitReason reason) { return Outcome(std::in_place, reason); }
  static constexpr std::nullopt_t kGoOn = std::nullopt;

  Outcome synchronous(std::uint64_t esr) {
    switch (exception_class(esr)) {
      case ExceptionClass::DataAbortLower: return data_abort(esr);
      case ExceptionClass::InstructionAbortLower: return instruction_abort(esr);
      case ExceptionClass::SystemRegister: return system_register(esr);
      case ExceptionClass::Hvc: report_trap(Vector::Synchronous, esr); return firmware_call();
      case ExceptionClass::Smc:
        report_trap(Vector::Synchronous, esr);
        skip_instruction();  // a trapped SMC has not been executed, unlike an HVC
        return firmware_call();
      case ExceptionClass::Wfx:
        report_trap(Vector::Synchronous, esr);
        skip_instruction();
        if (Wfx(esr).waits_for_interrupt()) return exit(exit_reason::Halt{});
        return exit(exit_reason::Yield{});
      default:
        report_trap(Vector::Synchronous, esr);
        return undefined(esr, "instruction that guests do not have"sv);
    }
  }

  // --- memory -------------------------------------------------------------------------------

  Outcome data_abort(std::uint64_t esr) {
    const DataAbort abort(esr);
    const Location at = locate(abort, esr);
    if (!abort.ipa_valid()) return external_abort(esr, at, "access that memory there forbids"sv);
    if (!abort.on_table_walk) {
      if (Device* device = vm_.mmio().find(at.ipa.value)) return mmio(*device, abort, esr, at);
    }
    if (abort.fault == Fault::Translation) {
      const bool writes = abort.is_write && !abort.on_table_walk && !abort.cache_maintenance;
      const auto mapped = back(at.ipa, writes ? MappingFlags::Write : MappingFlags::Read);
      if (!mapped) return Outcome(std::in_place, std::unexpected(mapped.error()));
      if (*mapped) return kGoOn;
    }
    if (abort.cache_maintenance) return ignore_cache_maintenance();
    return external_abort(esr, at, "no memory or device there"sv);
  }

  Outcome instruction_abort(std::uint64_t esr) {
    const InstructionAbort abort(esr);
    const Location at = locate(abort, esr);
    if (abort.ipa_valid() && abort.fault == Fault::Translation) {
      const auto access = abort.on_table_walk ? MappingFlags::Read : MappingFlags::Execute;
      const auto mapped = back(at.ipa, access);
      if (!mapped) return Outcome(std::in_place, std::unexpected(mapped.error()));
      if (*mapped) return kGoOn;
    }
    return external_abort(esr, at, "no executable memory there"sv);
  }

  Outcome mmio(Device& device, const DataAbort& abort, std::uint64_t esr, const Location& at) {
    if (abort.cache_maintenance) return ignore_cache_maintenance();
    if (!abort.described) {
      return external_abort(esr, at, "device access by an instruction of several accesses"sv);
    }
    const std::uint64_t address = at.ipa.value;
    std::uint64_t data = 0;
    if (abort.is_write) {
      data = in_guest_order(truncate(gpr(abort.rt), abort.width), abort.width);
      const auto done = vm_.mmio().write(device, address, abort.width, data);
      if (!done) return external_abort(esr, at, done.error().detail);
    } else {
      const auto value = vm_.mmio().read(device, address, abort.width);
      if (!value) return external_abort(esr, at, value.error().detail);
      data = *value;
      set_gpr(abort.rt, abort.loaded(in_guest_order(data, abort.width)));
    }
    skip_instruction();
    report_access(Bus::Mmio, abort.is_write, abort.width, address, data, device.name());
    return kGoOn;
  }

  /// What a register holds of what a device sees, and the reverse.
  std::uint64_t in_guest_order(std::uint64_t data, AccessWidth width) {
    if (width == AccessWidth::Byte || !is_big_endian(cpu_)) return data;
    return reverse_bytes(data, width);
  }

  /// A device's registers and absent memory have no cache lines to maintain.
  Outcome ignore_cache_maintenance() {
    skip_instruction();
    return kGoOn;
  }

  /// True when the guest's memory at `ipa` is there for `access` now.
  Result<bool> back(GuestPhysAddr ipa, MappingFlags access) {
    const auto outcome = vm_.handle_page_fault(cpu_, ipa, access);
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->kind == PageFaultOutcome::Kind::Mapped && vm_.wants_events()) {
      vm_.emit(PageMapped{vm_.id(), vcpu_.id(), outcome->gpa, outcome->hpa, kPageSize});
    }
    return outcome->kind != PageFaultOutcome::Kind::Unhandled;
  }

  // --- system registers ---------------------------------------------------------------------

  Outcome system_register(std::uint64_t esr) {
    const SystemRegisterTrap trap(esr);
    report_trap(Vector::Synchronous, esr);
    if (Device* device = vm_.sysregs().find(trap.encoding))
      return device_register(*device, trap, esr);

    const EmulatedRegister kind = emulated_register(trap.encoding);
    if (kind == EmulatedRegister::None || (kind == EmulatedRegister::Feature && !trap.is_read)) {
      return undefined(esr, "system register that guests do not have"sv);
    }
    std::uint64_t data = 0;
    if (!trap.is_read) {
      data = gpr(trap.rt);
    } else {
      if (kind == EmulatedRegister::Feature) data = read_feature(cpu_, trap.encoding);
      set_gpr(trap.rt, data);
    }
    skip_instruction();
    report_access(Bus::SysReg, !trap.is_read, AccessWidth::Qword, trap.encoding, data, {});
    return kGoOn;
  }

  Outcome device_register(Device& device, const SystemRegisterTrap& trap, std::uint64_t esr) {
    std::uint64_t data = 0;
    if (trap.is_read) {
      const auto value = vm_.sysregs().read(device, trap.encoding, AccessWidth::Qword);
      if (!value) return undefined(esr, value.error().detail);
      data = *value;
      set_gpr(trap.rt, data);
    } else {
      data = gpr(trap.rt);
      const auto done = vm_.sysregs().write(device, trap.encoding, AccessWidth::Qword, data);
      if (!done) return undefined(esr, done.error().detail);
    }
    skip_instruction();
    report_access(Bus::SysReg, !trap.is_read, AccessWidth::Qword, trap.encoding, data,
                  device.name());
    return kGoOn;
  }

  // --- firmware calls -----------------------------------------------------------------------

  Outcome firmware_call() {
    const psci::Call call = read_call();
    switch (call.function) {
      case psci::Function::Version: return answer(call, psci::kVersion_1_1);
      case psci::Function::Features: return answer(call, features(call));
      case psci::Function::AffinityInfo: return answer(call, affinity_info(call));
      case psci::Function::CpuOn: return cpu_on(call);
      case psci::Function::CpuOff:
        report_call(call, 0);
        vcpu_.residence()->forget();  // CPU_ON starts it afresh
        vcpu_.power_off();
        vm_.report_state(vcpu_.id(), to_string(PowerState::Off));
        return exit(exit_reason::CpuDown{});
      case psci::Function::SystemOff: return system_down(call, false);
      case psci::Function::SystemReset: return system_down(call, true);
      case psci::Function::Unknown: break;
    }
    return answer(call, psci::to_register(psci::Status::NotSupported));
  }

  /// Reads the arguments only if somebody looks at them.
  psci::Call read_call() {
    const std::uint64_t id = cpu_.gpr(0);
    const psci::Function function = psci::function_of(static_cast<std::uint32_t>(id));
    if (!psci::takes_arguments(function) && !vm_.wants_events()) return {id, 0, 0, 0};
    return {id, cpu_.gpr(1), cpu_.gpr(2), cpu_.gpr(3)};
  }

  Outcome answer(const psci::Call& call, std::uint64_t result) {
    cpu_.set_gpr(0, result);
    report_call(call, result);
    return kGoOn;
  }

  static std::uint64_t features(const psci::Call& call) {
    const auto asked = psci::function_of(static_cast<std::uint32_t>(call.arguments[0]));
    return psci::to_register(asked == psci::Function::Unknown ? psci::Status::NotSupported
                                                              : psci::Status::Success);
  }

  std::uint64_t affinity_info(const psci::Call& call) {
    // 0: on, 1: off, 2: on pending. Levels above 0 need not be implemented (DEN0022 5.7).
    const auto* target = vm_.find_vcpu(call.arguments[0]);
    if (target == nullptr || call.arguments[1] != 0) {
      return psci::to_register(psci::Status::InvalidParameters);
    }
    switch (target->power()) {
      case PowerState::On: return 0;
      case PowerState::Off: return 1;
      case PowerState::OnPending: return 2;
    }
    return psci::to_register(psci::Status::InternalFailure);
  }

  Outcome cpu_on(const psci::Call& call) {
    const auto refuse = [&](psci::Status status) {
      return answer(call, psci::to_register(status));
    };
    const auto [affinity, entry, context_id] = call.arguments;
    auto* target = vm_.find_vcpu(affinity);
    if (target == nullptr) return refuse(psci::Status::InvalidParameters);
    if (!vm_.is_memory(GuestPhysAddr(entry))) return refuse(psci::Status::InvalidAddress);
    if (!target->claim_power_on()) {
      return refuse(target->power() == PowerState::On ? psci::Status::AlreadyOn
                                                      : psci::Status::OnPending);
    }
    target->context().reset(GuestPhysAddr(entry), context_id);
    target->power_on();
    static_cast<void>(answer(call, psci::to_register(psci::Status::Success)));
    vm_.report_state(target->id(), to_string(PowerState::On));
    return exit(exit_reason::CpuUp{target->id()});
  }

  Outcome system_down(const psci::Call& call, bool reset) {
    report_call(call, 0);
    vm_.begin_shutdown();
    return exit(exit_reason::SystemDown{reset});
  }

  // --- exceptions for the guest -------------------------------------------------------------

  Outcome undefined(std::uint64_t esr, std::string_view reason) {
    return deliver({kUndefinedSyndrome, std::nullopt, reason},
                   exit_reason::GuestFault{{}, false, esr, "undefined instruction at the vector"});
  }

  Outcome external_abort(std::uint64_t esr, const Location& at, std::string_view reason) {
    const std::uint64_t spsr = cpu_.template read<SysReg::SPSR_EL2>();
    const bool writes =
        exception_class(esr) == ExceptionClass::DataAbortLower && DataAbort(esr).is_write;
    return deliver({external_abort_syndrome(esr, spsr), at.va, reason},
                   exit_reason::GuestFault{at.ipa, writes, esr, "abort at the exception vector"});
  }

  /// `otherwise` is the exit when the guest cannot take the exception.
  Outcome deliver(const GuestException& exception, exit_reason::GuestFault otherwise) {
    if (!inject(cpu_, exception)) return exit(otherwise);
    if (vm_.wants_events()) {
      vm_.emit(ExceptionInjected{vm_.id(), vcpu_.id(), exception.syndrome,
                                 exception.fault_address.value_or(0), exception.reason});
    }
    return kGoOn;
  }

  // --- registers ----------------------------------------------------------------------------

  /// Register 31 of a load, store, MRS or MSR is XZR.
  std::uint64_t gpr(unsigned n) const { return n == 31 ? 0 : cpu_.gpr(n); }
  void set_gpr(unsigned n, std::uint64_t value) {
    if (n != 31) cpu_.set_gpr(n, value);
  }
  void skip_instruction() {
    cpu_.template write<SysReg::ELR_EL2>(cpu_.template read<SysReg::ELR_EL2>() + 4);
  }

  // --- reports ------------------------------------------------------------------------------

  /// Reads the registers that the abort made valid, and reports the trap.
  Location locate(const Abort& abort, std::uint64_t esr) {
    const std::uint64_t far = abort.far_valid ? cpu_.template read<SysReg::FAR_EL2>() : 0;
    const std::uint64_t hpfar = abort.ipa_valid() ? cpu_.template read<SysReg::HPFAR_EL2>() : 0;
    report_trap(Vector::Synchronous, esr, far, hpfar);
    return {far, abort.ipa_valid() ? fault_ipa(abort, far, hpfar) : GuestPhysAddr()};
  }

  // Without a listener a report is one test: what builds the event stays out of the exit's way.
  void report_trap(Vector vector, std::uint64_t esr, std::uint64_t far = 0,
                   std::uint64_t hpfar = 0) {
    if (vm_.wants_events()) [[unlikely]]
      emit_trap(vector, esr, far, hpfar);
  }
  void report_access(Bus bus, bool is_write, AccessWidth width, std::uint64_t address,
                     std::uint64_t data, std::string_view device) {
    if (vm_.wants_events()) [[unlikely]] {
      emit_access(bus, is_write, width, address, data, device);
    }
  }
  void report_call(const psci::Call& call, std::uint64_t result) {
    if (vm_.wants_events()) [[unlikely]]
      emit_call(call, result);
  }

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
  }
  [[gnu::cold]] void emit_access(Bus bus, bool is_write, AccessWidth width, std::uint64_t address,
                                 std::uint64_t data, std::string_view device) {
    vm_.emit(DeviceAccess{vm_.id(), vcpu_.id(), bus, is_write,
                          static_cast<std::uint8_t>(bytes(width)), address, data, device});
  }
  [[gnu::cold]] void emit_call(const psci::Call& call, std::uint64_t result) {
    vm_.emit(FirmwareCall{vm_.id(), vcpu_.id(), psci::to_string(call.function), call.id,
                          call.arguments, result});
  }

  Vm& vm_;
  typename Vm::VCpuType& vcpu_;
  U& cpu_;
};

}  // namespace axvm::aarch64
