#pragma once
// Both stages as CR0, CR3, CR4, EFER and the VMCB set them up (APM Vol. 2 5.1, 15.25).

#include <cstdint>
#include <sim/arch/x86_64/page_table_entry.hpp>
#include <sim/arch/x86_64/registers.hpp>
#include <sim/arch/x86_64/translation.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::x86_64 {

inline constexpr Permissions kEverything{.read = true, .write = true, .fetch = true};

/// The guest's paging.
struct GuestStage {
  EntryFormat format;
  bool wp = false;
  bool smep = false;
  bool smap = false;
  bool global_pages = false;
  /// Error codes say of fetches that they are.
  bool tells_fetches = false;
  /// 0 without CR4.PCIDE.
  std::uint16_t pcid = 0;
  /// Guest physical address of the root table.
  std::uint64_t root = 0;

  GuestStage() = default;
  constexpr GuestStage(const Registers& r, const Features& features) noexcept
      : format{.mode = mode_of(r),
               .pse = (r.cr4 & cr4::PSE) != 0,
               .nxe = (r.efer & efer::NXE) != 0,
               .pa_bits = static_cast<std::uint8_t>(features.pa_bits)},
        wp((r.cr0 & cr0::WP) != 0),
        smep((r.cr4 & cr4::SMEP) != 0),
        smap((r.cr4 & cr4::SMAP) != 0),
        global_pages((r.cr4 & cr4::PGE) != 0),
        tells_fetches(smep || (format.nxe && (r.cr4 & cr4::PAE) != 0)),
        pcid((r.cr4 & cr4::PCIDE) != 0 ? static_cast<std::uint16_t>(r.cr3 & 0xfff) : 0),
        root(root_of(format.mode, r.cr3)) {}

  [[nodiscard]] constexpr PagingMode mode() const noexcept { return format.mode; }
  [[nodiscard]] constexpr bool enabled() const noexcept { return mode() != PagingMode::None; }
  [[nodiscard]] constexpr bool is_canonical(std::uint64_t va) const noexcept {
    if (!is_long(mode())) return true;
    const unsigned unused = 64U - input_bits(mode());
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(va << unused) >> unused) == va;
  }
  /// The linear address that is meant: 32 bits outside long mode.
  [[nodiscard]] constexpr std::uint64_t linear(std::uint64_t va) const noexcept {
    return is_long(mode()) ? va : va & 0xffff'ffff;
  }

  /// What is permitted in a context, D aside (5.6).
  [[nodiscard]] constexpr Permissions permissions(PageAttributes page,
                                                  AccessContext c) const noexcept {
    if (!enabled()) return kEverything;
    if (c.user && !c.implicit) {
      return {.read = page.user(),
              .write = page.user() && page.write(),
              .fetch = page.user() && !page.no_execute()};
    }
    const bool data = !smap || !page.user() || (c.ac && !c.implicit);
    return {.read = data,
            .write = data && (page.write() || !wp),
            .fetch = !page.no_execute() && !(smep && page.user())};
  }
  /// #PF's error code, but for P and RSV.
  [[nodiscard]] constexpr std::uint64_t error(AccessContext c) const noexcept {
    return (c.access == Access::Write ? page_fault::W : 0) |
           (c.user && !c.implicit ? page_fault::U : 0) |
           (c.access == Access::Fetch && tells_fetches ? page_fault::ID : 0);
  }

 private:
  static constexpr PagingMode mode_of(const Registers& r) noexcept {
    if ((r.cr0 & cr0::PG) == 0) return PagingMode::None;
    if ((r.cr4 & cr4::PAE) == 0) return PagingMode::Legacy32;
    if ((r.efer & efer::LMA) == 0) return PagingMode::Pae;
    return (r.cr4 & cr4::LA57) != 0 ? PagingMode::Long5 : PagingMode::Long4;
  }
  static constexpr std::uint64_t root_of(PagingMode mode, std::uint64_t cr3) noexcept {
    switch (mode) {
      case PagingMode::None: return 0;
      case PagingMode::Legacy32: return cr3 & 0xffff'f000;
      case PagingMode::Pae: return cr3 & 0xffff'ffe0;
      default: return cr3 & 0x000f'ffff'ffff'f000;
    }
  }
};

/// The nested tables, in the mode of a hypervisor in long mode (15.25.3).
struct NestedStage {
  EntryFormat format;
  std::uint16_t asid = 0;
  /// Physical address of the root table.
  std::uint64_t root = 0;

  NestedStage() = default;
  constexpr NestedStage(const Registers& r, const Features& features) noexcept
      : format{.mode = !r.nested                       ? PagingMode::None
                       : (r.host_cr4 & cr4::LA57) != 0 ? PagingMode::Long5
                                                       : PagingMode::Long4,
               .nxe = (r.host_efer & efer::NXE) != 0,
               .pa_bits = static_cast<std::uint8_t>(features.pa_bits)},
        asid(r.asid),
        root(r.ncr3 & 0x000f'ffff'ffff'f000) {}

  [[nodiscard]] constexpr PagingMode mode() const noexcept { return format.mode; }
  [[nodiscard]] constexpr bool enabled() const noexcept { return mode() != PagingMode::None; }
  [[nodiscard]] constexpr bool in_range(std::uint64_t gpa) const noexcept {
    return (gpa >> input_bits(mode())) == 0;
  }
  /// All accesses are user's (15.25.5). D aside.
  [[nodiscard]] constexpr Permissions permissions(PageAttributes page) const noexcept {
    if (!enabled()) return kEverything;
    return {.read = page.user(),
            .write = page.user() && page.write(),
            .fetch = page.user() && !page.no_execute()};
  }
  /// EXITINFO1, but for P and RSV. The guest's tables are written, whatever the access is
  /// (15.25.6).
  [[nodiscard]] constexpr std::uint64_t error(Access access, bool of_tables) const noexcept {
    const std::uint64_t where = of_tables ? page_fault::kTables : page_fault::kFinal;
    return where | page_fault::U | (access == Access::Write ? page_fault::W : 0) |
           (access == Access::Fetch && format.nxe ? page_fault::ID : 0);
  }
};

/// Where the guest's paging leads.
struct GuestLeaf {
  std::uint64_t gpa = 0;
  std::uint8_t level = 0;
  BlockSize size = BlockSize::All;
  PageAttributes attributes = PageAttributes::all();
};

/// Where the nested tables lead.
struct NestedLeaf {
  std::uint64_t pa = 0;
  std::uint8_t level = 0;
  BlockSize size = BlockSize::All;
  PageAttributes attributes = PageAttributes::all();
};

}  // namespace axvm::sim::x86_64
