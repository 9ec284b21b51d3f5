#pragma once
// Both stages of the walk, entry by entry (APM Vol. 2 5.3, 15.25.5). One template serves the
// machine, debuggers and teachers: an observer sees each read, a cache may answer for the nested
// stage, and the tables are given their A and D or left alone.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <expected>
#include <sim/arch/x86_64/stages.hpp>
#include <sim/memory/physical_memory.hpp>
#include <sim/mmu/tlb_tag.hpp>

namespace axvm::sim::x86_64 {

/// What the translation registers mean. A guest's ASID stands for its physical address space, a
/// PCID for one of its linear ones.
struct Regime {
  GuestStage guest;
  NestedStage nested;
  TlbTag pcid_tag;
  TlbTag global_tag;
  TlbTag nested_tag;

  Regime() = default;
  Regime(const Registers& registers, const Features& features) noexcept
      : guest(registers, features),
        nested(registers, features),
        pcid_tag(TlbTag::of_asid(nested.asid, guest.pcid)),
        global_tag(TlbTag::global(nested.asid)),
        nested_tag(TlbTag::stage2(nested.asid)) {}
};

/// Answers nothing and remembers nothing.
struct NoNestedCache {
  static constexpr bool find(std::uint64_t, Access, NestedLeaf&) noexcept { return false; }
  static constexpr void fill(std::uint64_t, const NestedLeaf&) noexcept {}
  static constexpr void refused(std::uint64_t) noexcept {}
};

/// Reads tables. Where no RAM is, nobody answers: all bits are ones.
class ReadOnlyTables {
 public:
  explicit ReadOnlyTables(const PhysicalMemory& memory) noexcept : memory_(&memory) {}

  [[nodiscard]] std::uint64_t read(std::uint64_t pa, unsigned bytes) const noexcept {
    std::uint64_t entry = bytes == 4 ? 0xffff'ffff : ~std::uint64_t{0};
    const std::uint8_t* const p = memory_->at(pa);
    if (p != nullptr) [[likely]] {
      entry = 0;
      std::memcpy(&entry, p, bytes);
    }
    return entry;
  }
  static constexpr bool set(std::uint64_t, unsigned, std::uint64_t) noexcept { return false; }

 protected:
  const PhysicalMemory* memory_;
};

/// Sets A and D as the processor does (5.4.2), and tells `written(pa)` of it.
template <class Written>
class UpdatedTables : public ReadOnlyTables {
 public:
  UpdatedTables(const PhysicalMemory& memory, Written written) noexcept
      : ReadOnlyTables(memory), written_(written) {}

  /// The entry at `pa` gets bits that it lacks; true when it has them now.
  bool set(std::uint64_t pa, unsigned bytes, std::uint64_t bits) {
    std::uint8_t* const p = memory_->at(pa);
    if (p == nullptr) return false;
    std::uint64_t entry = read(pa, bytes);
    if ((entry & bits) == bits) return true;
    entry |= bits;
    std::memcpy(p, &entry, bytes);
    written_(pa);
    return true;
  }

 private:
  Written written_;
};

/// Both leaves as a translation.
[[nodiscard]] inline Translation combine(const Regime& regime, const GuestLeaf& first,
                                         const NestedLeaf& second, AccessContext context) noexcept {
  Permissions permissions = regime.guest.permissions(first.attributes, context) &
                            regime.nested.permissions(second.attributes);
  const bool dirty = (first.attributes.dirty() || !regime.guest.enabled()) &&
                     (second.attributes.dirty() || !regime.nested.enabled());
  permissions.write = permissions.write && dirty;
  return {.pa = second.pa,
          .gpa = first.gpa,
          .page_size = block_bytes(std::min(first.size, second.size)),
          .permissions = permissions};
}

/// Walks for one regime. `Tables` is one of those above, `NestedCache` has find(gpa, access,
/// leaf&), fill(gpa, leaf) and refused(gpa); `Observer` has step(const WalkStep&).
template <class Tables, class NestedCache, class Observer>
class Walker {
 public:
  Walker(Tables& tables, const Regime& regime, NestedCache& cache, Observer& observer) noexcept
      : tables_(tables), regime_(regime), cache_(cache), observer_(observer) {}

  /// Linear to physical; the leaves are what a TLB remembers.
  [[nodiscard]] std::expected<Translation, Fault> translate(std::uint64_t va, AccessContext context,
                                                            GuestLeaf& first, NestedLeaf& second) {
    Fault fault;
    va = regime_.guest.linear(va);
    if (!guest_stage(va, context, first, fault)) return std::unexpected(fault);
    const Input input{.va = va, .gpa = first.gpa, .access = context.access};
    if (!nested_stage(input, second, fault)) return std::unexpected(fault);
    return combine(regime_, first, second, context);
  }

