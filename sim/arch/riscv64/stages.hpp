#pragma once
// Both stages as vsatp, hgatp and henvcfg set them up ("Virtual Supervisor Address Translation and
// Protection Register", "Hypervisor Guest Address Translation and Protection Register").

#include <cstdint>
#include <optional>
#include <sim/arch/riscv64/page_table_entry.hpp>
#include <sim/arch/riscv64/translation.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::riscv64 {

/// satp.MODE and hgatp.MODE; the G-stage's formats are the "x4" ones of the same numbers.
enum class Mode : std::uint8_t { Bare = 0, Sv39 = 8, Sv48 = 9, Sv57 = 10 };

/// How many levels a mode's tables have: 0 for Bare; nothing for a mode that there is not.
constexpr std::optional<unsigned> levels_of(std::uint64_t mode) noexcept {
  switch (static_cast<Mode>(mode)) {
    case Mode::Bare: return 0;
    case Mode::Sv39: return 3;
    case Mode::Sv48: return 4;
    case Mode::Sv57: return 5;
  }
  return std::nullopt;
}

/// Whether hgatp.MODE holds `mode`, 0..15.
constexpr bool has_g_stage_mode(const Features& features, std::uint64_t mode) noexcept {
  const auto levels = levels_of(mode);
  return levels && (*levels == 0 || (features.g_stage_modes >> mode & 1) != 0);
}

/// The VS-stage.
struct VsStage {
  /// 0: Bare.
  std::uint8_t levels = 0;
  std::uint8_t input_bits = 0;
  bool pbmt = false;
  std::uint16_t asid = 0;
  /// Guest physical address of the root table.
  std::uint64_t root = 0;

  VsStage() = default;
  constexpr VsStage(const Registers& registers, const Features& features) noexcept
      : levels(static_cast<std::uint8_t>(levels_of(field(registers.vsatp, 63, 60)).value_or(0))),
        input_bits(static_cast<std::uint8_t>(kPageBits + kIndexBits * levels)),
        pbmt(features.pbmt && (registers.henvcfg & envcfg::PBMTE) != 0),
        asid(static_cast<std::uint16_t>(field(registers.vsatp, 59, 44))),
        root(field(registers.vsatp, 43, 0) << kPageBits) {}

  [[nodiscard]] constexpr bool enabled() const noexcept { return levels != 0; }
  /// Bits above the translated ones must be equal to the highest of those.
  [[nodiscard]] constexpr bool is_canonical(std::uint64_t va) const noexcept {
    const unsigned unused = 64U - input_bits;
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(va << unused) >> unused) == va;
  }
};

/// The G-stage: two more bits of input than the VS-stage's modes, by roots of 16 KiB.
struct GStage {
  /// 0: Bare.
  std::uint8_t levels = 0;
  std::uint8_t input_bits = 0;
  bool pbmt = false;
  std::uint16_t vmid = 0;
  /// Physical address of the root table.
  std::uint64_t root = 0;

  GStage() = default;
  constexpr GStage(const Registers& registers, const Features& features) noexcept
      : levels(static_cast<std::uint8_t>(levels_of(field(registers.hgatp, 63, 60)).value_or(0))),
        input_bits(static_cast<std::uint8_t>(kPageBits + kIndexBits * levels + 2)),
        pbmt(features.pbmt),
        vmid(static_cast<std::uint16_t>(field(registers.hgatp, 57, 44))),
        root((field(registers.hgatp, 43, 0) & ~std::uint64_t{3}) << kPageBits) {}

  [[nodiscard]] constexpr bool enabled() const noexcept { return levels != 0; }
  [[nodiscard]] constexpr bool in_range(std::uint64_t gpa) const noexcept {
    return (gpa >> input_bits) == 0;
  }
};

/// Where the VS-stage leads.
struct VsLeaf {
  std::uint64_t gpa = 0;
  std::uint8_t level = 0;
  /// The largest one when the stage is off.
  BlockSize size = BlockSize::Peta;
  LeafAttributes attributes = LeafAttributes::bare();
};

/// Where the G-stage leads.
struct GLeaf {
  std::uint64_t pa = 0;
  std::uint8_t level = 0;
  BlockSize size = BlockSize::Peta;
  LeafAttributes attributes = LeafAttributes::bare();
};

}  // namespace axvm::sim::riscv64
