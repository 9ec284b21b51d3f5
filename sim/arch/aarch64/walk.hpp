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

/// RAM's first bank as a walk sees it: nearly all tables of nearly all machines. Addresses are
/// added up so that what a walk waits for, the address out of a descriptor, comes last.
class NearMemory {
 public:
  NearMemory(const PhysicalMemory& memory, std::uint64_t output_limit) noexcept {
    const PhysicalMemory::BankMapping& bank = memory.first_bank();
    const std::uint64_t room = output_limit > bank.base ? output_limit - bank.base : 0;
    base_ = bank.base;
    size_ = bank.size;
    frames_ = std::min(bank.size, room) >> kGranuleBits;
    bias_ = reinterpret_cast<std::uintptr_t>(bank.host) - bank.base;
  }

  /// Reads the word at `pa`, a multiple of 8. False: not in this bank.
  [[nodiscard, gnu::always_inline]] bool read(std::uint64_t pa,
                                              std::uint64_t& word) const noexcept {
    if (pa - base_ >= size_) [[unlikely]]
      return false;
    word = load(bias_, pa);
    return true;
  }
  /// Reads the word at `offset` in the table that `descriptor` points to. False: that takes a
  /// closer look. One comparison finds out whether the descriptor is a table, has no other bit set
  /// and points to this bank, in range.
  [[nodiscard, gnu::always_inline]] bool read_table(std::uint64_t descriptor, std::uint64_t offset,
                                                    std::uint64_t& word) const noexcept {
    if (std::rotr(descriptor - (base_ + kTableOrPage), kGranuleBits) >= frames_) [[unlikely]] {
      return false;
    }
    word = load(bias_ - kTableOrPage + offset, descriptor);
    return true;
  }

 private:
  [[gnu::always_inline]] static std::uint64_t load(std::uintptr_t origin,
                                                   std::uint64_t last) noexcept {
    asm("" : "+r"(origin));  // keeps the compiler from adding in another order
    std::uint64_t word;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): one addition is all that the address may cost
    std::memcpy(&word, reinterpret_cast<const std::uint8_t*>(origin + last), sizeof word);
    return word;
  }

  std::uint64_t base_;
  std::uint64_t size_;
  std::uint64_t frames_;  // of the stage's output range; 0 when there are none
  std::uintptr_t bias_;
};

/// Walks for one regime. `Stage2Cache` has find(ipa, leaf&) and fill(ipa, leaf); `Observer` has
/// step(const WalkStep&). Both are template parameters so that the empty ones vanish.
///
/// A cold walk is a chain of dependent loads, so what lies between two loads decides its cost:
/// checks branch away from the chain, the levels of stage 2 are constants and everything is inlined
/// into one function per start level.
template <class Stage2Cache, class Observer>
class Walker {
 public:
  Walker(const PhysicalMemory& memory, const Regime& regime, Stage2Cache& cache,
         Observer& observer) noexcept
      : memory_(memory),
        regime_(regime),
        near_(memory, regime.stage2.masks.output_limit),
        cache_(cache),
        observer_(observer) {}

  /// VA to PA; the leaves are what a TLB remembers.
  [[nodiscard, gnu::always_inline]] std::expected<Translation, Fault> translate(
      std::uint64_t va, AccessContext context, Stage1Leaf& first, Stage2Leaf& second) {
    return by_start([&]<unsigned kStart>() -> std::expected<Translation, Fault> {
      Fault fault;
      if (!stage1<kStart>(va, first, fault)) [[unlikely]]
        return std::unexpected(fault);
      const Permissions permissions = permissions_of(regime_.stage1, first, context);
      if (permissions.allow(context.access)) [[likely]] {
        const Input input{.va = va, .page = first.ipa & ~kPageOffset, .offset = va & kPageOffset};
        if (!stage2<kStart>(input, second, fault)) [[unlikely]]
          return std::unexpected(fault);
      }
      return combine(va, first, permissions, second, context.access);
    });
  }