  /// Guest physical to physical.
  [[nodiscard]] std::expected<Translation, Fault> translate_gpa(std::uint64_t gpa, Access access) {
    Fault fault;
    NestedLeaf second;
    const Input input{.gpa = gpa, .access = access};
    if (!nested_stage(input, second, fault)) return std::unexpected(fault);
    Regime flat = regime_;
    flat.guest = {};
    return combine(flat, {.gpa = gpa}, second, {.access = access});
  }

 private:
  /// What the nested stage translates, and what for.
  struct Input {
    std::uint64_t va = 0;
    std::uint64_t gpa = 0;
    Access access = Access::Read;
    bool of_tables = false;
  };
  /// The entries that a walk has used, for their A and D.
  struct Path {
    struct Place {
      std::uint64_t pa;
      std::uint64_t entry;
    };
    Place places[kMaxLevels];
    unsigned count = 0;

    void add(std::uint64_t pa, std::uint64_t entry) noexcept { places[count++] = {pa, entry}; }
  };

  [[nodiscard]] bool guest_stage(std::uint64_t va, AccessContext context, GuestLeaf& leaf,
                                 Fault& fault);
  [[nodiscard]] bool nested_stage(const Input& input, NestedLeaf& leaf, Fault& fault);
  [[nodiscard]] bool nested_tables(const Input& input, NestedLeaf& leaf, Fault& fault);

  /// A in all entries used, D in the leaf for a write. True when the leaf is dirty now.
  bool mark(const Path& path, PagingMode mode, bool write) {
    const unsigned bytes = entry_bytes(mode);
    bool dirty = false;
    for (unsigned n = 0; n < path.count; ++n) {
      const bool leaf = n + 1 == path.count;
      const auto& place = path.places[n];
      const std::uint64_t d = leaf && write ? PageTableEntry::kDirty : 0;
      const bool set = tables_.set(place.pa, bytes, PageTableEntry::kAccessed | d);
      dirty = (place.entry & PageTableEntry::kDirty) != 0 || (d != 0 && set);
    }
    return dirty;
  }

  /// Reads the entry of one level and shows it.
  struct Where {
    WalkStep::Stage stage;
    unsigned level;
    bool of_tables;
    std::uint64_t input;
    std::uint64_t table;
    std::uint64_t index;
    std::uint64_t gpa;
    std::uint64_t pa;
  };
  [[nodiscard]] std::uint64_t read(const Where& w, const EntryFormat& format) {
    const std::uint64_t raw = tables_.read(w.pa, entry_bytes(format.mode));
    const unsigned low = level_shift(format.mode, w.level);
    observer_.step(
        {.stage = w.stage,
         .level = static_cast<std::uint8_t>(w.level),
         .kind = PageTableEntry(raw, format, w.level).kind(),
         .of_tables = w.of_tables,
         .input = w.input,
         .table = w.table,
         .index = static_cast<std::uint32_t>(w.index),
         .index_high = static_cast<std::uint8_t>(low + index_bits(format.mode, w.level) - 1),
         .index_low = static_cast<std::uint8_t>(low),
         .entry_gpa = w.gpa,
         .entry_pa = w.pa,
         .entry = raw});
    return raw;
  }
  [[nodiscard]] static constexpr std::uint64_t index_of(std::uint64_t input, PagingMode mode,
                                                        unsigned level) noexcept {
    const unsigned low = level_shift(mode, level);
    return field(input, low + index_bits(mode, level) - 1, low);
  }

  [[gnu::cold, gnu::noinline]] bool fail_page(Fault& fault, unsigned level, std::uint64_t va,
                                              AccessContext context,
                                              std::uint64_t error) const noexcept {
    fault = {.kind = FaultKind::Page,
             .level = static_cast<std::uint8_t>(level),
             .error = error | regime_.guest.error(context),
             .va = va};
    return false;
  }
  [[gnu::cold, gnu::noinline]] bool fail_nested(Fault& fault, unsigned level, const Input& input,
                                                std::uint64_t error) const noexcept {
    fault = {.kind = FaultKind::NestedPage,
             .level = static_cast<std::uint8_t>(level),
             .error = error | regime_.nested.error(input.access, input.of_tables),
             .va = input.va,
             .gpa = input.gpa};
    return false;
  }

