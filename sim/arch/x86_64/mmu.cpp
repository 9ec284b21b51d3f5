#include <algorithm>
#include <sim/arch/x86_64/mmu.hpp>
#include <utility>

namespace axvm::sim::x86_64 {

namespace {

constexpr std::uint64_t start_of(std::uint64_t address, BlockSize size) noexcept {
  return address & ~(block_bytes(size) - 1);
}
constexpr std::uint64_t offset_in(std::uint64_t address, BlockSize size) noexcept {
  return address & (block_bytes(size) - 1);
}

NestedLeaf leaf_of(const TlbEntry& entry, std::uint64_t gpa) noexcept {
  return {.pa = entry.pa | offset_in(gpa, entry.block),
          .level = entry.nested_level,
          .size = entry.nested_block,
          .attributes = entry.nested};
}

TlbEntry nested_entry(std::uint64_t gpa, const NestedLeaf& leaf) noexcept {
  const std::uint64_t start = start_of(gpa, leaf.size);
  return {.input = start,
          .ipa = start,
          .pa = start_of(leaf.pa, leaf.size),
          .block = leaf.size,
          .guest_block = leaf.size,
          .nested_block = leaf.size,
          .guest_level = leaf.level,
          .nested_level = leaf.level,
          .guest = PageAttributes::all(),
          .nested = leaf.attributes};
}

TlbEntry combined_entry(std::uint64_t va, const GuestLeaf& first,
                        const NestedLeaf& second) noexcept {
  const BlockSize block = std::min(first.size, second.size);
  return {.input = start_of(va, block),
          .ipa = start_of(first.gpa, block),
          .pa = start_of(second.pa, block),
          .block = block,
          .guest_block = first.size,
          .nested_block = second.size,
          .guest_level = first.level,
          .nested_level = second.level,
          .guest = first.attributes,
          .nested = second.attributes};
}

/// Whether a nested translation that is remembered will do.
bool will_do(const NestedStage& nested, PageAttributes page, Access access) noexcept {
  return nested.permissions(page).allow(access) && (access != Access::Write || page.dirty());
}

/// Nested translations from the TLB, which remembers nothing.
struct ReadOnlyCache {
  const Tlb& tlb;
  const Regime& regime;
  bool would_fill = false;

  bool find(std::uint64_t gpa, Access access, NestedLeaf& leaf) const noexcept {
    const TlbEntry* const entry = tlb.find(regime.nested_tag, gpa);
    if (entry == nullptr || !will_do(regime.nested, entry->nested, access)) return false;
    leaf = leaf_of(*entry, gpa);
    return true;
  }
  void fill(std::uint64_t, const NestedLeaf&) noexcept { would_fill = true; }
  void refused(std::uint64_t) noexcept { would_fill = true; }
};

/// Counts the entries that walks read.
struct ReferenceCounter {
  Statistics& statistics;
  void step(const WalkStep& step) const noexcept {
    ++(step.stage == WalkStep::Stage::Guest ? statistics.stage1_references
                                            : statistics.stage2_references);
  }
};

Translation resolve(const Regime& regime, const TlbEntry& entry, std::uint64_t va,
                    AccessContext context) noexcept {
  const std::uint64_t offset = offset_in(va, entry.block);
  const GuestLeaf first{.gpa = entry.ipa | offset,
                        .level = entry.guest_level,
                        .size = entry.guest_block,
                        .attributes = entry.guest};
  const NestedLeaf second{.pa = entry.pa | offset,
                          .level = entry.nested_level,
                          .size = entry.nested_block,
                          .attributes = entry.nested};
  return combine(regime, first, second, context);
}

/// Whether `now` permits something less than `before`, in some context.
bool restricts(PageAttributes before, PageAttributes now) noexcept {
  return (before.write() && !now.write()) || before.user() != now.user() ||
         (!before.no_execute() && now.no_execute()) || (before.dirty() && !now.dirty());
}

}  // namespace

/// The same, remembering.
struct Mmu::FillingCache {
  Mmu& mmu;
  const Regime& regime;
  bool hit = false;