  /// IPA to PA.
  [[nodiscard]] std::expected<Translation, Fault> translate_ipa(std::uint64_t ipa, Access access) {
    Fault fault;
    const Input input{.va = 0, .page = ipa & ~kPageOffset, .offset = ipa & kPageOffset};
    Stage2Leaf second;
    if (!by_start([&]<unsigned kStart>() { return stage2<kStart>(input, second, fault); })) {
      return std::unexpected(fault);
    }
    const Stage1Leaf first{
        .ipa = ipa, .level = 0, .attributes = Stage1Attributes::flat(kNormalWriteBack)};
    return combine(0, first, kEverything, second, access);
  }

  /// VA to IPA; permissions are the caller's business.
  [[nodiscard]] bool translate_stage1(std::uint64_t va, Stage1Leaf& leaf, Fault& fault) {
    return by_start([&]<unsigned kStart>() { return stage1<kStart>(va, leaf, fault); });
  }

 private:
  static constexpr std::uint64_t kPageOffset = level_size(kLastLevel) - 1;
  static constexpr std::uint64_t kIndexMask = (1U << kIndexBits) - 1;
  /// Stage 2 is off.
  static constexpr unsigned kNoStage2 = 4;

  /// What stage 2 translates: an IPA as page and offset, and what it is for.
  struct Input {
    std::uint64_t va = 0;
    std::uint64_t page = 0;
    std::uint64_t offset = 0;
    bool during_stage1_walk = false;

    [[nodiscard]] std::uint64_t ipa() const noexcept { return page | offset; }
    [[nodiscard]] std::uint64_t index(unsigned level) const noexcept {
      return (page >> level_shift(level)) & kIndexMask;
    }
  };

  /// Calls `walk` with the level at which stage 2 starts as a constant.
  template <class Walk>
  [[gnu::always_inline]] auto by_start(Walk&& walk) {
    if (!regime_.stage2.enabled) return walk.template operator()<kNoStage2>();
    switch (regime_.stage2.start_level) {
      case 0: return walk.template operator()<0>();
      case 1: return walk.template operator()<1>();
      default: return walk.template operator()<2>();
    }
  }

  template <unsigned kStart>
  [[nodiscard]] bool stage1(std::uint64_t va, Stage1Leaf& leaf, Fault& fault);
  template <unsigned kStart>
  [[nodiscard]] bool stage1_tables(std::uint64_t va, Stage1Leaf& leaf, Fault& fault);
  [[nodiscard]] bool stage1_flat(std::uint64_t va, Stage1Leaf& leaf, Fault& fault) const noexcept;
  template <unsigned kStart>
  [[nodiscard]] bool stage2(const Input& input, Stage2Leaf& leaf, Fault& fault);
  /// `descriptor` is entry `index` of `table`.
  template <unsigned kLevel>
  [[nodiscard]] bool stage2_level(const Input& input, std::uint64_t table, std::uint64_t index,
                                  std::uint64_t descriptor, Stage2Leaf& leaf, Fault& fault);

  /// Reads the word at `pa`; false when no RAM is there.
  [[nodiscard, gnu::always_inline]] bool read(std::uint64_t pa,
                                              std::uint64_t& word) const noexcept {
    if (near_.read(pa, word)) [[likely]]
      return true;
    const FarWord far = far_word(memory_, pa);
    word = far.word;
    return far.found;
  }
  struct FarWord {
    std::uint64_t word;
    bool found;
  };
  [[gnu::cold, gnu::noinline]] static FarWord far_word(const PhysicalMemory& memory,
                                                       std::uint64_t pa) noexcept {
    const std::uint8_t* p = memory.at(pa);
    if (p == nullptr) return {.word = 0, .found = false};
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    return {.word = word, .found = true};
  }

  /// By value, so that nothing of the fast path has an address.
  struct Stage2Result {
    Stage2Leaf leaf;
    bool found = false;
  };
  template <unsigned kLevel>
  [[nodiscard]] Stage2Result stage2_unusual(Input input, std::uint64_t descriptor, Fault& fault);

