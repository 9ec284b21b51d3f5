#pragma once
// What single fields of the VMCB's control area say (APM Vol. 2, table B-1).

#include <cstdint>
#include <optional>

namespace axvm::x86_64 {

/// An interrupt or exception on its way into the guest: to be injected by VMRUN (EVENTINJ, APM Vol.
/// 2 15.20), or interrupted in its delivery by the exit (EXITINTINFO, 15.7.2).
struct GuestEvent {
  enum class Type : std::uint8_t {
    Interrupt = 0,  ///< external or virtual
    Nmi = 2,
    Exception = 3,
    SoftwareInterrupt = 4,  ///< INT n
  };

  Type type = Type::Interrupt;
  std::uint8_t vector = 0;
  std::optional<std::uint32_t> error_code{};

  /// Nothing unless V is set.
  [[nodiscard]] static constexpr std::optional<GuestEvent> decode(std::uint64_t field) noexcept {
    if ((field & kValid) == 0) return std::nullopt;
    GuestEvent event{.type = static_cast<Type>(field >> 8 & 7),
                     .vector = static_cast<std::uint8_t>(field)};
    if ((field & kHasErrorCode) != 0) event.error_code = static_cast<std::uint32_t>(field >> 32);
    return event;
  }
  [[nodiscard]] constexpr std::uint64_t encode() const noexcept {
    const std::uint64_t error =
        error_code ? kHasErrorCode | std::uint64_t{*error_code} << 32 : std::uint64_t{0};
    return kValid | error | static_cast<std::uint64_t>(type) << 8 | vector;
  }

  friend constexpr bool operator==(const GuestEvent&, const GuestEvent&) = default;

 private:
  static constexpr std::uint64_t kValid = 1ULL << 31;
  static constexpr std::uint64_t kHasErrorCode = 1ULL << 11;
};

/// Offset 060h: the virtual interrupt that the guest takes when it can, and its task priority (APM
/// Vol. 2 15.21.4).
struct VirtualInterruptControl {
  std::uint8_t tpr = 0;         ///< V_TPR, 4 bits: CR8, or bits [7:4] of the local APIC's TPR
  bool is_pending = false;      ///< V_IRQ
  bool gif = false;             ///< V_GIF: with has_gif
  bool is_nmi_pending = false;  ///< V_NMI: with has_nmi
  bool is_nmi_masked = false;   ///< V_NMI_MASK
  std::uint8_t priority = 0;    ///< V_INTR_PRIO, 4 bits: taken if greater than V_TPR
  bool ignores_tpr = false;     ///< V_IGN_TPR
  bool masks_by_guest = false;  ///< V_INTR_MASKING: RFLAGS.IF and CR8 of the guest are virtual
  bool has_gif = false;         ///< the guest's STGI and CLGI are virtual (15.33.2)
  bool has_nmi = false;         ///< NMIs are virtual (15.21.10)
  bool has_x2avic = false;      ///< with has_avic: of MSRs
  bool has_avic = false;        ///< 15.29
  std::uint8_t vector = 0;      ///< V_INTR_VECTOR

  [[nodiscard]] static constexpr VirtualInterruptControl decode(std::uint64_t field) noexcept {
    const auto bit = [field](unsigned n) { return (field >> n & 1) != 0; };
    return {.tpr = static_cast<std::uint8_t>(field & 0xf),
            .is_pending = bit(8),
            .gif = bit(9),
            .is_nmi_pending = bit(11),
            .is_nmi_masked = bit(12),
            .priority = static_cast<std::uint8_t>(field >> 16 & 0xf),
            .ignores_tpr = bit(20),
            .masks_by_guest = bit(24),
            .has_gif = bit(25),
            .has_nmi = bit(26),
            .has_x2avic = bit(30),
            .has_avic = bit(31),
            .vector = static_cast<std::uint8_t>(field >> 32)};
  }
  [[nodiscard]] constexpr std::uint64_t encode() const noexcept {
    const auto bit = [](bool set, unsigned n) { return std::uint64_t{set} << n; };
    return (tpr & std::uint64_t{0xf}) | bit(is_pending, 8) | bit(gif, 9) | bit(is_nmi_pending, 11) |
           bit(is_nmi_masked, 12) | (priority & std::uint64_t{0xf}) << 16 | bit(ignores_tpr, 20) |
           bit(masks_by_guest, 24) | bit(has_gif, 25) | bit(has_nmi, 26) | bit(has_x2avic, 30) |
           bit(has_avic, 31) | std::uint64_t{vector} << 32;
  }

