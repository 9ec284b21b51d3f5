#pragma once
// Both stages of the walk, entry by entry ("Virtual Address Translation Process"; "Two-Stage
// Address Translation"). One template serves the machine, debuggers and teachers: an observer sees
// each read, a G-stage cache may answer for the G-stage; neither costs anything when it is empty.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <expected>
#include <sim/arch/riscv64/stages.hpp>
#include <sim/memory/physical_memory.hpp>
#include <sim/mmu/tlb_tag.hpp>

namespace axvm::sim::riscv64 {

/// What the translation registers mean.
struct Regime {
  VsStage vs;
  GStage g;
  TlbTag asid_tag;
  TlbTag global_tag;
  TlbTag g_tag;

  Regime() = default;
  Regime(const Registers& registers, const Features& features) noexcept
      : vs(registers, features),
        g(registers, features),
        asid_tag(TlbTag::of_asid(g.vmid, vs.asid)),
        global_tag(TlbTag::global(g.vmid)),
        g_tag(TlbTag::stage2(g.vmid)) {}
};

/// Answers nothing and remembers nothing.
struct NoGStageCache {
  static constexpr bool find(std::uint64_t, GLeaf&) noexcept { return false; }
  static constexpr void fill(std::uint64_t, const GLeaf&) noexcept {}
};

inline constexpr Permissions kEverything{.load = true, .store = true, .fetch = true};

/// The VS-stage's permissions of a leaf for a context; without the stage there are no limits.
[[nodiscard]] inline Permissions permissions_of(const VsStage& vs, const VsLeaf& leaf,
                                                AccessContext context) noexcept {
  return vs.enabled() ? vs_permissions(leaf.attributes, context) : kEverything;
}

/// Both leaves as a translation for an address and an access, or the fault: the VS-stage's
/// permissions are checked before the G-stage's.
[[nodiscard]] inline std::expected<Translation, Fault> combine(std::uint64_t va,
                                                               const VsLeaf& first,
                                                               const Permissions& first_permissions,
                                                               const GLeaf& second,
                                                               AccessContext context) noexcept {
  if (!first_permissions.allow(context.access)) [[unlikely]] {
    return std::unexpected(
        Fault{.kind = FaultKind::Page, .access = context.access, .level = first.level, .va = va});
  }
  const Permissions second_permissions = g_permissions(second.attributes, context);
  if (!second_permissions.allow(context.access)) [[unlikely]] {
    return std::unexpected(Fault{.kind = FaultKind::GuestPage,
                                 .access = context.access,
                                 .level = second.level,
                                 .va = va,
                                 .gpa = first.gpa});
  }
  return Translation{
      .pa = second.pa,
      .gpa = first.gpa,
      .page_size = block_bytes(std::min(first.size, second.size)),
      .permissions = {.load = first_permissions.load && second_permissions.load,
                      .store = first_permissions.store && second_permissions.store,
                      .fetch = first_permissions.fetch && second_permissions.fetch},
      .uncached = first.attributes.memory_type() != 0 || second.attributes.memory_type() != 0};
}

/// Walks for one regime. `GStageCache` has find(gpa, leaf&) and fill(gpa, leaf); `Observer` has
/// step(const WalkStep&). Both are template parameters so that the empty ones vanish.
template <class GStageCache, class Observer>
class Walker {
 public:
  Walker(const PhysicalMemory& memory, const Regime& regime, GStageCache& cache,
         Observer& observer) noexcept
      : memory_(memory), regime_(regime), cache_(cache), observer_(observer) {}

  /// Virtual to physical; the leaves are what a TLB remembers.
  [[nodiscard]] std::expected<Translation, Fault> translate(std::uint64_t va, AccessContext context,
                                                            VsLeaf& first, GLeaf& second) {
    Fault fault;
    if (!vs_stage(va, context.access, first, fault)) return std::unexpected(fault);
    const Permissions permissions = permissions_of(regime_.vs, first, context);
    if (permissions.allow(context.access)) [[likely]] {
      const Input input{.va = va, .gpa = first.gpa, .access = context.access};
      if (!g_stage(input, second, fault)) return std::unexpected(fault);
    }
    return combine(va, first, permissions, second, context);
  }