  bool find(std::uint64_t gpa, Access access, NestedLeaf& leaf) noexcept {
    hit = ReadOnlyCache{mmu.tlb_, regime}.find(gpa, access, leaf);
    return hit;
  }
  void fill(std::uint64_t gpa, const NestedLeaf& leaf) {
    mmu.remember(regime.nested_tag, gpa, nested_entry(gpa, leaf));
  }
  void refused(std::uint64_t gpa) { mmu.tlb_.drop_ipa(regime.nested.asid, gpa); }
};

Mmu::Mmu(const PhysicalMemory& memory, std::uint32_t tlb_capacity, Statistics& statistics,
         const Features& features)
    : memory_(&memory),
      statistics_(&statistics),
      features_(features),
      tlb_(tlb_capacity, statistics),
      regime_(decoded_, features_) {}

void Mmu::decode() const noexcept {
  regime_ = Regime{registers_, features_};
  decoded_ = registers_;
}

const TlbEntry* Mmu::find_combined(const Regime& r, std::uint64_t va) const noexcept {
  if (!r.guest.enabled()) return nullptr;
  const TlbEntry* const entry = tlb_.find(r.pcid_tag, va);
  return entry != nullptr ? entry : tlb_.find(r.global_tag, va);
}

std::expected<Translation, Fault> Mmu::translate(std::uint64_t va, AccessContext context) {
  const Regime& r = regime();
  va = r.guest.linear(va);
  if (const TlbEntry* const entry = find_combined(r, va)) {
    const Translation t = resolve(r, *entry, va, context);
    if (t.permissions.allow(context.access)) [[likely]] {
      ++statistics_->tlb_hits;
      return t;
    }
  }
  return translate_by_walk(va, context);
}

std::expected<Translation, Fault> Mmu::translate_by_walk(std::uint64_t va, AccessContext context) {
  const Regime& r = regime_;
  FillingCache cache{.mmu = *this, .regime = r};
  ReferenceCounter counter{*statistics_};
  auto tables = updated_tables();
  GuestLeaf first;
  NestedLeaf second;
  auto result = Walker(tables, r, cache, counter).translate(va, context, first, second);
  if (!r.guest.enabled() && cache.hit) {
    ++statistics_->tlb_hits;
  } else if (r.guest.enabled() || r.nested.enabled()) {
    ++statistics_->tlb_misses;
    ++statistics_->walks;
  }
  if (!r.guest.enabled()) return result;
  if (!result) {
    drop_combined(r, va);
    return result;
  }
  const bool global = first.attributes.global();
  tlb_.drop(global ? r.pcid_tag : r.global_tag, va);
  remember(global ? r.global_tag : r.pcid_tag, va, combined_entry(va, first, second));
  return result;
}

std::expected<Translation, Fault> Mmu::translate_gpa(std::uint64_t gpa, Access access) {
  FillingCache cache{.mmu = *this, .regime = regime()};
  ReferenceCounter counter{*statistics_};
  auto tables = updated_tables();
  return Walker(tables, regime_, cache, counter).translate_gpa(gpa, access);
}

std::expected<Translation, Fault> Mmu::translate_without_side_effects(std::uint64_t va,
                                                                      AccessContext context) const {
  const Regime& r = regime();
  va = r.guest.linear(va);
  if (const TlbEntry* const entry = find_combined(r, va)) {
    const Translation t = resolve(r, *entry, va, context);
    if (t.permissions.allow(context.access)) return t;
  }
  ReadOnlyCache cache{.tlb = tlb_, .regime = r};
  NoObserver observer;
  ReadOnlyTables tables(*memory_);
  GuestLeaf first;
  NestedLeaf second;
  return Walker(tables, r, cache, observer).translate(va, context, first, second);
}

std::optional<Translation> Mmu::translate_ahead(std::uint64_t va, AccessContext context) const {
  const Regime& r = regime();
  va = r.guest.linear(va);
  if (r.guest.enabled()) {
    const TlbEntry* const entry = find_combined(r, va);
    if (entry == nullptr) return std::nullopt;  // the result would be remembered
    const Translation t = resolve(r, *entry, va, context);
    return t.permissions.allow(context.access) ? std::optional(t) : std::nullopt;
  }
  ReadOnlyCache cache{.tlb = tlb_, .regime = r};
  NoObserver observer;
  ReadOnlyTables tables(*memory_);
  GuestLeaf first;
  NestedLeaf second;
  const auto result = Walker(tables, r, cache, observer).translate(va, context, first, second);
  if (!result || cache.would_fill) return std::nullopt;
  return *result;
}

void Mmu::remember(TlbTag tag, std::uint64_t input, const TlbEntry& entry) {
  if (const TlbEntry* const known = tlb_.find(tag, input)) {
    if (known->same_place(entry)) {
      restricted_ = restricted_ || restricts(known->guest, entry.guest) ||
                    restricts(known->nested, entry.nested);
      tlb_.amend(tag, entry);
      return;
    }
    tlb_.drop(tag, input);
  }
  tlb_.insert(tag, entry);
}

void Mmu::drop_combined(const Regime& r, std::uint64_t va) {
  tlb_.drop(r.pcid_tag, va);
  tlb_.drop(r.global_tag, va);
}

void Mmu::flush_address_space() { tlb_.drop(regime().pcid_tag); }
void Mmu::flush_guest() { tlb_.drop_stage1(registers_.asid); }
void Mmu::invlpg(std::uint64_t va) {
  const Regime& r = regime();
  drop_combined(r, r.guest.linear(va));
}
void Mmu::invlpga(std::uint64_t va, std::uint16_t asid) { tlb_.drop_all_asids(asid, va); }

void Mmu::tlb_control(unsigned control, std::uint16_t asid) {
  switch (control) {
    case 1: tlb_.clear(); return;
    case 3: tlb_.drop_vmid(asid); return;
    case 7:
      tlb_.drop(TlbTag::stage2(asid));
      for (unsigned pcid = 0; pcid < 4096; ++pcid) {
        tlb_.drop(TlbTag::of_asid(asid, static_cast<std::uint16_t>(pcid)));
      }
      return;
    default: return;
  }
}

bool Mmu::take_forgotten() noexcept {
  const std::uint64_t removals = tlb_.removals().count;
  const bool removed = std::exchange(removals_seen_, removals) != removals;
  return std::exchange(restricted_, false) || removed;
}

void Mmu::describe(StateVisitor& visitor) {
  visitor.field("cr0", registers_.cr0);
  visitor.field("cr3", registers_.cr3);
  visitor.field("cr4", registers_.cr4);
  visitor.field("efer", registers_.efer);
  visitor.value("asid", registers_.asid);
  visitor.value("nested", registers_.nested);
  visitor.field("ncr3", registers_.ncr3);
  visitor.field("host_cr4", registers_.host_cr4);
  visitor.field("host_efer", registers_.host_efer);
  tlb_.describe(visitor);
}

}  // namespace axvm::sim::x86_64