  friend constexpr bool operator==(const VirtualInterruptControl&,
                                   const VirtualInterruptControl&) = default;
};

/// Offset 05Ch: what VMRUN flushes of the TLB (APM Vol. 2 15.16.1).
enum class TlbControl : std::uint8_t {
  Nothing = 0,
  AllAsids = 1,
  ThisAsid = 3,           ///< with CPUID 8000_000A EDX[6]
  ThisAsidNonGlobal = 7,  ///< the same
};

/// Offset 068h.
namespace interrupt_state {
inline constexpr std::uint64_t kShadow = 1ULL << 0;     ///< behind STI, MOV SS or POP SS
inline constexpr std::uint64_t kGuestMask = 1ULL << 1;  ///< RFLAGS.IF; SEV-ES only
}  // namespace interrupt_state

/// Offset 090h (APM Vol. 2 15.25.3).
namespace nested_control {
inline constexpr std::uint64_t kNestedPaging = 1ULL << 0;  ///< NP_ENABLE
inline constexpr std::uint64_t kSev = 1ULL << 1;
inline constexpr std::uint64_t kSevEs = 1ULL << 2;
inline constexpr std::uint64_t kGuestModeExecuteTrap = 1ULL << 3;  ///< GMET
inline constexpr std::uint64_t kShadowStackCheck = 1ULL << 4;
}  // namespace nested_control

/// Offset 0B8h.
namespace virtual_control {
inline constexpr std::uint64_t kLastBranch = 1ULL << 0;  ///< LBR_VIRTUALIZATION_ENABLE (15.23)
inline constexpr std::uint64_t kLoadSave = 1ULL << 1;    ///< VMLOAD and VMSAVE (15.33.1)
}  // namespace virtual_control

/// Offset 0C0h: what has not changed since the last exit, and need not be loaded (APM Vol. 2
/// 15.15.3).
namespace clean_bits {
inline constexpr std::uint32_t kIntercepts = 1U << 0;      ///< with TSC offset and PAUSE filter
inline constexpr std::uint32_t kPermissionMaps = 1U << 1;  ///< IOPM_BASE_PA, MSRPM_BASE_PA
inline constexpr std::uint32_t kAsid = 1U << 2;
inline constexpr std::uint32_t kTpr = 1U << 3;  ///< all of VirtualInterruptControl
inline constexpr std::uint32_t kNestedPaging = 1U << 4;
inline constexpr std::uint32_t kControlRegisters = 1U << 5;  ///< CR0, CR3, CR4, EFER
inline constexpr std::uint32_t kDebugRegisters = 1U << 6;
inline constexpr std::uint32_t kDescriptorTables = 1U << 7;  ///< GDTR, IDTR
inline constexpr std::uint32_t kSegments = 1U << 8;          ///< CS, DS, SS, ES, CPL
inline constexpr std::uint32_t kCr2 = 1U << 9;
inline constexpr std::uint32_t kLastBranch = 1U << 10;
inline constexpr std::uint32_t kAvic = 1U << 11;
inline constexpr std::uint32_t kShadowStack = 1U << 12;  ///< S_CET, SSP, ISST_ADDR
}  // namespace clean_bits

static_assert(GuestEvent{GuestEvent::Type::Exception, 13, 0}.encode() == 0x8000'0b0d);
static_assert(!GuestEvent::decode(0x30e));

}  // namespace axvm::x86_64
