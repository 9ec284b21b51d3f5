#pragma once
// ESR_EL2, decoded: one small type per cause of a trap, built from the raw value, without any
// idea of what to do about it (DDI 0487 D24.2.40).

#include <axvm/address.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::aarch64 {

/// ESR_ELx.EC. Values without a name are legal too.
enum class ExceptionClass : std::uint8_t {
  Unknown = 0x00,
  Wfx = 0x01,
  SimdAccess = 0x07,
  PointerAuthentication = 0x09,
  BranchTarget = 0x0d,
  IllegalState = 0x0e,
  Svc32 = 0x11,
  Svc = 0x15,
  Hvc = 0x16,
  Smc = 0x17,
  SystemRegister = 0x18,
  Sve = 0x19,
  PointerAuthenticationFailure = 0x1c,
  Sme = 0x1d,
  InstructionAbortLower = 0x20,
  InstructionAbortSame = 0x21,
  PcAlignment = 0x22,
  DataAbortLower = 0x24,
  DataAbortSame = 0x25,
  SpAlignment = 0x26,
  MemoryCopy = 0x27,
  FloatingPoint32 = 0x28,
  FloatingPoint = 0x2c,
  SError = 0x2f,
  BreakpointLower = 0x30,
  BreakpointSame = 0x31,
  StepLower = 0x32,
  StepSame = 0x33,
  WatchpointLower = 0x34,
  WatchpointSame = 0x35,
  Bkpt32 = 0x38,
  Brk = 0x3c,
};

/// The class's name for reports; empty when it has none here.
[[nodiscard]] std::string_view to_string(ExceptionClass c) noexcept;

[[nodiscard]] constexpr ExceptionClass exception_class(std::uint64_t esr) noexcept {
  return static_cast<ExceptionClass>((esr >> 26) & 0x3f);
}

namespace detail {
[[nodiscard]] constexpr bool bit(std::uint64_t value, unsigned n) noexcept {
  return ((value >> n) & 1) != 0;
}
[[nodiscard]] constexpr unsigned field(std::uint64_t value, unsigned high, unsigned low) noexcept {
  return static_cast<unsigned>((value >> low) & ((1ULL << (high - low + 1)) - 1));
}
}  // namespace detail

/// WFI, WFE and their forms with timeout.
struct Wfx {
  enum class Kind : std::uint8_t { Wfi = 0, Wfe = 1, Wfit = 2, Wfet = 3 };
  Kind kind;

  explicit constexpr Wfx(std::uint64_t esr) noexcept
      : kind(static_cast<Kind>(detail::field(esr, 1, 0))) {}
  [[nodiscard]] constexpr bool waits_for_interrupt() const noexcept {
    return kind == Kind::Wfi || kind == Kind::Wfit;
  }
};

/// HVC; the preferred return address is behind it.
struct Hvc {
  std::uint16_t immediate;
  explicit constexpr Hvc(std::uint64_t esr) noexcept : immediate(static_cast<std::uint16_t>(esr)) {}
};

/// SMC, trapped by HCR_EL2.TSC; the preferred return address is the instruction itself.
struct Smc {
  std::uint16_t immediate;
  explicit constexpr Smc(std::uint64_t esr) noexcept : immediate(static_cast<std::uint16_t>(esr)) {}
};

/// MRS, MSR, or a SYS instruction.
struct SystemRegisterTrap {
  std::uint16_t encoding;  ///< as sysreg_encoding() packs it
  std::uint8_t rt;         ///< 0..31; 31 is XZR
  bool is_read;

  explicit constexpr SystemRegisterTrap(std::uint64_t esr) noexcept
      : encoding(static_cast<std::uint16_t>(
            (detail::field(esr, 21, 20) << 14) | (detail::field(esr, 16, 14) << 11) |
            (detail::field(esr, 13, 10) << 7) | (detail::field(esr, 4, 1) << 3) |
            detail::field(esr, 19, 17))),
        rt(static_cast<std::uint8_t>(detail::field(esr, 9, 5))),
        is_read(detail::bit(esr, 0)) {}
};

/// What an abort's fault status code (IFSC, DFSC) says. The first four are stage 2's own when an
/// abort comes to EL2.
enum class Fault : std::uint8_t {
  AddressSize,
  Translation,
  AccessFlag,
  Permission,
  TlbConflict,
  Other,
};

/// Codes of Fault::Other and those that stand alone (D24.2.40, DFSC).
namespace fault_status {
inline constexpr std::uint8_t kExternal = 0b01'0000;
inline constexpr std::uint8_t kExternalOnWalk = 0b01'0100;  ///< and the level
inline constexpr std::uint8_t kAlignment = 0b10'0001;
inline constexpr std::uint8_t kTlbConflict = 0b11'0000;
}  // namespace fault_status