  [[nodiscard, gnu::always_inline]] static bool is_leaf(std::uint64_t descriptor, unsigned level,
                                                        const DescriptorMasks& masks) noexcept {
    // The 4 KiB granule has no blocks at level 0.
    const std::uint64_t type = level == kLastLevel ? kTableOrPage : kBlock;
    return level != 0 && (descriptor & masks.leaf) == (type | kDescriptorAccessFlag);
  }
  [[nodiscard]] static constexpr WalkStep::Kind kind_of(std::uint64_t descriptor,
                                                        unsigned level) noexcept {
    const std::uint64_t type = descriptor & 0b11;
    if (type == kTableOrPage) {
      return level == kLastLevel ? WalkStep::Kind::Page : WalkStep::Kind::Table;
    }
    const bool block = type == kBlock && (level == 1 || level == 2);
    return block ? WalkStep::Kind::Block : WalkStep::Kind::Invalid;
  }
  /// What is wrong with a descriptor that is neither a table nor a leaf.
  [[nodiscard]] static FaultKind fault_of(std::uint64_t descriptor, unsigned level,
                                          const DescriptorMasks& masks) noexcept {
    if (kind_of(descriptor, level) == WalkStep::Kind::Invalid) return FaultKind::Translation;
    return (descriptor & masks.oversize) != 0 ? FaultKind::AddressSize : FaultKind::AccessFlag;
  }
  [[nodiscard]] static std::uint8_t index_high(unsigned level, unsigned start,
                                               unsigned input_bits) noexcept {
    const unsigned end = level == start ? input_bits : level_shift(level) + kIndexBits;
    return static_cast<std::uint8_t>(end - 1);
  }

  [[gnu::cold, gnu::noinline]] static bool fail_stage1(Fault& fault, FaultKind kind, unsigned level,
                                                       std::uint64_t va) noexcept {
    fault = {.kind = kind, .stage = 1, .level = static_cast<std::uint8_t>(level), .va = va};
    return false;
  }
  [[gnu::cold, gnu::noinline]] static bool fail_stage2(Fault& fault, FaultKind kind, unsigned level,
                                                       Input input) noexcept {
    fault = {.kind = kind,
             .stage = 2,
             .level = static_cast<std::uint8_t>(level),
             .during_stage1_walk = input.during_stage1_walk,
             .va = input.va,
             .ipa = input.ipa()};
    return false;
  }

  const PhysicalMemory& memory_;
  const Regime& regime_;
  const NearMemory near_;
  Stage2Cache& cache_;
  Observer& observer_;
};

template <class Stage2Cache, class Observer>
template <unsigned kStart>
[[gnu::always_inline]] inline bool Walker<Stage2Cache, Observer>::stage2(const Input& input,
                                                                         Stage2Leaf& leaf,
                                                                         Fault& fault) {
  if constexpr (kStart == kNoStage2) {
    leaf = {.pa = input.ipa(), .level = 0, .attributes = {}};
    return true;
  } else {
    const Stage2& s = regime_.stage2;
    if (cache_.find(input.ipa(), leaf)) return true;
    if (input.page >= s.input_limit) [[unlikely]] {
      return fail_stage2(fault, FaultKind::Translation, 0, input);
    }
    if (s.table_oversized) [[unlikely]] {
      return fail_stage2(fault, FaultKind::AddressSize, 0, input);
    }
    // Concatenated root tables: the first index has up to 13 bits.
    const std::uint64_t index = input.page >> level_shift(kStart);
    std::uint64_t descriptor;
    if (!read(s.table + index * 8, descriptor)) [[unlikely]] {
      return fail_stage2(fault, FaultKind::ExternalAbortOnWalk, kStart, input);
    }
    if (!stage2_level<kStart>(input, s.table, index, descriptor, leaf, fault)) [[unlikely]] {
      return false;
    }
    cache_.fill(input.ipa(), leaf);
    return true;
  }
}

