#pragma once
// What the core tells of its work: plain data, emitted through VmHal::event. Backends stamp,
// order and print them; the core neither formats nor stores any.

#include <array>
#include <axvm/address.hpp>
#include <cstdint>
#include <string_view>
#include <variant>

namespace axvm {

/// A trap from the guest, as the hardware presented it, before any handling. What the registers
/// mean per architecture:
///
/// | field          | AArch64   | RISC-V | x86_64 (SVM / VMX)         |
/// |----------------|-----------|--------|----------------------------|
/// | cause          | vector    | 0      | exit code / exit reason    |
/// | syndrome       | ESR_EL2   | scause | EXITINFO1 / qualification  |
/// | fault_address  | FAR_EL2   | stval  | EXITINFO2 / linear address |
/// | fault_gpa      | HPFAR_EL2 | htval  | 0 / guest-physical address |
/// | return_address | ELR_EL2   | sepc   | RIP                        |
/// | saved_state    | SPSR_EL2  | hstatus| RFLAGS                     |
/// | instruction    | 0         | htinst | 0                          |
/// | registers      | X0..X30   | x1..x31| RAX..R15, as ModRM counts  |
///
/// A register that the architecture leaves UNKNOWN for this trap is 0 here.
struct TrapTaken {
  VmId vm;
  VcpuId vcpu;
  std::uint64_t cause = 0;
  std::uint64_t syndrome = 0;
  std::uint64_t fault_address = 0;
  std::uint64_t fault_gpa = 0;
  std::uint64_t return_address = 0;
  std::uint64_t saved_state = 0;
  std::uint64_t instruction = 0;  ///< of a guest-page fault
  /// The guest's general registers in the architecture's order, those that it lacks 0.
  std::array<std::uint64_t, 31> registers{};

  friend constexpr bool operator==(const TrapTaken&, const TrapTaken&) = default;
};

enum class Bus : std::uint8_t { Mmio, SysReg, Port };

/// The VMM carried out a guest's access to an emulated device.
struct DeviceAccess {
  VmId vm;
  VcpuId vcpu;
  Bus bus = Bus::Mmio;
  bool is_write = false;
  std::uint8_t width = 0;     ///< bytes: 1, 2, 4, 8
  std::uint64_t address = 0;  ///< guest-physical, or the register's number on its bus
  std::uint64_t data = 0;     ///< written, or read and zero-extended
  std::string_view device;    ///< the device's name; empty when no device answered

  friend constexpr bool operator==(const DeviceAccess&, const DeviceAccess&) = default;
};

/// The VMM answered a firmware call (PSCI, SBI) or a hypercall.
struct FirmwareCall {
  VmId vm;
  VcpuId vcpu;
  std::string_view name;  ///< "PSCI_VERSION"; empty when unknown
  /// AArch64: X0. RISC-V: the extension (a7) in bits 63:32, the function (a6) in 31:0.
  std::uint64_t function = 0;
  std::array<std::uint64_t, 3> arguments{};
  std::uint64_t result = 0;

  friend constexpr bool operator==(const FirmwareCall&, const FirmwareCall&) = default;
};

/// The VMM mapped guest memory because the guest touched it.
struct PageMapped {
  VmId vm;
  VcpuId vcpu;
  GuestPhysAddr gpa;
  HostPhysAddr hpa;
  std::uint64_t size = 0;

  friend constexpr bool operator==(const PageMapped&, const PageMapped&) = default;
};

/// The VMM delivered an exception to the guest instead of completing its access.
struct ExceptionInjected {
  VmId vm;
  VcpuId vcpu;
  std::uint64_t syndrome = 0;       ///< AArch64: ESR_EL1; RISC-V: vscause
  std::uint64_t fault_address = 0;  ///< AArch64: FAR_EL1; RISC-V: vstval
  std::string_view reason;

  friend constexpr bool operator==(const ExceptionInjected&, const ExceptionInjected&) = default;
};

/// A VM, or one of its vCPUs, entered a state of its life cycle.
struct StateChanged {
  VmId vm;
  VcpuId vcpu;
  bool of_vcpu = false;    ///< false: `vcpu` has no meaning
  std::string_view state;  ///< the new state's name, as to_string gives it

  friend constexpr bool operator==(const StateChanged&, const StateChanged&) = default;
};

/// What stage 2 maps is not what it was at the last synchronous trap of the VM, or this is its
/// first, or the first after it was restored: follows the trap. Traps of WFI and WFE, which depend
/// on time, do not count. The same on every host: see MappingDigester.
struct TablesChanged {
  VmId vm;
  VcpuId vcpu;
  std::uint64_t hash = 0;    ///< of all that is mapped: where, how, to which part of its region
  std::uint64_t mapped = 0;  ///< bytes
  std::uint64_t runs = 0;    ///< stretches that are mapped alike

  friend constexpr bool operator==(const TablesChanged&, const TablesChanged&) = default;
};

using Event = std::variant<TrapTaken, DeviceAccess, FirmwareCall, PageMapped, ExceptionInjected,
                           StateChanged, TablesChanged>;

}  // namespace axvm