  /// Guest physical to physical.
  [[nodiscard]] std::expected<Translation, Fault> translate_gpa(std::uint64_t gpa, Access access) {
    Fault fault;
    const Input input{.va = 0, .gpa = gpa, .access = access};
    GLeaf second;
    if (!g_stage(input, second, fault)) return std::unexpected(fault);
    const VsLeaf first{.gpa = gpa};
    return combine(0, first, kEverything, second, {.access = access});
  }

 private:
  /// What the G-stage translates, and what for.
  struct Input {
    std::uint64_t va = 0;
    std::uint64_t gpa = 0;
    Access access = Access::Load;
    bool implicit = false;
  };

  [[nodiscard]] bool vs_stage(std::uint64_t va, Access access, VsLeaf& leaf, Fault& fault);
  [[nodiscard]] bool g_stage(const Input& input, GLeaf& leaf, Fault& fault);
  [[nodiscard]] bool g_tables(const Input& input, GLeaf& leaf, Fault& fault);
  /// The physical address of a VS-stage table entry.
  [[nodiscard]] bool locate_entry(const Input& where, std::uint64_t& pa, Fault& fault);

  /// Reads the entry at `pa`; false when no RAM is there.
  [[nodiscard]] bool read(std::uint64_t pa, std::uint64_t& entry) const noexcept {
    const std::uint8_t* const p = memory_.at(pa);
    if (p == nullptr) [[unlikely]]
      return false;
    std::memcpy(&entry, p, sizeof entry);
    return true;
  }

  [[nodiscard]] static constexpr std::uint64_t index_of(std::uint64_t input, unsigned level,
                                                        unsigned end) noexcept {
    return field(input, end - 1, level_shift(level));
  }
  /// Where the index of a level ends: a root's takes all bits that are left.
  [[nodiscard]] static constexpr unsigned index_end(unsigned level, unsigned levels,
                                                    unsigned input_bits) noexcept {
    return level + 1 == levels ? input_bits : level_shift(level + 1);
  }
  /// Where a leaf leads.
  [[nodiscard]] static constexpr std::uint64_t output(PageTableEntry entry, BlockSize size,
                                                      std::uint64_t input) noexcept {
    return entry.output(size) | (input & (block_bytes(size) - 1));
  }

  [[gnu::cold, gnu::noinline]] static bool fail(Fault& fault, FaultKind kind, unsigned level,
                                                const Input& input) noexcept {
    fault = {.kind = kind,
             .access = input.access,
             .implicit = input.implicit,
             .level = static_cast<std::uint8_t>(level),
             .va = input.va,
             .gpa = input.gpa};
    return false;
  }

