#pragma once
// What an exit from the guest says, decoded: one small type per cause, built from EXITCODE,
// EXITINFO1 and EXITINFO2, without any idea of what to do about it (APM Vol. 2 15.7 to 15.14,
// appendix C).

#include <axvm/address.hpp>
#include <core/arch/x86_64/exit_code.hpp>
#include <core/arch/x86_64/registers.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <optional>
#include <variant>

namespace axvm::x86_64 {

namespace detail {
[[nodiscard]] constexpr bool bit(std::uint64_t value, unsigned n) noexcept {
  return (value >> n & 1) != 0;
}
}  // namespace detail

/// The nested tables refused an access (15.25.6).
struct NestedPageFault {
  GuestPhysAddr address;
  bool is_present;     ///< the tables have it, but not for this
  bool is_write;       ///< walks of the guest's tables are, if they set A or D
  bool is_user;        ///< of the nested tables' point of view: always, but for hardware's own
  bool reserved_bits;  ///< of the nested tables, that were set
  bool is_fetch;
  bool is_shadow_stack;
  bool on_final_address;  ///< of the access itself
  bool on_table_walk;     ///< of a table of the guest

  constexpr NestedPageFault(std::uint64_t info1, std::uint64_t info2) noexcept
      : address(info2),
        is_present(detail::bit(info1, 0)),
        is_write(detail::bit(info1, 1)),
        is_user(detail::bit(info1, 2)),
        reserved_bits(detail::bit(info1, 3)),
        is_fetch(detail::bit(info1, 4)),
        is_shadow_stack(detail::bit(info1, 6)),
        on_final_address(detail::bit(info1, 32)),
        on_table_walk(detail::bit(info1, 33)) {}
};

/// IN, OUT, INS or OUTS of a port that the I/O permission map names (15.10.2).
struct IoAccess {
  std::uint16_t port;
  AccessWidth width;  ///< Byte, Word or Dword
  bool is_in;
  bool is_string;
  bool is_repeated;          ///< REP
  AccessWidth address_size;  ///< of strings: Word, Dword or Qword
  Segment segment;           ///< of OUTS, with decode assists; of INS it is ES. 6, 7: not used
  std::uint64_t next_rip;    ///< behind the instruction

  constexpr IoAccess(std::uint64_t info1, std::uint64_t info2) noexcept
      : port(static_cast<std::uint16_t>(info1 >> 16)),
        width(detail::bit(info1, 6)   ? AccessWidth::Dword
              : detail::bit(info1, 5) ? AccessWidth::Word
                                      : AccessWidth::Byte),
        is_in(detail::bit(info1, 0)),
        is_string(detail::bit(info1, 2)),
        is_repeated(detail::bit(info1, 3)),
        address_size(detail::bit(info1, 9)   ? AccessWidth::Qword
                     : detail::bit(info1, 8) ? AccessWidth::Dword
                                             : AccessWidth::Word),
        segment(static_cast<Segment>(info1 >> 10 & 7)),
        next_rip(info2) {}
};

/// A control register is read or written (15.9, 15.8.1).
struct ControlRegisterAccess {
  std::uint8_t number;  ///< 0..15
  bool is_write;
  /// MOV's general-purpose register, with decode assists. Nothing: CLTS, LMSW, SMSW, or no assists.
  std::optional<std::uint8_t> gpr;

  constexpr ControlRegisterAccess(ExitCode code, std::uint64_t info1) noexcept
      : number(static_cast<std::uint8_t>(static_cast<std::uint64_t>(code) & 0xf)),
        is_write(code >= ExitCode::WriteCr0) {
    if (detail::bit(info1, 63)) gpr = static_cast<std::uint8_t>(info1 & 0xf);
  }
};
/// Bits of CR0 other than TS and MP would change.
struct SelectiveCr0Write {
  std::optional<std::uint8_t> gpr;  ///< as above

  explicit constexpr SelectiveCr0Write(std::uint64_t info1) noexcept {
    if (detail::bit(info1, 63)) gpr = static_cast<std::uint8_t>(info1 & 0xf);
  }
};
/// A control register has been written; the guest is behind the instruction (appendix C).
struct ControlRegisterTrap {
  std::uint8_t number;  ///< 0..15
  std::uint64_t value;
};
struct EferTrap {
  std::uint64_t value;
};

/// MOV of a debug register (15.8.1).
struct DebugRegisterAccess {
  std::uint8_t number;  ///< 0..15
  bool is_write;
  std::uint8_t gpr;  ///< with decode assists

  constexpr DebugRegisterAccess(ExitCode code, std::uint64_t info1) noexcept
      : number(static_cast<std::uint8_t>(static_cast<std::uint64_t>(code) & 0xf)),
        is_write(code >= ExitCode::WriteDr0),
        gpr(static_cast<std::uint8_t>(info1 & 0xf)) {}
};

/// SIDT, SGDT, SLDT, STR; LIDT, LGDT, LLDT, LTR.
struct DescriptorTableAccess {
  enum class Table : std::uint8_t { Idtr, Gdtr, Ldtr, Tr };
  Table table;
  bool is_write;

