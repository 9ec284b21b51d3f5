#pragma once
// How the traps of an architecture are read: names of causes, registers and their fields.

#include <axvm/event.hpp>
#include <cstdint>
#include <hal-sim/isa.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::hal_sim {

/// A field of the syndrome: "SAS=2 (4 bytes)".
struct SyndromeField {
  std::string_view name;
  std::uint64_t value = 0;
  std::string meaning;  ///< empty when the value says it all
};

class TrapText {
 public:
  virtual ~TrapText() = default;

  /// Why the guest was left: "data abort from EL0/EL1", "IRQ".
  [[nodiscard]] virtual std::string_view name(const TrapTaken& trap) const = 0;
  /// The same for a synchronous exit by its number in ExitCounts.
  [[nodiscard]] virtual std::string_view exit_name(unsigned number) const = 0;

  /// A physical interrupt or error, not the guest's doing.
  [[nodiscard]] virtual bool is_interrupt(const TrapTaken& trap) const = 0;
  /// The guest waits, or gives up its turn.
  [[nodiscard]] virtual bool is_wait(const TrapTaken& trap) const = 0;
  /// Stage 2 refused what the guest accesses at `fault_address`, or a walk for it.
  [[nodiscard]] virtual bool is_stage2_fault(const TrapTaken& trap) const = 0;
  /// The guest sent an interrupt to another of its CPUs by this register.
  [[nodiscard]] virtual bool sends_interrupt(const DeviceAccess& access) const = 0;
  /// The same by this call.
  [[nodiscard]] virtual bool sends_interrupt(const FirmwareCall& call) const = 0;
  /// Where the instruction is that trapped.
  [[nodiscard]] virtual std::uint64_t trapped_instruction(const TrapTaken& trap) const = 0;

  /// The registers that the trap left, with their fields: lines that are indented by two.
  [[nodiscard]] virtual std::string registers(const TrapTaken& trap) const = 0;
  /// "data abort into EL1: ESR_EL1=0x96000010 FAR_EL1=0x0"
  [[nodiscard]] virtual std::string injection(const ExceptionInjected& event) const = 0;
  /// The fields of TrapTaken::syndrome, from high bits to low; none where it is a number.
  [[nodiscard]] virtual std::vector<SyndromeField> syndrome_fields(
      std::uint64_t syndrome) const = 0;

  /// What the manual calls the member `name` of TrapTaken; empty when it has no name for it.
  [[nodiscard]] virtual std::string_view trap_member(std::string_view name) const = 0;
  /// The same of ExceptionInjected.
  [[nodiscard]] virtual std::string_view injection_member(std::string_view name) const = 0;
  /// TrapTaken::registers[n]: "X0".
  [[nodiscard]] virtual std::string general_register(std::size_t n) const = 0;
  /// A system register by its number on the bus of this kind.
  [[nodiscard]] virtual std::string system_register(std::uint64_t number) const = 0;
};

[[nodiscard]] const TrapText& trap_text(Isa isa);

}  // namespace axvm::hal_sim