  Tables& tables_;
  const Regime& regime_;
  NestedCache& cache_;
  Observer& observer_;
};

template <class Tables, class NestedCache, class Observer>
inline bool Walker<Tables, NestedCache, Observer>::nested_stage(const Input& input,
                                                                NestedLeaf& leaf, Fault& fault) {
  if (!regime_.nested.enabled()) {
    leaf = {.pa = input.gpa};
    return true;
  }
  if (cache_.find(input.gpa, input.access, leaf)) return true;
  if (!nested_tables(input, leaf, fault)) {
    cache_.refused(input.gpa);
    return false;
  }
  cache_.fill(input.gpa, leaf);
  return true;
}

template <class Tables, class NestedCache, class Observer>
bool Walker<Tables, NestedCache, Observer>::nested_tables(const Input& input, NestedLeaf& leaf,
                                                          Fault& fault) {
  const NestedStage& nested = regime_.nested;
  const PagingMode mode = nested.mode();
  const unsigned levels = levels_of(mode);
  if (!nested.in_range(input.gpa)) return fail_nested(fault, levels - 1, input, 0);
  Path path;
  PageAttributes attributes = PageAttributes::all();
  std::uint64_t table = nested.root;
  for (unsigned level = levels; level-- > 0;) {
    const std::uint64_t index = index_of(input.gpa, mode, level);
    const std::uint64_t at = table + index * 8;
    const std::uint64_t raw = read({.stage = WalkStep::Stage::Nested,
                                    .level = level,
                                    .of_tables = input.of_tables,
                                    .input = input.gpa,
                                    .table = table,
                                    .index = index,
                                    .gpa = at,
                                    .pa = at},
                                   nested.format);
    const PageTableEntry entry(raw, nested.format, level);
    if (!entry.is_present()) return fail_nested(fault, level, input, 0);
    if (entry.has_reserved_bits()) {
      return fail_nested(fault, level, input, page_fault::P | page_fault::RSV);
    }
    path.add(at, raw);
    attributes.restrict(raw);
    table = entry.address();
    if (!entry.is_leaf()) continue;
    if (!nested.permissions(attributes).allow(input.access)) {
      return fail_nested(fault, level, input, page_fault::P);
    }
    const BlockSize size = block_of(mode, level);
    attributes.set_dirty(mark(path, mode, input.access == Access::Write));
    leaf = {.pa = table | (input.gpa & (block_bytes(size) - 1)),
            .level = static_cast<std::uint8_t>(level),
            .size = size,
            .attributes = attributes};
    return true;
  }
  return fail_nested(fault, 0, input, 0);
}

template <class Tables, class NestedCache, class Observer>
bool Walker<Tables, NestedCache, Observer>::guest_stage(std::uint64_t va, AccessContext context,
                                                        GuestLeaf& leaf, Fault& fault) {
  const GuestStage& guest = regime_.guest;
  if (!guest.enabled()) {
    leaf = {.gpa = va};
    return true;
  }
  if (!guest.is_canonical(va)) {
    fault = {.kind = FaultKind::NonCanonical, .va = va};
    return false;
  }
  const PagingMode mode = guest.mode();
  const unsigned bytes = entry_bytes(mode);
  Path path;
  PageAttributes attributes = PageAttributes::all();
  std::uint64_t table = guest.root;
  for (unsigned level = levels_of(mode); level-- > 0;) {
    const std::uint64_t index = index_of(va, mode, level);
    // As a write, whatever the access is: the entry's A may have to be set (15.25.6).
    const Input where{
        .va = va, .gpa = table + index * bytes, .access = Access::Write, .of_tables = true};
    NestedLeaf located;
    if (!nested_stage(where, located, fault)) return false;
    const std::uint64_t raw = read({.stage = WalkStep::Stage::Guest,
                                    .level = level,
                                    .of_tables = false,
                                    .input = va,
                                    .table = table,
                                    .index = index,
                                    .gpa = where.gpa,
                                    .pa = located.pa},
                                   guest.format);
    const PageTableEntry entry(raw, guest.format, level);
    if (!entry.is_present()) return fail_page(fault, level, va, context, 0);
    if (entry.has_reserved_bits()) {
      return fail_page(fault, level, va, context, page_fault::P | page_fault::RSV);
    }
    table = entry.address();
    if (entry.is_of_pae_root()) continue;
    path.add(located.pa, raw);
    attributes.restrict(raw);
    if (!entry.is_leaf()) continue;
    if (!guest.permissions(attributes, context).allow(context.access)) {
      return fail_page(fault, level, va, context, page_fault::P);
    }
    const BlockSize size = block_of(mode, level);
    attributes.set_dirty(mark(path, mode, context.access == Access::Write));
    if (guest.global_pages && entry.is_global()) attributes.set_global();
    leaf = {.gpa = table | (va & (block_bytes(size) - 1)),
            .level = static_cast<std::uint8_t>(level),
            .size = size,
            .attributes = attributes};
    return true;
  }
  return fail_page(fault, 0, va, context, 0);
}

}  // namespace axvm::sim::x86_64
