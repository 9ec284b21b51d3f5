#pragma once
// Both stages of the EL1&0 walk, descriptor by descriptor (DDI 0487 D8.2). One template serves the
// machine, debuggers and teachers: an observer sees each read, a stage-2 cache may answer for
// stage 2; neither costs anything when it is empty.

#include <bit>
#include <cstdint>
#include <cstring>
#include <expected>
#include <sim/arch/aarch64/stage1.hpp>
#include <sim/arch/aarch64/stage2.hpp>
#include <sim/arch/aarch64/tlb.hpp>
#include <sim/arch/aarch64/translation.hpp>
#include <sim/memory/physical_memory.hpp>

namespace axvm::sim::aarch64 {

/// What the translation registers mean.
struct Regime {
  Stage1 stage1;
  Stage2 stage2;
  std::uint8_t pa_bits = 0;
  TlbTag asid_tag;
  TlbTag global_tag;
  TlbTag stage2_tag;

  Regime() = default;
  Regime(const Registers& registers, const Features& features) noexcept
      : stage1(registers, features),
        stage2(registers, features),
        pa_bits(static_cast<std::uint8_t>(features.pa_bits)),
        asid_tag(TlbTag::of_asid(stage2.vmid, stage1.asid)),
        global_tag(TlbTag::global(stage2.vmid)),
        stage2_tag(TlbTag::stage2(stage2.vmid)) {}
};

/// Answers nothing and remembers nothing.
struct NoStage2Cache {
  static constexpr bool find(std::uint64_t, Stage2Leaf&) noexcept { return false; }
  static constexpr void fill(std::uint64_t, const Stage2Leaf&) noexcept {}
};

inline constexpr Permissions kEverything{.read = true, .write = true, .execute = true};

/// Stage-1 permissions of a leaf for a context; without stage 1 there are no limits.
[[nodiscard]] inline Permissions permissions_of(const Stage1& stage1, const Stage1Leaf& leaf,
                                                AccessContext context) noexcept {
  if (!stage1.enabled) return kEverything;
  return stage1_permissions(leaf.attributes, context.el, context.pan, stage1.wxn);
}

/// Both leaves as a translation for an address and an access, or the permission fault: stage 1's
/// permissions are checked before stage 2's.
[[nodiscard]] inline std::expected<Translation, Fault> combine(std::uint64_t va,
                                                               const Stage1Leaf& first,
                                                               const Permissions& first_permissions,
                                                               const Stage2Leaf& second,
                                                               Access access) noexcept {
  if (!first_permissions.allow(access)) [[unlikely]] {
    return std::unexpected(
        Fault{.kind = FaultKind::Permission, .stage = 1, .level = first.level, .va = va});
  }
  const Permissions second_permissions = second.attributes.permissions();
  if (!second_permissions.allow(access)) [[unlikely]] {
    return std::unexpected(Fault{.kind = FaultKind::Permission,
                                 .stage = 2,
                                 .level = second.level,
                                 .va = va,
                                 .ipa = first.ipa});
  }
  return Translation{.pa = second.pa,
                     .ipa = first.ipa,
                     .page_size = level_size(std::max(first.level, second.level)),
                     .readable = first_permissions.read && second_permissions.read,
                     .writable = first_permissions.write && second_permissions.write,
                     .executable = first_permissions.execute && second_permissions.execute,
                     .device = first.attributes.device() || second.attributes.device()};
}

/// Walks for one regime. `Stage2Cache` has find(ipa, leaf&) and fill(ipa, leaf); `Observer` has
/// step(const WalkStep&). Both are templates' parameters so that the empty ones vanish.
template <class Stage2Cache, class Observer>
class Walker {
 public:
  Walker(const PhysicalMemory& memory, const Regime& regime, Stage2Cache& cache,
         Observer& observer) noexcept
      : memory_(memory), regime_(regime), cache_(cache), observer_(observer) {}

  /// VA to PA; the leaves are what a TLB remembers.
  [[nodiscard]] std::expected<Translation, Fault> translate(std::uint64_t va, AccessContext context,
                                                            Stage1Leaf& first, Stage2Leaf& second) {
    Fault fault;
    if (!stage1(va, first, fault)) [[unlikely]]
      return std::unexpected(fault);
    const Permissions permissions = permissions_of(regime_.stage1, first, context);
    if (permissions.allow(context.access)) [[likely]] {
      if (!stage2(va, first.ipa, false, second, fault)) [[unlikely]]
        return std::unexpected(fault);
    }
    return combine(va, first, permissions, second, context.access);
  }

