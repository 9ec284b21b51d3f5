#pragma once
// The vocabulary of address translation in the EL1&0 regime (DDI 0487 D8): what is asked, what
// comes back, and what goes wrong.

#include <cstdint>

namespace axvm::sim::aarch64 {

enum class Access : std::uint8_t { Read, Write, Fetch };

/// The registers that EL1&0 translation depends on.
struct Registers {
  std::uint64_t sctlr_el1 = 0;
  std::uint64_t tcr_el1 = 0;
  std::uint64_t ttbr0_el1 = 0;
  std::uint64_t ttbr1_el1 = 0;
  std::uint64_t mair_el1 = 0;
  std::uint64_t hcr_el2 = 0;
  std::uint64_t vtcr_el2 = 0;
  std::uint64_t vttbr_el2 = 0;

  friend bool operator==(const Registers&, const Registers&) = default;
};

/// What the processor implements. The defaults are a Cortex-A72's.
struct Features {
  /// Width of physical addresses: 32, 36, 40, 42, 44 or 48 (ID_AA64MMFR0_EL1.PARange).
  unsigned pa_bits = 44;
  /// FEAT_HPDS: TCR_EL1.HPD0/HPD1 switch hierarchical permissions off.
  bool hierarchical_disable = false;
  /// FEAT_VMID16: VTCR_EL2.VS selects 16-bit VMIDs.
  bool vmid16 = false;
};

/// What the translation is for.
struct AccessContext {
  Access access = Access::Read;
  /// Exception level whose permissions apply: 0 or 1 (0 for LDTR and STTR at EL1).
  std::uint8_t el = 1;
  /// PSTATE.PAN; meaningful for data accesses at EL1 only.
  bool pan = false;

  friend bool operator==(const AccessContext&, const AccessContext&) = default;
};

enum class FaultKind : std::uint8_t {
  AddressSize,
  Translation,
  AccessFlag,
  Permission,
  ExternalAbort,        ///< on the access itself: nothing answers at the physical address
  ExternalAbortOnWalk,  ///< on the read of a descriptor
  Alignment,
  TlbConflict,
};

/// Why there is no translation.
struct Fault {
  FaultKind kind = FaultKind::Translation;
  /// 1 or 2.
  std::uint8_t stage = 1;
  /// Level of the lookup that failed, 0..3.
  std::uint8_t level = 0;
  /// Stage 2 failed for the address of a stage-1 descriptor (ESR_ELx.S1PTW).
  bool during_stage1_walk = false;
  /// The address that was to be translated.
  std::uint64_t va = 0;
  /// Stage 2 only: the intermediate physical address that failed; the descriptor's when
  /// `during_stage1_walk`.
  std::uint64_t ipa = 0;

  /// DFSC or IFSC (DDI 0487 D24.2.40, "ISS encoding for an exception from a Data Abort").
  [[nodiscard]] constexpr std::uint8_t status_code() const noexcept {
    const auto with_level = [this](unsigned code) {
      return static_cast<std::uint8_t>(code | (level & 3U));
    };
    switch (kind) {
      case FaultKind::AddressSize: return with_level(0b000000);
      case FaultKind::Translation: return with_level(0b000100);
      case FaultKind::AccessFlag: return with_level(0b001000);
      case FaultKind::Permission: return with_level(0b001100);
      case FaultKind::ExternalAbort: return 0b010000;
      case FaultKind::ExternalAbortOnWalk: return with_level(0b010100);
      case FaultKind::Alignment: return 0b100001;
      case FaultKind::TlbConflict: return 0b110000;
    }
    return 0;
  }

  friend bool operator==(const Fault&, const Fault&) = default;
};

/// Where an address leads and what may be done there. The permissions are those of the context's
/// exception level and PAN, both stages combined.
struct Translation {
  std::uint64_t pa = 0;
  std::uint64_t ipa = 0;
  /// Bytes of the naturally aligned block around the address for which all of this holds: the
  /// smaller of the two stages' leaves, 4 KiB at least.
  std::uint64_t page_size = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  /// Device memory in either stage (DDI 0487 D8.6): unaligned accesses fault.
  bool device = false;

  friend bool operator==(const Translation&, const Translation&) = default;
};

/// One descriptor read of a walk, as observers see it.
struct WalkStep {
  enum class Kind : std::uint8_t { Table, Block, Page, Invalid };

  /// 1 or 2.
  std::uint8_t stage = 1;
  std::uint8_t level = 0;
  Kind kind = Kind::Invalid;
  /// Stage 2 only: this read translates the address of a stage-1 descriptor.
  bool during_stage1_walk = false;
  /// The address being translated by this stage: VA for stage 1, IPA for stage 2.
  std::uint64_t input = 0;
  /// Start of the table (IPA for stage 1, PA for stage 2) and the entry read in it.
  std::uint64_t table = 0;
  std::uint32_t index = 0;
  /// The index is input[index_high:index_low].
  std::uint8_t index_high = 0;
  std::uint8_t index_low = 0;
  /// Address of the descriptor: IPA for stage 1 (equal to the PA when stage 2 is off), and PA.
  std::uint64_t descriptor_ipa = 0;
  std::uint64_t descriptor_pa = 0;
  std::uint64_t descriptor = 0;
};

/// Observes nothing, at no cost.
struct NoObserver {
  constexpr void step(const WalkStep&) noexcept {}
};

}  // namespace axvm::sim::aarch64
