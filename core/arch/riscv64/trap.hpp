#pragma once
// What a trap to HS-mode says, decoded: one small type per cause, built from the raw registers,
// without any idea of what to do about it ("Hypervisor Extension", "Traps").

#include <axvm/address.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::riscv64 {

/// scause without its interrupt bit, of an exception. Values without a name are legal too.
enum class ExceptionCause : std::uint8_t {
  InstructionMisaligned = 0,
  InstructionAccess = 1,
  IllegalInstruction = 2,
  Breakpoint = 3,
  LoadMisaligned = 4,
  LoadAccess = 5,
  StoreMisaligned = 6,  ///< or AMO, as in all "Store" causes
  StoreAccess = 7,
  UserCall = 8,
  SupervisorCall = 9,
  VirtualSupervisorCall = 10,
  InstructionPage = 12,
  LoadPage = 13,
  StorePage = 15,
  DoubleTrap = 16,
  SoftwareCheck = 18,
  HardwareError = 19,
  InstructionGuestPage = 20,
  LoadGuestPage = 21,
  VirtualInstruction = 22,
  StoreGuestPage = 23,
};

/// The cause's name for reports; empty when it has none here.
[[nodiscard]] std::string_view to_string(ExceptionCause cause) noexcept;

inline constexpr std::uint64_t kInterruptBit = 1ULL << 63;

[[nodiscard]] constexpr bool is_interrupt(std::uint64_t scause) noexcept {
  return (scause & kInterruptBit) != 0;
}
/// `scause` is of an exception. Codes that do not fit are as good as any without a name.
[[nodiscard]] constexpr ExceptionCause exception_cause(std::uint64_t scause) noexcept {
  return static_cast<ExceptionCause>(scause < 0x40 ? scause : 0x3f);
}

/// Whether a guest's kernel handles the exception itself: it goes there, or is sent there.
[[nodiscard]] constexpr bool belongs_to_guest(ExceptionCause cause) noexcept {
  switch (cause) {
    case ExceptionCause::InstructionMisaligned:
    case ExceptionCause::InstructionAccess:
    case ExceptionCause::IllegalInstruction:
    case ExceptionCause::Breakpoint:
    case ExceptionCause::LoadMisaligned:
    case ExceptionCause::LoadAccess:
    case ExceptionCause::StoreMisaligned:
    case ExceptionCause::StoreAccess:
    case ExceptionCause::UserCall:
    case ExceptionCause::InstructionPage:
    case ExceptionCause::LoadPage:
    case ExceptionCause::StorePage: return true;
    default: return false;
  }
}

/// What the guest was about to do with memory.
enum class MemoryAccess : std::uint8_t { Fetch, Load, Store };

/// The exceptions of such an access.
struct AccessExceptions {
  ExceptionCause access_fault;
  ExceptionCause page_fault;
};
[[nodiscard]] constexpr AccessExceptions exceptions_of(MemoryAccess access) noexcept {
  using enum ExceptionCause;
  switch (access) {
    case MemoryAccess::Fetch: return {InstructionAccess, InstructionPage};
    case MemoryAccess::Load: return {LoadAccess, LoadPage};
    case MemoryAccess::Store: break;
  }
  return {StoreAccess, StorePage};
}

/// A guest-page fault: the G-stage has refused an access, or the walk that came before it.
struct GuestPageFault {
  MemoryAccess access;    ///< of the instruction, also when it was its walk that was refused
  std::uint64_t va;       ///< stval: the first byte that was refused
  GuestPhysAddr address;  ///< what that is in guest-physical memory, or what the walk was after
  bool on_table_walk;     ///< a table of the VS-stage was refused
  bool walk_writes;       ///< to set A or D bits of it
  /// htinst, if it holds the instruction transformed: see MemoryInstruction.
  std::optional<std::uint32_t> transformed;

  /// `cause` is one of the three guest-page faults.
  constexpr GuestPageFault(ExceptionCause cause, std::uint64_t stval, std::uint64_t htval,
                           std::uint64_t htinst) noexcept
      : access(access_of(cause)),
        va(stval),
        address(0),
        on_table_walk((htinst & ~kPseudoWrites & ~kPseudoRv64) == kPseudoWalk),
        walk_writes(on_table_walk && (htinst & kPseudoWrites) != 0) {
    // The walk's address is that of an entry; stval's low bits belong to another access.
    address = GuestPhysAddr(htval << 2 | (on_table_walk ? 0 : stval & 3));
    if ((htinst & 1) != 0) transformed = static_cast<std::uint32_t>(htinst);
  }

  [[nodiscard]] constexpr ExceptionCause cause() const noexcept {
    if (access == MemoryAccess::Fetch) return ExceptionCause::InstructionGuestPage;
    return access == MemoryAccess::Load ? ExceptionCause::LoadGuestPage
                                        : ExceptionCause::StoreGuestPage;
  }

 private:
  /// Pseudoinstructions ("Transformed Instruction or Pseudoinstruction for mtinst or htinst").
  static constexpr std::uint64_t kPseudoWalk = 0x2000;
  static constexpr std::uint64_t kPseudoRv64 = 0x1000;
  static constexpr std::uint64_t kPseudoWrites = 0x20;

  [[nodiscard]] static constexpr MemoryAccess access_of(ExceptionCause cause) noexcept {
    if (cause == ExceptionCause::InstructionGuestPage) return MemoryAccess::Fetch;
    return cause == ExceptionCause::LoadGuestPage ? MemoryAccess::Load : MemoryAccess::Store;
  }
};

[[nodiscard]] constexpr bool is_guest_page_fault(ExceptionCause cause) noexcept {
  return cause == ExceptionCause::InstructionGuestPage || cause == ExceptionCause::LoadGuestPage ||
         cause == ExceptionCause::StoreGuestPage;
}

/// A virtual-instruction exception: what a hart without guests would do, but not for a guest.
struct VirtualInstruction {
  enum class Kind : std::uint8_t {
    Wfi,
    Wrs,  ///< WRS.NTO (Zawrs)
    Other,
  };
  Kind kind;

  explicit constexpr VirtualInstruction(std::uint32_t word) noexcept : kind(kind_of(word)) {}

 private:
  [[nodiscard]] static constexpr Kind kind_of(std::uint32_t word) noexcept {
    if (word == 0x1050'0073) return Kind::Wfi;
    return word == 0x00d0'0073 ? Kind::Wrs : Kind::Other;
  }
};

static_assert(GuestPageFault(ExceptionCause::LoadGuestPage, 0x1003, 0x2000'0400, 0).address ==
              GuestPhysAddr(0x8000'1003));
static_assert(GuestPageFault(ExceptionCause::LoadGuestPage, 0x1003, 0x400, 0x3020).walk_writes);

}  // namespace axvm::riscv64