[[nodiscard]] constexpr Fault fault_of(unsigned status_code) noexcept {
  if (status_code == fault_status::kTlbConflict) return Fault::TlbConflict;
  switch (status_code >> 2) {
    case 0b0000: return Fault::AddressSize;
    case 0b0001: return Fault::Translation;
    case 0b0010: return Fault::AccessFlag;
    case 0b0011: return Fault::Permission;
    default: return Fault::Other;
  }
}

/// What instruction and data aborts have in common.
struct Abort {
  Fault fault;
  std::uint8_t status_code;  ///< IFSC or DFSC
  bool far_valid;            ///< FAR_EL2 holds the virtual address
  bool on_table_walk;        ///< stage 2 refused a fetch of a stage-1 descriptor (S1PTW)

  explicit constexpr Abort(std::uint64_t esr) noexcept
      : fault(fault_of(detail::field(esr, 5, 0))),
        status_code(static_cast<std::uint8_t>(detail::field(esr, 5, 0))),
        // FnV says something only for a synchronous external abort.
        far_valid(detail::field(esr, 5, 0) != fault_status::kExternal || !detail::bit(esr, 10)),
        on_table_walk(detail::bit(esr, 7)) {}

  /// Stage 2 refused.
  [[nodiscard]] constexpr bool by_stage2() const noexcept {
    return fault != Fault::Other && fault != Fault::TlbConflict;
  }
  /// HPFAR_EL2 holds the intermediate physical address (D24.2.58): not after a permission fault
  /// of the access itself, nor after faults that are not stage 2's.
  [[nodiscard]] constexpr bool ipa_valid() const noexcept {
    return by_stage2() && (fault != Fault::Permission || on_table_walk);
  }
};

struct InstructionAbort : Abort {
  explicit constexpr InstructionAbort(std::uint64_t esr) noexcept : Abort(esr) {}
};

/// What a load puts in a general-purpose register when memory answers `value`, zero-extended from
/// `width`.
[[nodiscard]] constexpr std::uint64_t load_result(std::uint64_t value, AccessWidth width,
                                                  bool sign_extend, bool is_64bit) noexcept {
  if (sign_extend) {
    const unsigned unused = 64 - 8 * bytes(width);
    value = static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
  }
  return is_64bit ? value : value & 0xffff'ffff;
}

struct DataAbort : Abort {
  bool described;          ///< ISV: the next five members hold
  AccessWidth width;       ///< SAS
  bool sign_extend;        ///< SSE
  std::uint8_t rt;         ///< SRT: the register loaded or stored, 31 is XZR
  bool is_64bit;           ///< SF: the register is an X register
  bool acquire_release;    ///< AR
  bool is_write;           ///< WnR
  bool cache_maintenance;  ///< CM: by a cache maintenance instruction or address translation

  explicit constexpr DataAbort(std::uint64_t esr) noexcept
      : Abort(esr),
        described(detail::bit(esr, 24)),
        width(static_cast<AccessWidth>(1U << detail::field(esr, 23, 22))),
        sign_extend(detail::bit(esr, 21)),
        rt(static_cast<std::uint8_t>(detail::field(esr, 20, 16))),
        is_64bit(detail::bit(esr, 15)),
        acquire_release(detail::bit(esr, 14)),
        is_write(detail::bit(esr, 6)),
        cache_maintenance(detail::bit(esr, 8)) {}

  /// What the load puts in its register when the device answers `value`, zero-extended.
  [[nodiscard]] constexpr std::uint64_t loaded(std::uint64_t value) const noexcept {
    return load_result(value, width, sign_extend, is_64bit);
  }
};

/// The faulting intermediate physical address: HPFAR_EL2.FIPA, and FAR_EL2's offset in the page
/// where that belongs to the same access.
[[nodiscard]] constexpr GuestPhysAddr fault_ipa(const Abort& abort, std::uint64_t far,
                                                std::uint64_t hpfar) noexcept {
  const std::uint64_t page = (hpfar & 0x0000'0fff'ffff'fff0ULL) << 8;
  const bool same_access = abort.far_valid && !abort.on_table_walk;
  return GuestPhysAddr(page | (same_access ? far & (kPageSize - 1) : 0));
}

static_assert(SystemRegisterTrap(0x6232'0021 & 0x1ff'ffff).is_read);
static_assert(DataAbort(1ULL << 22).width == AccessWidth::Word);

}  // namespace axvm::aarch64