template <class Stage2Cache, class Observer>
template <unsigned kLevel>
[[gnu::always_inline]] inline bool Walker<Stage2Cache, Observer>::stage2_level(
    const Input& input, std::uint64_t table, std::uint64_t index, std::uint64_t descriptor,
    Stage2Leaf& leaf, Fault& fault) {
  const Stage2& s = regime_.stage2;
  observer_.step({.stage = 2,
                  .level = kLevel,
                  .kind = kind_of(descriptor, kLevel),
                  .during_stage1_walk = input.during_stage1_walk,
                  .input = input.ipa(),
                  .table = table,
                  .index = static_cast<std::uint32_t>(index),
                  .index_high = index_high(kLevel, s.start_level, s.input_bits),
                  .index_low = level_shift(kLevel),
                  .descriptor_ipa = table + index * 8,
                  .descriptor_pa = table + index * 8,
                  .descriptor = descriptor});
  if constexpr (kLevel < kLastLevel) {
    const std::uint64_t next = input.index(kLevel + 1);
    std::uint64_t word;
    if (near_.read_table(descriptor, next * 8, word)) [[likely]] {
      return stage2_level<kLevel + 1>(input, descriptor & kDescriptorAddress, next, word, leaf,
                                      fault);
    }
  }
  if (!is_leaf(descriptor, kLevel, s.masks)) [[unlikely]] {
    const Stage2Result result = stage2_unusual<kLevel>(input, descriptor, fault);
    leaf = result.leaf;
    return result.found;
  }
  constexpr std::uint64_t kOffset = level_size(kLevel) - 1;
  leaf = {
      .pa = ((input.page & kOffset) | input.offset) + (descriptor & kDescriptorAddress & ~kOffset),
      .level = kLevel,
      .attributes = Stage2Attributes{descriptor}};
  return true;
}

/// A descriptor that is neither a leaf in range nor a near table: a table descriptor with
/// software's bits set or one that points to another bank, which the walk follows, or a fault.
template <class Stage2Cache, class Observer>
template <unsigned kLevel>
[[gnu::cold, gnu::noinline]] inline auto Walker<Stage2Cache, Observer>::stage2_unusual(
    Input input, std::uint64_t descriptor, Fault& fault) -> Stage2Result {
  Stage2Result result{};
  const DescriptorMasks& masks = regime_.stage2.masks;
  if constexpr (kLevel < kLastLevel) {
    const std::uint64_t table = descriptor & kDescriptorAddress;
    const std::uint64_t index = input.index(kLevel + 1);
    if ((descriptor & (kTableOrPage | masks.oversize)) == kTableOrPage) {
      std::uint64_t word;
      result.found = read(table + index * 8, word)
                         ? stage2_level<kLevel + 1>(input, table, index, word, result.leaf, fault)
                         : fail_stage2(fault, FaultKind::ExternalAbortOnWalk, kLevel + 1, input);
      return result;
    }
  }
  result.found = fail_stage2(fault, fault_of(descriptor, kLevel, masks), kLevel, input);
  return result;
}

template <class Stage2Cache, class Observer>
template <unsigned kStart>
[[gnu::always_inline]] inline bool Walker<Stage2Cache, Observer>::stage1(std::uint64_t va,
                                                                         Stage1Leaf& leaf,
                                                                         Fault& fault) {
  return regime_.stage1.enabled ? stage1_tables<kStart>(va, leaf, fault)
                                : stage1_flat(va, leaf, fault);
}