  const PhysicalMemory& memory_;
  const Regime& regime_;
  GStageCache& cache_;
  Observer& observer_;
};

template <class GStageCache, class Observer>
inline bool Walker<GStageCache, Observer>::g_stage(const Input& input, GLeaf& leaf, Fault& fault) {
  if (!regime_.g.enabled()) {
    leaf = {.pa = input.gpa};
    return true;
  }
  if (cache_.find(input.gpa, leaf)) return true;
  if (!g_tables(input, leaf, fault)) return false;
  // With A clear nothing is permitted: a fault, which no TLB remembers.
  if (leaf.attributes.accessed() && leaf.attributes.user()) cache_.fill(input.gpa, leaf);
  return true;
}

template <class GStageCache, class Observer>
bool Walker<GStageCache, Observer>::g_tables(const Input& input, GLeaf& leaf, Fault& fault) {
  const GStage& g = regime_.g;
  if (!g.in_range(input.gpa)) return fail(fault, FaultKind::GuestPage, g.levels - 1U, input);
  std::uint64_t table = g.root;
  for (unsigned level = g.levels; level-- > 0;) {
    const unsigned end = index_end(level, g.levels, g.input_bits);
    const std::uint64_t index = index_of(input.gpa, level, end);
    const std::uint64_t at = table + index * 8;
    std::uint64_t raw = 0;
    if (!read(at, raw)) return fail(fault, FaultKind::Access, level, input);
    const PageTableEntry entry{raw};
    observer_.step({.stage = WalkStep::Stage::G,
                    .level = static_cast<std::uint8_t>(level),
                    .kind = entry.kind(level, g.pbmt),
                    .implicit = input.implicit,
                    .input = input.gpa,
                    .table = table,
                    .index = static_cast<std::uint32_t>(index),
                    .index_high = static_cast<std::uint8_t>(end - 1),
                    .index_low = static_cast<std::uint8_t>(level_shift(level)),
                    .entry_gpa = at,
                    .entry_pa = at,
                    .entry = raw});
    if (!entry.is_valid(level, g.pbmt)) return fail(fault, FaultKind::GuestPage, level, input);
    if (!entry.is_leaf()) {
      table = entry.table();
      continue;
    }
    if (entry.is_misaligned(level)) {
      return fail(fault, FaultKind::GuestPage, level, input);
    }
    const BlockSize size = entry.block(level);
    leaf = {.pa = output(entry, size, input.gpa),
            .level = static_cast<std::uint8_t>(level),
            .size = size,
            .attributes = LeafAttributes{raw}};
    return true;
  }
  return fail(fault, FaultKind::GuestPage, 0, input);
}

template <class GStageCache, class Observer>
bool Walker<GStageCache, Observer>::locate_entry(const Input& where, std::uint64_t& pa,
                                                 Fault& fault) {
  GLeaf leaf;
  if (!g_stage(where, leaf, fault)) return false;
  // An implicit load of VU-mode's, whatever the access is; MXR does not count.
  if (!g_permissions(leaf.attributes, {.access = Access::Load}).load) {
    return fail(fault, FaultKind::GuestPage, leaf.level, where);
  }
  pa = leaf.pa;
  return true;
}

template <class GStageCache, class Observer>
bool Walker<GStageCache, Observer>::vs_stage(std::uint64_t va, Access access, VsLeaf& leaf,
                                             Fault& fault) {
  const VsStage& vs = regime_.vs;
  if (!vs.enabled()) {
    leaf = {.gpa = va};
    return true;
  }
  Input where{.va = va, .gpa = 0, .access = access};
  if (!vs.is_canonical(va)) return fail(fault, FaultKind::Page, vs.levels - 1U, where);
  std::uint64_t table = vs.root;
  bool global = false;
  for (unsigned level = vs.levels; level-- > 0;) {
    const unsigned end = index_end(level, vs.levels, vs.input_bits);
    const std::uint64_t index = index_of(va, level, end);
    where.gpa = table + index * 8;
    where.implicit = true;
    std::uint64_t at = 0;
    if (!locate_entry(where, at, fault)) return false;
    where.implicit = false;
    std::uint64_t raw = 0;
    if (!read(at, raw)) return fail(fault, FaultKind::Access, level, where);
    const PageTableEntry entry{raw};
    observer_.step({.stage = WalkStep::Stage::Vs,
                    .level = static_cast<std::uint8_t>(level),
                    .kind = entry.kind(level, vs.pbmt),
                    .implicit = false,
                    .input = va,
                    .table = table,
                    .index = static_cast<std::uint32_t>(index),
                    .index_high = static_cast<std::uint8_t>(end - 1),
                    .index_low = static_cast<std::uint8_t>(level_shift(level)),
                    .entry_gpa = where.gpa,
                    .entry_pa = at,
                    .entry = raw});
    where.gpa = 0;
    if (!entry.is_valid(level, vs.pbmt)) return fail(fault, FaultKind::Page, level, where);
    global |= entry.is_global();
    if (!entry.is_leaf()) {
      table = entry.table();
      continue;
    }
    if (entry.is_misaligned(level)) {
      return fail(fault, FaultKind::Page, level, where);
    }
    const BlockSize size = entry.block(level);
    leaf = {.gpa = output(entry, size, va),
            .level = static_cast<std::uint8_t>(level),
            .size = size,
            .attributes = LeafAttributes{raw}};
    if (global) leaf.attributes.make_global();
    return true;
  }
  return fail(fault, FaultKind::Page, 0, where);
}

}  // namespace axvm::sim::riscv64
