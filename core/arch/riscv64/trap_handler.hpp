#pragma once
// What the VMM does about each trap. Decoding is in trap.hpp; here are the decisions.

#include <axvm/exit.hpp>
#include <axvm/result.hpp>
#include <core/arch/riscv64/aia/interrupt_file_access.hpp>
#include <core/arch/riscv64/counter_access.hpp>
#include <core/arch/riscv64/csr.hpp>
#include <core/arch/riscv64/exception.hpp>
#include <core/arch/riscv64/exception_delivery.hpp>
#include <core/arch/riscv64/guest_memory.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/instruction_emulator.hpp>
#include <core/arch/riscv64/interrupts.hpp>
#include <core/arch/riscv64/sbi/calls.hpp>
#include <core/arch/riscv64/steal_time.hpp>
#include <core/arch/riscv64/trap.hpp>
#include <core/arch/riscv64/trap_report.hpp>
#include <core/devices/bus.hpp>
#include <core/vm/trap_outcome.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace axvm::riscv64 {

/// Runs one vCPU that is loaded in `cpu`, for one VM (VmServices). Each trap is reported once, as
/// the hardware presented it, and then what was done about it. Registers are read when a cause
/// needs them, since on some hardware each read costs as much as the rest of an exit.
template <class Vm, VirtualizationHardware U>
class TrapHandler {
 public:
  /// `exit` is what run_vcpu returns; it holds a value.
  TrapHandler(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu, Result<ExitReason>& exit) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu), result_(exit), exit_(exit) {}
  TrapHandler(const TrapHandler&) = delete;
  TrapHandler& operator=(const TrapHandler&) = delete;

  /// Enters the guest until something happens that the host has to know of.
  void run() {
    account_for_waiting();
    vcpu_.interrupts().resume();
    do {
      interrupts_.present();
    } while (handle(cpu_.enter_guest()) == kGoOn);
    StealTime& steal_time = vcpu_.context().steal_time();
    // Who does not go on may be started anew by others at once.
    if (would_go_on() && steal_time.address()) steal_time.leave(vm_.hal().monotonic_nanoseconds());
  }

  /// Handles one trap.
  TrapOutcome handle(std::uint64_t scause) {
    if (is_interrupt(scause)) {
      report_.trap(scause);
      return exit_.leave(exit_reason::ExternalInterrupt{vm_.acknowledge_irq()});
    }
    const ExceptionCause cause = exception_cause(scause);
    if (is_guest_page_fault(cause)) return guest_page_fault(cause);
    if (cause == ExceptionCause::VirtualSupervisorCall) {
      report_.trap(scause);
      skip_instruction(cpu_, 4);
      return sbi::Calls<Vm, U>({vm_, vcpu_, cpu_, interrupts_, memory_, report_, exit_}).handle();
    }
    const std::uint64_t stval = cpu_.template read<Csr::stval>();
    if (cause == ExceptionCause::VirtualInstruction) return virtual_instruction(stval);
    report_.trap(scause, stval);
    if (belongs_to_guest(cause)) {
      return deliver({cause, stval, "exception of the guest's own"sv}, TrapOrigin{cause});
    }
    return exit_.leave(exit_reason::GuestFault{{}, false, scause, "exception of the hart's"});
  }

 private:
  static constexpr std::uint64_t kNowhere = 1;

  // --- time -------------------------------------------------------------------------------------

  void account_for_waiting() {
    StealTime& steal_time = vcpu_.context().steal_time();
    if (!steal_time.address()) [[likely]]
      return;
    if (!steal_time.enter(vm_.hal().monotonic_nanoseconds())) return;
    vm_.with_memory(cpu_, [&](auto& space, auto& tlb) {
      // If the memory is there no more, nobody is told.
      steal_time.tell([&](GuestPhysAddr at, std::span<const std::byte> bytes) {
        static_cast<void>(space.write(at, bytes, tlb));
      });
    });
  }
  /// The guest was interrupted, rather than done for now.
  [[nodiscard]] bool would_go_on() const {
    return result_ && (std::holds_alternative<exit_reason::ExternalInterrupt>(*result_) ||
                       std::holds_alternative<exit_reason::CpuUp>(*result_));
  }

  // --- memory -----------------------------------------------------------------------------------

  TrapOutcome guest_page_fault(ExceptionCause cause) {
    const std::uint64_t stval = cpu_.template read<Csr::stval>();
    const std::uint64_t htval = cpu_.template read<Csr::htval>();
    const std::uint64_t htinst = cpu_.template read<Csr::htinst>();
    const GuestPageFault fault(cause, stval, htval, htinst);
    report_.guest_page_fault(static_cast<std::uint64_t>(cause), stval, htval, htinst);
    if (!fault.on_table_walk && fault.access != MemoryAccess::Fetch) {
      if (Device* device = vm_.mmio().find(fault.address.value)) return mmio(*device, fault);
    }
    const auto there = memory_.back(fault);
    if (!there) return exit_.leave(there.error());
    if (*there) return kGoOn;
    return access_fault(fault, fault.access == MemoryAccess::Fetch
                                   ? "no executable memory there"sv
                                   : "no memory or device there, or not for this access"sv);
  }

  TrapOutcome mmio(Device& device, const GuestPageFault& fault) {
    const Result<Emulation> result = emulator_.carry_out(fault, device);
    if (!result) return exit_.leave(result.error());
    switch (result->kind) {
      case Emulation::Kind::Done: return kGoOn;
      case Emulation::Kind::Repeat: return repeat_or_fault(fault);
      case Emulation::Kind::Fault: break;
    }
    return deliver(result->exception, fault);
  }

  /// The instruction cannot be read, or is none that accesses memory like that. Another hart may
  /// have changed it meanwhile: then the guest gets on when it tries again, otherwise it has to be
  /// told.
  TrapOutcome repeat_or_fault(const GuestPageFault& fault) {
    if (is_first_time()) return kGoOn;
    return access_fault(fault, "device access by an instruction that is not emulated"sv);
  }
  bool is_first_time() {
    const std::uint64_t pc = cpu_.template read<Csr::sepc>();
    const bool again = repeated_ == pc;
    repeated_ = again ? kNowhere : pc;
    return !again;
  }

  // --- instructions -----------------------------------------------------------------------------

  /// stval has the instruction, or 0.
  TrapOutcome virtual_instruction(std::uint64_t stval) {
    constexpr auto kCause = static_cast<std::uint64_t>(ExceptionCause::VirtualInstruction);
    auto word = static_cast<std::uint32_t>(stval);
    const std::uint64_t pc = cpu_.template read<Csr::sepc>();
    if (stval == 0) word = memory_.fetch(pc).value_or(0);
    const VirtualInstruction instruction(word);
    const bool waits = instruction.kind == VirtualInstruction::Kind::Wfi;
    report_.trap(kCause, stval, waits);
    if (word == 0 && is_first_time()) return kGoOn;
    if (waits && is_supervisor(cpu_)) {
      skip_instruction(cpu_, 4);
      const bool halts = interrupts_.wait(exit_.template make<exit_reason::Halt>());
      return halts ? TrapOutcome::Leave : kGoOn;
    }
    if (instruction.kind == VirtualInstruction::Kind::Wrs) {
      skip_instruction(cpu_, 4);
      return exit_.leave(exit_reason::Yield{});
    }
    if (const auto read = counter_read(word); read && may_read(read->counter)) {
      return read_counter(*read);
    }
    if (is_supervisor(cpu_) && interrupt_file_.carry_out(word)) {
      skip_instruction(cpu_, 4);
      return kGoOn;
    }
    return deliver(
        {ExceptionCause::IllegalInstruction, word, "instruction or CSR not for guests"sv},
        TrapOrigin{ExceptionCause::VirtualInstruction});
  }
  /// VU-mode needs its kernel's leave.
  [[nodiscard]] bool may_read(unsigned counter) {
    const std::uint64_t bit = 1ULL << (static_cast<unsigned>(csr_of(counter)) & 31);
    return is_supervisor(cpu_) || (cpu_.template read<Csr::scounteren>() & bit) != 0;
  }
  TrapOutcome read_counter(const CounterRead& read) {
    const PerformanceCounters& counters = vcpu_.context().counters();
    cpu_.set_gpr(read.rd, counters.value(read.counter, hardware_counts(cpu_)));
    skip_instruction(cpu_, 4);
    return kGoOn;
  }

  // --- exceptions for the guest -----------------------------------------------------------------

  TrapOutcome access_fault(const GuestPageFault& fault, std::string_view reason) {
    return deliver({exceptions_of(fault.access).access_fault, fault.va, reason}, fault);
  }
  TrapOutcome deliver(const GuestException& exception, const GuestPageFault& fault) {
    return deliver(exception, TrapOrigin{.cause = fault.cause(),
                                         .address = fault.address,
                                         .is_write = fault.access == MemoryAccess::Store});
  }
  TrapOutcome deliver(const GuestException& exception, const TrapOrigin& origin) {
    return riscv64::deliver(cpu_, report_, exit_, exception, origin);
  }

  Vm& vm_;
  typename Vm::VCpuType& vcpu_;
  U& cpu_;
  const Result<ExitReason>& result_;
  ExitSlot exit_;
  GuestInterrupts<Vm, U> interrupts_{vm_, vcpu_, cpu_};
  TrapReport<Vm, U> report_{vm_, vcpu_, cpu_};
  GuestMemory<Vm, U> memory_{vm_, cpu_, report_};
  InterruptFileAccess<Vm, U> interrupt_file_{vcpu_, cpu_, report_};
  InstructionEmulator<Vm, U> emulator_{vm_, vcpu_.id(), cpu_, memory_, report_};
  std::uint64_t repeated_ = kNowhere;  ///< where the guest was sent back to last
};

}  // namespace axvm::riscv64