  /// IPA to PA.
  [[nodiscard]] std::expected<Translation, Fault> translate_ipa(std::uint64_t ipa, Access access) {
    Fault fault;
    Stage2Leaf second;
    if (!stage2(0, ipa, false, second, fault)) return std::unexpected(fault);
    Stage1Leaf first{.ipa = ipa, .level = 0, .attributes = {}};
    first.attributes.memory = kNormalWriteBack;
    return combine(0, first, kEverything, second, access);
  }

  /// VA to IPA; permissions are the caller's business.
  [[nodiscard]] bool stage1(std::uint64_t va, Stage1Leaf& leaf, Fault& fault);

 private:
  static constexpr std::uint64_t kValidTable = 0b11;  // level 3: page
  static constexpr std::uint64_t kValidBlock = 0b01;

  [[nodiscard]] bool stage2(std::uint64_t va, std::uint64_t ipa, bool during_stage1_walk,
                            Stage2Leaf& leaf, Fault& fault);
  [[nodiscard]] bool stage1_flat(std::uint64_t va, Stage1Leaf& leaf, Fault& fault) const noexcept;

  [[nodiscard]] bool read(std::uint64_t pa, std::uint64_t& descriptor) const noexcept {
    const std::uint8_t* p = memory_.at(pa);
    if (p == nullptr) [[unlikely]]
      return false;
    std::memcpy(&descriptor, p, sizeof descriptor);
    return true;
  }
  [[nodiscard]] static WalkStep::Kind kind_of(std::uint64_t descriptor, unsigned level) noexcept {
    const std::uint64_t type = descriptor & 0b11;
    if (type == kValidTable) {
      return level == kLastLevel ? WalkStep::Kind::Page : WalkStep::Kind::Table;
    }
    // The 4 KiB granule has no blocks at level 0.
    const bool block = type == kValidBlock && (level == 1 || level == 2);
    return block ? WalkStep::Kind::Block : WalkStep::Kind::Invalid;
  }
  [[nodiscard]] static std::uint8_t index_high(unsigned level, unsigned start,
                                               unsigned input_bits) noexcept {
    return static_cast<std::uint8_t>(
        (level == start ? input_bits : level_shift(level) + kIndexBits) - 1);
  }