template <class Stage2Cache, class Observer>
template <unsigned kStart>
[[gnu::always_inline]] inline bool Walker<Stage2Cache, Observer>::stage1_tables(std::uint64_t va,
                                                                                Stage1Leaf& leaf,
                                                                                Fault& fault) {
  const Stage1& s = regime_.stage1;
  const Stage1Half& half = s.half[(va >> 55) & 1];
  const std::uint64_t significant = s.significant(va);
  if ((significant ^ half.sign) >= half.input_limit) [[unlikely]] {
    return fail_stage1(fault, FaultKind::Translation, 0, va);
  }
  if (half.table_oversized) [[unlikely]] {
    return fail_stage1(fault, FaultKind::AddressSize, 0, va);
  }

  unsigned level = half.start_level;
  unsigned shift = level_shift(level);
  std::uint64_t table = half.table;
  std::uint64_t index = (significant & (half.input_limit - 1)) >> shift;
  // A root of less than 512 entries lies anywhere in its frame.
  std::uint64_t page = table & ~kPageOffset;
  std::uint64_t offset = (table & kPageOffset) + index * 8;
  std::uint64_t inherited = 0;
  for (;;) {
    const Input where{.va = va, .page = page, .offset = offset, .during_stage1_walk = true};
    Stage2Leaf found;
    if (!stage2<kStart>(where, found, fault)) [[unlikely]]
      return false;
    if (!found.attributes.permissions().read ||
        (regime_.stage2.protect_walks && found.attributes.device())) [[unlikely]] {
      return fail_stage2(fault, FaultKind::Permission, found.level, where);
    }
    std::uint64_t descriptor;
    if (!read(found.pa, descriptor)) [[unlikely]] {
      return fail_stage1(fault, FaultKind::ExternalAbortOnWalk, level, va);
    }
    if (s.big_endian) [[unlikely]]
      descriptor = std::byteswap(descriptor);
    observer_.step({.stage = 1,
                    .level = static_cast<std::uint8_t>(level),
                    .kind = kind_of(descriptor, level),
                    .during_stage1_walk = false,
                    .input = significant,
                    .table = table,
                    .index = static_cast<std::uint32_t>(index),
                    .index_high = index_high(level, half.start_level, half.input_bits),
                    .index_low = static_cast<std::uint8_t>(shift),
                    .descriptor_ipa = page + offset,
                    .descriptor_pa = found.pa,
                    .descriptor = descriptor});
    const bool table_in_range =
        level != kLastLevel && (descriptor & (kTableOrPage | s.masks.oversize)) == kTableOrPage;
    if (table_in_range) {
      inherited |= descriptor;
      ++level;
      shift -= kIndexBits;
      table = page = descriptor & kDescriptorAddress;
      index = (significant >> shift) & kIndexMask;
      offset = index * 8;
      continue;
    }
    if (!is_leaf(descriptor, level, s.masks)) [[unlikely]] {
      return fail_stage1(fault, fault_of(descriptor, level, s.masks), level, va);
    }
    const std::uint64_t in_leaf = (std::uint64_t{1} << shift) - 1;
    leaf = {.ipa = (descriptor & kDescriptorAddress & ~in_leaf) | (significant & in_leaf),
            .level = static_cast<std::uint8_t>(level),
            .attributes = Stage1Attributes{descriptor, half.hierarchical ? inherited : 0, s.mair}};
    return true;
  }
}

/// SCTLR_EL1.M is 0: the address goes through unless it is wider than a physical address
/// (AArch64.S1DisabledOutput in the pseudocode).
template <class Stage2Cache, class Observer>
inline bool Walker<Stage2Cache, Observer>::stage1_flat(std::uint64_t va, Stage1Leaf& leaf,
                                                       Fault& fault) const noexcept {
  const Stage1& s = regime_.stage1;
  // With TBI the top byte is bit 55 repeated, which is an address bit: the upper half stays too
  // wide.
  const std::uint64_t input = s.significant(va);
  if ((input >> regime_.pa_bits) != 0) [[unlikely]] {
    return fail_stage1(fault, FaultKind::AddressSize, 0, va);
  }
  leaf = {.ipa = input, .level = 0, .attributes = Stage1Attributes::flat(s.flat_memory)};
  return true;
}

}  // namespace axvm::sim::aarch64
