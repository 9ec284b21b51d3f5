#pragma once
// The vocabulary of two-stage address translation (APM Vol. 2, chapter 5 and 15.25): what is asked,
// what comes back, and what goes wrong.

#include <cstdint>

namespace axvm::sim::x86_64 {

enum class Access : std::uint8_t { Read, Write, Fetch };

/// What two-stage translation depends on: the guest's registers, its VMCB, and what the hypervisor
/// had in its own registers at VMRUN.
struct Registers {
  std::uint64_t cr0 = 0;
  std::uint64_t cr3 = 0;
  std::uint64_t cr4 = 0;
  std::uint64_t efer = 0;
  /// The guest's ASID; 0 is the host's.
  std::uint16_t asid = 0;
  /// NP_ENABLE: guest physical addresses are translated, by tables at `ncr3`.
  bool nested = false;
  std::uint64_t ncr3 = 0;
  /// LA57 decides the depth of the nested tables, NXE whether they may forbid execution.
  std::uint64_t host_cr4 = 0;
  std::uint64_t host_efer = 0;

  friend bool operator==(const Registers&, const Registers&) = default;
};

/// What the processor implements beyond NX, pages of 1 GiB, five levels and PCID.
struct Features {
  /// Width of physical addresses, 36..52; what is above in entries is reserved.
  unsigned pa_bits = 52;
};

/// What the translation is for.
struct AccessContext {
  Access access = Access::Read;
  /// At CPL 3.
  bool user = false;
  /// By the processor for its own sake (descriptor tables, task state): supervisor's whatever CPL
  /// is, and SMAP is not lifted by RFLAGS.AC.
  bool implicit = false;
  /// RFLAGS.AC: lifts SMAP.
  bool ac = false;

  friend bool operator==(const AccessContext&, const AccessContext&) = default;
};

enum class FaultKind : std::uint8_t {
  NonCanonical,  ///< no address: #GP, or #SS by way of SS
  Page,          ///< #PF
  NestedPage,    ///< #VMEXIT(NPF)
};

/// Bits of a page fault's error code, and of a nested one's (APM Vol. 2 8.4.2, 15.25.6).
namespace page_fault {
inline constexpr std::uint64_t P = 1ULL << 0;    ///< an entry was present, but forbids it
inline constexpr std::uint64_t W = 1ULL << 1;    ///< a write
inline constexpr std::uint64_t U = 1ULL << 2;    ///< by user
inline constexpr std::uint64_t RSV = 1ULL << 3;  ///< a reserved bit was set
inline constexpr std::uint64_t ID = 1ULL << 4;   ///< a fetch
/// Of nested faults: for the address that the guest's tables lead to, or that one of their entries
/// has.
inline constexpr std::uint64_t kFinal = 1ULL << 32;
inline constexpr std::uint64_t kTables = 1ULL << 33;
}  // namespace page_fault

/// Why there is no translation.
struct Fault {
  FaultKind kind = FaultKind::Page;
  /// Level of the entry that failed, 0..4.
  std::uint8_t level = 0;
  /// #PF's error code; EXITINFO1 of a nested fault.
  std::uint64_t error = 0;
  /// The linear address that was to be translated: CR2.
  std::uint64_t va = 0;
  /// Nested faults: the guest physical address that failed, EXITINFO2.
  std::uint64_t gpa = 0;

  friend bool operator==(const Fault&, const Fault&) = default;
};

/// What may be done with an address.
struct Permissions {
  bool read = false;
  bool write = false;
  bool fetch = false;

  [[nodiscard]] constexpr bool allow(Access access) const noexcept {
    return access == Access::Read ? read : access == Access::Write ? write : fetch;
  }
  friend constexpr Permissions operator&(const Permissions& a, const Permissions& b) noexcept {
    return {.read = a.read && b.read, .write = a.write && b.write, .fetch = a.fetch && b.fetch};
  }
  friend bool operator==(const Permissions&, const Permissions&) = default;
};

/// Where an address leads and what may be done there: the context's permissions, both stages
/// combined. What is not dirty may not be written: the next write walks, and makes it so.
struct Translation {
  std::uint64_t pa = 0;
  std::uint64_t gpa = 0;
  /// Bytes of the naturally aligned block around the address for which all of this holds: the
  /// smaller of the two stages' pages, 4 KiB at least.
  std::uint64_t page_size = 0;
  Permissions permissions;
};

/// One table entry read by a walk, as observers see it; before the walk sets its A and D.
struct WalkStep {
  enum class Kind : std::uint8_t { Table, Leaf, Invalid };
  enum class Stage : std::uint8_t { Guest, Nested };

  Stage stage = Stage::Guest;
  std::uint8_t level = 0;
  Kind kind = Kind::Invalid;
  /// Nested only: this read translates the address of an entry of the guest's.
  bool of_tables = false;
  /// The address being translated by this stage: linear, or guest physical.
  std::uint64_t input = 0;
  /// Start of the table (guest physical for the guest's) and the entry read in it.
  std::uint64_t table = 0;
  std::uint32_t index = 0;
  /// The index is input[index_high:index_low].
  std::uint8_t index_high = 0;
  std::uint8_t index_low = 0;
  /// Address of the entry: guest physical for the guest's (else the same as the next), physical.
  std::uint64_t entry_gpa = 0;
  std::uint64_t entry_pa = 0;
  std::uint64_t entry = 0;
};

/// Observes nothing, at no cost.
struct NoObserver {
  constexpr void step(const WalkStep&) noexcept {}
};

}  // namespace axvm::sim::x86_64
