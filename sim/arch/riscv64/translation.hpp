#pragma once
// The vocabulary of two-stage address translation (Privileged Architecture, "Supervisor-Level ISA"
// and "Hypervisor Extension"): what is asked, what comes back, and what goes wrong.

#include <cstdint>
#include <sim/arch/riscv64/csr.hpp>

namespace axvm::sim::riscv64 {

/// Store stands for stores, AMOs and SC.
enum class Access : std::uint8_t { Load, Store, Fetch };

/// The registers that two-stage translation depends on.
struct Registers {
  std::uint64_t vsatp = 0;
  std::uint64_t hgatp = 0;
  std::uint64_t henvcfg = 0;

  friend bool operator==(const Registers&, const Registers&) = default;
};

/// What the hart implements beyond the hypervisor extension with Sv39, Sv48 and Sv57, Svnapot and
/// Svade.
struct Features {
  /// Width of physical addresses, 32..56.
  unsigned pa_bits = 56;
  /// menvcfg.PBMTE: the G-stage has Svpbmt, and the VS-stage if henvcfg.PBMTE is set.
  bool pbmt = true;
  /// Those of hgatp.MODE that there are besides Bare: bit n is mode n. Sv39x4, Sv48x4, Sv57x4.
  std::uint16_t g_stage_modes = 7U << 8;
};

/// What the translation is for.
struct AccessContext {
  Access access = Access::Load;
  /// In VU-mode, or as if (HLV and HSV with hstatus.SPVP clear).
  bool user = false;
  /// vsstatus.SUM: VS-mode may load and store where VU-mode may.
  bool sum = false;
  /// vsstatus.MXR: executable pages of the VS-stage may be loaded from.
  bool mxr = false;
  /// HS-level sstatus.MXR: those of both stages.
  bool hs_mxr = false;
  /// HLVX: a load that needs permission to execute instead of to read.
  bool hlvx = false;

  friend bool operator==(const AccessContext&, const AccessContext&) = default;
};

enum class FaultKind : std::uint8_t {
  Page,       ///< the VS-stage
  GuestPage,  ///< the G-stage
  Access,     ///< nothing answers at a physical address
};

/// Why there is no translation.
struct Fault {
  FaultKind kind = FaultKind::Page;
  Access access = Access::Load;
  /// The G-stage failed for the address of a VS-stage table entry: an implicit access.
  bool implicit = false;
  /// Level of the entry that failed, 0..4.
  std::uint8_t level = 0;
  /// The guest virtual address that was to be translated.
  std::uint64_t va = 0;
  /// Guest page faults: the guest physical address that failed; the entry's when `implicit`.
  std::uint64_t gpa = 0;

  [[nodiscard]] constexpr Cause cause() const noexcept {
    using enum Cause;
    constexpr Cause kCauses[3][3] = {
        {LoadPageFault, StorePageFault, InstructionPageFault},
        {LoadGuestPageFault, StoreGuestPageFault, InstructionGuestPageFault},
        {LoadAccessFault, StoreAccessFault, InstructionAccessFault},
    };
    return kCauses[static_cast<unsigned>(kind)][static_cast<unsigned>(access)];
  }

  friend bool operator==(const Fault&, const Fault&) = default;
};

/// What may be done with an address.
struct Permissions {
  bool load = false;
  bool store = false;
  bool fetch = false;

  [[nodiscard]] constexpr bool allow(Access access) const noexcept {
    return access == Access::Load ? load : access == Access::Store ? store : fetch;
  }
};

/// Where an address leads and what may be done there: the context's permissions, both stages
/// combined. A page whose D bit is clear may not be stored to.
struct Translation {
  std::uint64_t pa = 0;
  std::uint64_t gpa = 0;
  /// Bytes of the naturally aligned block around the address for which all of this holds: the
  /// smaller of the two stages' leaves, 4 KiB at least.
  std::uint64_t page_size = 0;
  Permissions permissions;
  /// Svpbmt: not plain main memory (NC or IO) by either stage.
  bool uncached = false;
};

/// One table entry read by a walk, as observers see it.
struct WalkStep {
  enum class Kind : std::uint8_t { Table, Leaf, Invalid };
  enum class Stage : std::uint8_t { Vs, G };

  Stage stage = Stage::Vs;
  std::uint8_t level = 0;
  Kind kind = Kind::Invalid;
  /// G-stage only: this read translates the address of a VS-stage table entry.
  bool implicit = false;
  /// The address being translated by this stage: virtual, or guest physical.
  std::uint64_t input = 0;
  /// Start of the table (guest physical for the VS-stage) and the entry read in it.
  std::uint64_t table = 0;
  std::uint32_t index = 0;
  /// The index is input[index_high:index_low].
  std::uint8_t index_high = 0;
  std::uint8_t index_low = 0;
  /// Address of the entry: guest physical for the VS-stage (else the same as the next), physical.
  std::uint64_t entry_gpa = 0;
  std::uint64_t entry_pa = 0;
  std::uint64_t entry = 0;
};

/// Observes nothing, at no cost.
struct NoObserver {
  constexpr void step(const WalkStep&) noexcept {}
};

}  // namespace axvm::sim::riscv64