  const PhysicalMemory& memory_;
  const Regime& regime_;
  Stage2Cache& cache_;
  Observer& observer_;
};

template <class Stage2Cache, class Observer>
inline bool Walker<Stage2Cache, Observer>::stage2(std::uint64_t va, std::uint64_t ipa,
                                                  bool during_stage1_walk, Stage2Leaf& leaf,
                                                  Fault& fault) {
  const Stage2& s = regime_.stage2;
  if (!s.enabled) {
    leaf = {.pa = ipa, .level = 0, .attributes = {}};
    return true;
  }
  if (cache_.find(ipa, leaf)) return true;

  const auto fail = [&](FaultKind kind, unsigned level) {
    fault = {.kind = kind,
             .stage = 2,
             .level = static_cast<std::uint8_t>(level),
             .during_stage1_walk = during_stage1_walk,
             .va = va,
             .ipa = ipa};
    return false;
  };
  if (ipa >= s.input_limit) [[unlikely]]
    return fail(FaultKind::Translation, 0);
  if (s.table_oversized) [[unlikely]]
    return fail(FaultKind::AddressSize, 0);

  std::uint64_t table = s.table;
  unsigned level = s.start_level;
  std::uint64_t index = ipa >> level_shift(level);  // concatenated root tables: up to 13 bits
  for (;;) {
    const std::uint64_t address = table + index * 8;
    std::uint64_t descriptor;
    if (!read(address, descriptor)) [[unlikely]] {
      return fail(FaultKind::ExternalAbortOnWalk, level);
    }
    observer_.step({.stage = 2,
                    .level = static_cast<std::uint8_t>(level),
                    .kind = kind_of(descriptor, level),
                    .during_stage1_walk = during_stage1_walk,
                    .input = ipa,
                    .table = table,
                    .index = static_cast<std::uint32_t>(index),
                    .index_high = index_high(level, s.start_level, s.input_bits),
                    .index_low = static_cast<std::uint8_t>(level_shift(level)),
                    .descriptor_ipa = address,
                    .descriptor_pa = address,
                    .descriptor = descriptor});
    const WalkStep::Kind kind = kind_of(descriptor, level);
    if (kind == WalkStep::Kind::Invalid) [[unlikely]]
      return fail(FaultKind::Translation, level);
    if ((descriptor & s.oversize) != 0) [[unlikely]]
      return fail(FaultKind::AddressSize, level);
    if (kind == WalkStep::Kind::Table) {
      table = descriptor & kDescriptorAddress;
      ++level;
      index = (ipa >> level_shift(level)) & ((1U << kIndexBits) - 1);
      continue;
    }
    if ((descriptor & kDescriptorAccessFlag) == 0) [[unlikely]] {
      return fail(FaultKind::AccessFlag, level);
    }
    const std::uint64_t offset = level_size(level) - 1;
    leaf = {.pa = (descriptor & kDescriptorAddress & ~offset) | (ipa & offset),
            .level = static_cast<std::uint8_t>(level),
            .attributes = Stage2Attributes::of_descriptor(descriptor)};
    cache_.fill(ipa, leaf);
    return true;
  }
}

template <class Stage2Cache, class Observer>
inline bool Walker<Stage2Cache, Observer>::stage1(std::uint64_t va, Stage1Leaf& leaf,
                                                  Fault& fault) {
  const Stage1& s = regime_.stage1;
  if (!s.enabled) return stage1_flat(va, leaf, fault);

  const auto fail = [&](FaultKind kind, unsigned level) {
    fault = {.kind = kind, .stage = 1, .level = static_cast<std::uint8_t>(level), .va = va};
    return false;
  };
  const Stage1Half& half = s.half[(va >> 55) & 1];
  const std::uint64_t input = s.significant(va);
  if ((input ^ half.sign) >= half.input_limit) [[unlikely]]
    return fail(FaultKind::Translation, 0);
  if (half.table_oversized) [[unlikely]]
    return fail(FaultKind::AddressSize, 0);

  std::uint64_t table = half.table;
  unsigned level = half.start_level;
  std::uint64_t index = (input & (half.input_limit - 1)) >> level_shift(level);
  std::uint64_t inherited = 0;
  for (;;) {
    const std::uint64_t address = table + index * 8;
    Stage2Leaf where;
    if (!stage2(va, address, true, where, fault)) [[unlikely]]
      return false;
    const bool forbidden =
        !where.attributes.read || (regime_.stage2.protect_walks && where.attributes.device());
    if (forbidden) [[unlikely]] {
      fault = {.kind = FaultKind::Permission,
               .stage = 2,
               .level = where.level,
               .during_stage1_walk = true,
               .va = va,
               .ipa = address};
      return false;
    }
    std::uint64_t descriptor;
    if (!read(where.pa, descriptor)) [[unlikely]] {
      return fail(FaultKind::ExternalAbortOnWalk, level);
    }
    if (s.big_endian) [[unlikely]]
      descriptor = std::byteswap(descriptor);
    const WalkStep::Kind kind = kind_of(descriptor, level);
    observer_.step({.stage = 1,
                    .level = static_cast<std::uint8_t>(level),
                    .kind = kind,
                    .during_stage1_walk = false,
                    .input = input,
                    .table = table,
                    .index = static_cast<std::uint32_t>(index),
                    .index_high = index_high(level, half.start_level, half.input_bits),
                    .index_low = static_cast<std::uint8_t>(level_shift(level)),
                    .descriptor_ipa = address,
                    .descriptor_pa = where.pa,
                    .descriptor = descriptor});
    if (kind == WalkStep::Kind::Invalid) [[unlikely]]
      return fail(FaultKind::Translation, level);
    if ((descriptor & s.oversize) != 0) [[unlikely]]
      return fail(FaultKind::AddressSize, level);
    if (kind == WalkStep::Kind::Table) {
      inherited |= descriptor;
      table = descriptor & kDescriptorAddress;
      ++level;
      index = (input >> level_shift(level)) & ((1U << kIndexBits) - 1);
      continue;
    }
    if ((descriptor & kDescriptorAccessFlag) == 0) [[unlikely]] {
      return fail(FaultKind::AccessFlag, level);
    }
    const std::uint64_t offset = level_size(level) - 1;
    leaf = {.ipa = (descriptor & kDescriptorAddress & ~offset) | (input & offset),
            .level = static_cast<std::uint8_t>(level),
            .attributes = s.attributes(descriptor, half.hierarchical ? inherited : 0)};
    return true;
  }
}

/// SCTLR_EL1.M is 0: the address goes through unless it is wider than a physical address
/// (DDI 0487 D8.2.10).
template <class Stage2Cache, class Observer>
inline bool Walker<Stage2Cache, Observer>::stage1_flat(std::uint64_t va, Stage1Leaf& leaf,
                                                       Fault& fault) const noexcept {
  const Stage1& s = regime_.stage1;
  // Bit 55 is never ignored, so that an address of the upper half is always too wide.
  const std::uint64_t input = s.significant(va);
  if ((input >> regime_.pa_bits) != 0) [[unlikely]] {
    fault = {.kind = FaultKind::AddressSize, .stage = 1, .level = 0, .va = va};
    return false;
  }
  leaf = {.ipa = input, .level = 0, .attributes = {}};
  leaf.attributes.memory = s.flat_memory;
  return true;
}

}  // namespace axvm::sim::aarch64