  explicit constexpr DescriptorTableAccess(ExitCode code) noexcept
      : table(static_cast<Table>(
            (static_cast<std::uint64_t>(code) - static_cast<std::uint64_t>(ExitCode::IdtrRead)) &
            3)),
        is_write(code >= ExitCode::IdtrWrite) {}
};

/// An exception of the guest, before it is delivered (15.12).
struct InterceptedException {
  std::uint8_t vector;  ///< 0..31
  /// As the guest would see it; nothing where the vector has none.
  std::optional<std::uint32_t> error_code;
  std::uint64_t fault_address;  ///< of a page fault, which is not in CR2 yet

  constexpr InterceptedException(ExitCode code, std::uint64_t info1, std::uint64_t info2) noexcept
      : vector(static_cast<std::uint8_t>(static_cast<std::uint64_t>(code) & 0x1f)),
        fault_address(vector == kPageFault ? info2 : 0) {
    if ((kWithErrorCode >> vector & 1) != 0) error_code = static_cast<std::uint32_t>(info1);
  }

  static constexpr std::uint8_t kPageFault = 14;
  /// #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX (8.2).
  static constexpr std::uint32_t kWithErrorCode = 1U << 8 | 1U << 10 | 1U << 11 | 1U << 12 |
                                                  1U << 13 | 1U << 14 | 1U << 17 | 1U << 21 |
                                                  1U << 29 | 1U << 30;
};

/// INT n (15.8.2).
struct SoftwareInterrupt {
  std::uint8_t vector;  ///< with decode assists
};

/// What has come from outside, and is the host's (15.13). It is still pending.
struct PhysicalInterrupt {
  enum class Kind : std::uint8_t { Interrupt, Nmi, Smi, Init };
  Kind kind;

  explicit constexpr PhysicalInterrupt(ExitCode code) noexcept
      : kind(static_cast<Kind>(static_cast<std::uint64_t>(code) & 3)) {}
};
/// The guest could take the virtual interrupt that is pending (15.13.5).
struct InterruptWindow {};

/// RDMSR or WRMSR of an MSR that the MSR permission map names; its number is in ECX (15.11).
struct MsrAccess {
  bool is_write;
};

/// INVLPG (15.8.3).
struct PageInvalidation {
  GuestVirtAddr address;  ///< with decode assists
};

/// By CALL, JMP, INT n, an exception or an interrupt through a task gate, or IRET (15.14.1).
struct TaskSwitch {
  std::uint16_t selector;  ///< of the new task's TSS
  bool by_iret;
  bool by_jump;
  bool resume_flag;                         ///< RF, as it is saved in the old task
  std::optional<std::uint32_t> error_code;  ///< to be pushed on the new task's stack

  constexpr TaskSwitch(std::uint64_t info1, std::uint64_t info2) noexcept
      : selector(static_cast<std::uint16_t>(info1)),
        by_iret(detail::bit(info2, 36)),
        by_jump(detail::bit(info2, 38)),
        resume_flag(detail::bit(info2, 48)) {
    if (detail::bit(info2, 44)) error_code = static_cast<std::uint32_t>(info2);
  }
};

/// An instruction of which the code says all there is (15.9).
struct InterceptedInstruction {
  /// Rdtsc, Rdpmc, Pushf, Popf, Cpuid, Rsm, Iret, Invd, Pause, Hlt, Invlpga; Vmrun to Rdpru;
  /// Invlpgb to Tlbsync, IdleHlt.
  ExitCode code;
};

/// A triple fault, or one in its delivery: the processor would shut down (15.14.3).
struct Shutdown {};
/// The processor would freeze for a legacy x87 error (15.14.2).
struct FerrFreeze {};
struct BusLock {};
/// VMRUN refused the VMCB (15.5.1): an error of the VMM.
struct InvalidGuestState {};
/// Of what is never asked for (AVIC, SEV-ES), or not known.
struct UnknownExit {
  ExitCode code;
};

using Exit =
    std::variant<NestedPageFault, IoAccess, ControlRegisterAccess, SelectiveCr0Write,
                 ControlRegisterTrap, EferTrap, DebugRegisterAccess, DescriptorTableAccess,
                 InterceptedException, SoftwareInterrupt, PhysicalInterrupt, InterruptWindow,
                 MsrAccess, PageInvalidation, TaskSwitch, InterceptedInstruction, Shutdown,
                 FerrFreeze, BusLock, InvalidGuestState, UnknownExit>;

/// Every code has an answer.
[[nodiscard]] Exit decode_exit(ExitCode code, std::uint64_t info1, std::uint64_t info2) noexcept;

static_assert(IoAccess(0x03f8'0211, 0).port == 0x3f8 && IoAccess(0x03f8'0211, 0).is_in);
static_assert(DescriptorTableAccess(ExitCode::TrWrite).table == DescriptorTableAccess::Table::Tr);

}  // namespace axvm::x86_64
