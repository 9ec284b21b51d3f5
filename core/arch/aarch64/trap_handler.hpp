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
#include <core/arch/aarch64/firmware.hpp>
#include <core/arch/aarch64/guest_memory.hpp>
#include <core/arch/aarch64/guest_registers.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/instruction_emulator.hpp>
#include <core/arch/aarch64/interrupts.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/arch/aarch64/syndrome.hpp>
#include <core/arch/aarch64/trap_report.hpp>
#include <core/devices/bus.hpp>
#include <core/vm/trap_outcome.hpp>
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
  /// `exit` is what run_vcpu returns; it holds a value.
  TrapHandler(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu, Result<ExitReason>& exit) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu), exit_(exit) {}
  TrapHandler(const TrapHandler&) = delete;
  TrapHandler& operator=(const TrapHandler&) = delete;

  /// Enters the guest until something happens that the host has to know of.
  void run() {
    do {
      interrupts_.present();
    } while (handle(cpu_.enter_guest()) == kGoOn);
  }

  /// Handles one trap.
  TrapOutcome handle(Vector vector) {
    if (vector == Vector::Synchronous) return synchronous(cpu_.template read<SysReg::ESR_EL2>());
    if (vector == Vector::SError) return system_error();
    report_.trap(vector, 0);
    const std::uint32_t intid = vm_.acknowledge_irq();
    if (interrupts_.forward(intid)) return kGoOn;
    return exit_.leave(exit_reason::ExternalInterrupt{intid});
  }

 private:
  /// Where an abort happened.
  struct Location {
    std::uint64_t va = 0;              ///< 0 when FAR_EL2 is not valid
    std::optional<GuestPhysAddr> ipa;  ///< as far as the hardware or stage 1 tells
  };
  static constexpr std::uint64_t kNowhere = 1;

  TrapOutcome synchronous(std::uint64_t esr) {
    const ExceptionClass cause = exception_class(esr);
    switch (cause) {
      case ExceptionClass::DataAbortLower: return data_abort(esr);
      case ExceptionClass::InstructionAbortLower: return instruction_abort(esr);
      case ExceptionClass::SystemRegister: return system_register(esr);
      case ExceptionClass::Hvc:
        report_.trap(Vector::Synchronous, esr);
        return FirmwareCalls(vm_, vcpu_, cpu_, interrupts_, report_, exit_).hvc();
      case ExceptionClass::Smc:
        report_.trap(Vector::Synchronous, esr);
        skip_instruction(cpu_);  // a trapped SMC has not been executed, unlike an HVC
        return FirmwareCalls(vm_, vcpu_, cpu_, interrupts_, report_, exit_).smc();
      case ExceptionClass::Wfx:
        report_.trap(Vector::Synchronous, esr);
        skip_instruction(cpu_);
        if (Wfx(esr).waits_for_interrupt()) return wait_for_interrupt();
        return exit_.leave(exit_reason::Yield{});
      default: break;
    }
    if (belongs_to_guest(cause)) return pass_on(esr);
    report_.trap(Vector::Synchronous, esr);
    return undefined(esr, "instruction that guests do not have"sv);
  }

  /// An SError that came while the guest ran says nothing about which instruction caused it, so
  /// that the guest cannot be made to recover from it.
  TrapOutcome system_error() {
    std::uint64_t esr = cpu_.template read<SysReg::ESR_EL2>();
    if (exception_class(esr) != ExceptionClass::SError) esr = 0;  // of an earlier trap
    report_.trap(Vector::SError, esr);
    return exit_.leave(exit_reason::GuestFault{{}, false, esr, "SError interrupt"});
  }

  TrapOutcome wait_for_interrupt() {
    const bool waits = interrupts_.wait(exit_.template make<exit_reason::Halt>());
    return waits ? TrapOutcome::Leave : kGoOn;
  }

  // --- memory -------------------------------------------------------------------------------

  TrapOutcome data_abort(std::uint64_t esr) {
    const DataAbort abort(esr);
    const Location at = locate(abort, esr);
    if (abort.fault == Fault::TlbConflict) return resolve_tlb_conflict();
    if (!abort.by_stage2()) return external_abort(esr, at, "the access failed on the bus"sv);
    if (!at.ipa) return repeat_or_abort(esr, at);
    if (!abort.on_table_walk) {
      if (Device* device = vm_.mmio().find(at.ipa->value)) return mmio(*device, abort, esr, at);
    }
    const auto there = memory_.back(*at.ipa, needed_access(abort));
    if (!there) return exit_.leave(there.error());
    if (*there) return kGoOn;
    if (abort.cache_maintenance && !abort.on_table_walk) return ignore_cache_maintenance();
    return external_abort(esr, at, "no memory or device there, or not for this access"sv);
  }

  TrapOutcome instruction_abort(std::uint64_t esr) {
    const InstructionAbort abort(esr);
    const Location at = locate(abort, esr);
    if (abort.fault == Fault::TlbConflict) return resolve_tlb_conflict();
    if (!abort.by_stage2()) return external_abort(esr, at, "the fetch failed on the bus"sv);
    if (!at.ipa) return repeat_or_abort(esr, at);
    const auto access = abort.on_table_walk ? walk_access(abort) : MappingFlags::Execute;
    const auto there = memory_.back(*at.ipa, access);
    if (!there) return exit_.leave(there.error());
    if (*there) return kGoOn;
    return external_abort(esr, at, "no executable memory there"sv);
  }

  static MappingFlags needed_access(const DataAbort& abort) {
    if (abort.on_table_walk) return walk_access(abort);
    const bool writes = abort.is_write && !abort.cache_maintenance;
    return writes ? MappingFlags::Write : MappingFlags::Read;
  }
  /// A walk reads; where it may not, though there is memory, it wanted to set a flag.
  static MappingFlags walk_access(const Abort& abort) {
    return abort.fault == Fault::Permission ? MappingFlags::Write : MappingFlags::Read;
  }

  /// Two entries for one address: whoever made them, none is needed.
  TrapOutcome resolve_tlb_conflict() {
    cpu_.tlbi_vmalls12e1is();
    return kGoOn;
  }

  /// What aborted cannot be looked at. Another CPU may have changed it meanwhile: then the guest
  /// gets on when it tries again, otherwise it has to be told.
  TrapOutcome repeat_or_abort(std::uint64_t esr, const Location& at) {
    const std::uint64_t pc = cpu_.template read<SysReg::ELR_EL2>();
    if (repeated_ != pc) {
      repeated_ = pc;
      return kGoOn;
    }
    repeated_ = kNowhere;
    return external_abort(esr, at, "device access by an instruction that is not emulated"sv);
  }

  TrapOutcome mmio(Device& device, const DataAbort& abort, std::uint64_t esr, const Location& at) {
    if (abort.cache_maintenance) return ignore_cache_maintenance();
    if (device.is_interrupt_controller()) interrupts_.synchronize();
    if (!abort.described || may_cross_page(abort, at.va)) return emulate(abort, esr, at);
    const std::uint64_t address = at.ipa->value;
    std::uint64_t data = 0;
    if (abort.is_write) {
      data = in_guest_order(truncate(read_x(cpu_, abort.rt), abort.width), abort.width);
      const auto done =
          vm_.write_device(vcpu_.id(), vm_.mmio(), device, address, abort.width, data);
      if (!done) return external_abort(esr, at, done.error().detail);
    } else {
      const auto value = vm_.read_device(vcpu_.id(), vm_.mmio(), device, address, abort.width);
      if (!value) return external_abort(esr, at, value.error().detail);
      data = *value;
      write_x(cpu_, abort.rt, abort.loaded(in_guest_order(data, abort.width)));
    }
    skip_instruction(cpu_);
    report_.access(Bus::Mmio, abort.is_write, abort.width, address, data, device.name());
    return kGoOn;
  }

  /// FAR_EL2 is the first address that stage 2 refused, not the access' first: one that is reported
  /// at a page's beginning may begin in the page before.
  static bool may_cross_page(const DataAbort& abort, std::uint64_t va) {
    const std::uint64_t offset = va & (kPageSize - 1);
    const unsigned size = bytes(abort.width);
    return size > 1 && (offset == 0 || offset + size > kPageSize);
  }

  TrapOutcome emulate(const DataAbort& abort, std::uint64_t esr, const Location& at) {
    const Result<Emulation> result = emulator_.carry_out(abort, at.va, *at.ipa);
    if (!result) return exit_.leave(result.error());
    switch (result->kind) {
      case Emulation::Kind::Done: return kGoOn;
      case Emulation::Kind::Repeat: return repeat_or_abort(esr, at);
      case Emulation::Kind::Fault: break;
    }
    return deliver(result->exception, {*at.ipa, abort.is_write, esr, kAbortAtVector});
  }

  /// What a register holds of what a device sees, and the reverse.
  std::uint64_t in_guest_order(std::uint64_t data, AccessWidth width) {
    if (width == AccessWidth::Byte || !is_big_endian(cpu_)) return data;
    return reverse_bytes(data, width);
  }

  /// A device's registers and absent memory have no cache lines to maintain.
  TrapOutcome ignore_cache_maintenance() {
    skip_instruction(cpu_);
    return kGoOn;
  }

  // --- system registers ---------------------------------------------------------------------

  TrapOutcome system_register(std::uint64_t esr) {
    const SystemRegisterTrap trap(esr);
    report_.trap(Vector::Synchronous, esr);
    if (Device* device = vm_.sysregs().find(trap.encoding))
      return device_register(*device, trap, esr);

    if (!trap.is_read && vm_.emulates_interrupts()) {
      const auto reg = static_cast<SysReg>(trap.encoding);
      if (reg == SysReg::ICC_SGI1R_EL1) return send_interrupt(trap, true);
      if (reg == SysReg::ICC_SGI0R_EL1) return send_interrupt(trap, false);
      if (reg == SysReg::ICC_ASGI1R_EL1) return send_interrupt(trap, std::nullopt);
    }
    const EmulatedRegister kind = emulated_register(trap.encoding);
    if (kind == EmulatedRegister::None || (kind == EmulatedRegister::Feature && !trap.is_read)) {
      return undefined(esr, "system register that guests do not have"sv);
    }
    std::uint64_t data = 0;
    if (!trap.is_read) {
      data = read_x(cpu_, trap.rt);
    } else {
      if (kind == EmulatedRegister::Feature) {
        data = read_feature(cpu_, trap.encoding) |
               guest_gic_feature(vcpu_.interrupts(), trap.encoding);
      }
      write_x(cpu_, trap.rt, data);
    }
    skip_instruction(cpu_);
    report_.access(Bus::SysReg, !trap.is_read, AccessWidth::Qword, trap.encoding, data, {});
    return kGoOn;
  }

  /// `group1`: nothing for the other security state, which guests do not have.
  TrapOutcome send_interrupt(const SystemRegisterTrap& trap, std::optional<bool> group1) {
    const std::uint64_t data = read_x(cpu_, trap.rt);
    if (group1) interrupts_.send(SgiRequest(data), *group1);
    skip_instruction(cpu_);
    report_.access(Bus::SysReg, true, AccessWidth::Qword, trap.encoding, data, {});
    return kGoOn;
  }

  TrapOutcome device_register(Device& device, const SystemRegisterTrap& trap, std::uint64_t esr) {
    std::uint64_t data = 0;
    if (trap.is_read) {
      const auto value =
          vm_.read_device(vcpu_.id(), vm_.sysregs(), device, trap.encoding, AccessWidth::Qword);
      if (!value) return undefined(esr, value.error().detail);
      data = *value;
      write_x(cpu_, trap.rt, data);
    } else {
      data = read_x(cpu_, trap.rt);
      const auto done = vm_.write_device(vcpu_.id(), vm_.sysregs(), device, trap.encoding,
                                         AccessWidth::Qword, data);
      if (!done) return undefined(esr, done.error().detail);
    }
    skip_instruction(cpu_);
    report_.access(Bus::SysReg, !trap.is_read, AccessWidth::Qword, trap.encoding, data,
                   device.name());
    return kGoOn;
  }

  // --- exceptions for the guest -------------------------------------------------------------

  static constexpr const char* kAbortAtVector = "abort at the exception vector";

  TrapOutcome undefined(std::uint64_t esr, std::string_view reason) {
    return deliver({kUndefinedSyndrome, std::nullopt, reason},
                   {{}, false, esr, "undefined instruction at the vector"});
  }

  /// The guest takes the exception that came here as if it had not been routed away.
  TrapOutcome pass_on(std::uint64_t esr) {
    const std::uint64_t spsr = cpu_.template read<SysReg::SPSR_EL2>();
    std::optional<std::uint64_t> far;
    if (writes_far(exception_class(esr))) far = cpu_.template read<SysReg::FAR_EL2>();
    report_.trap(Vector::Synchronous, esr, far.value_or(0));
    return deliver({syndrome_at_el1(esr, spsr), far, "exception of the guest's own"sv},
                   {{}, false, esr, "exception at the exception vector"});
  }

  TrapOutcome external_abort(std::uint64_t esr, const Location& at, std::string_view reason) {
    const Abort abort(esr);
    const std::uint64_t spsr = cpu_.template read<SysReg::SPSR_EL2>();
    const bool writes =
        exception_class(esr) == ExceptionClass::DataAbortLower && DataAbort(esr).is_write;
    unsigned level = 3;
    if (abort.on_table_walk && at.ipa) level = memory_.walk_level(at.va, *at.ipa).value_or(level);
    std::optional<std::uint64_t> far;
    if (abort.far_valid) far = at.va;
    return deliver({external_abort_syndrome(esr, spsr, level), far, reason},
                   {at.ipa.value_or(GuestPhysAddr()), writes, esr, kAbortAtVector});
  }

  /// `otherwise` is the exit when the guest cannot take the exception.
  TrapOutcome deliver(const GuestException& exception, exit_reason::GuestFault otherwise) {
    if (!inject(cpu_, exception)) return exit_.leave(otherwise);
    report_.injected(exception.syndrome, exception.fault_address.value_or(0), exception.reason);
    return kGoOn;
  }

  /// Reads the registers that the abort made valid, and reports the trap. What HPFAR_EL2 does not
  /// tell of a fault of stage 2, stage 1 does.
  Location locate(const Abort& abort, std::uint64_t esr) {
    const std::uint64_t far = abort.far_valid ? cpu_.template read<SysReg::FAR_EL2>() : 0;
    const std::uint64_t hpfar = abort.ipa_valid() ? cpu_.template read<SysReg::HPFAR_EL2>() : 0;
    report_.trap(Vector::Synchronous, esr, far, hpfar);
    if (abort.ipa_valid()) return {far, fault_ipa(abort, far, hpfar)};
    if (abort.by_stage2()) return {far, memory_.locate(far)};
    return {far, std::nullopt};
  }

  Vm& vm_;
  typename Vm::VCpuType& vcpu_;
  U& cpu_;
  ExitSlot exit_;
  GuestInterrupts<Vm, U> interrupts_{vm_, vcpu_, cpu_};
  TrapReport<Vm, U> report_{vm_, vcpu_, cpu_};
  GuestMemory<Vm, U> memory_{vm_, cpu_, report_};
  InstructionEmulator<Vm, U> emulator_{vm_, vcpu_.id(), cpu_, memory_, report_};
  std::uint64_t repeated_ = kNowhere;  ///< where the guest was sent back to last
};

}  // namespace axvm::aarch64
