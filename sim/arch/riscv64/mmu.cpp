#include <algorithm>
#include <sim/arch/riscv64/mmu.hpp>

namespace axvm::sim::riscv64 {

namespace {

constexpr std::uint64_t start_of(std::uint64_t address, BlockSize size) noexcept {
  return address & ~(block_bytes(size) - 1);
}
constexpr std::uint64_t offset_in(std::uint64_t address, BlockSize size) noexcept {
  return address & (block_bytes(size) - 1);
}

GLeaf leaf_of(const TlbEntry& entry, std::uint64_t gpa) noexcept {
  return {.pa = entry.pa | offset_in(gpa, entry.block),
          .level = entry.g_level,
          .size = entry.g_block,
          .attributes = entry.g};
}

TlbEntry g_entry(std::uint64_t gpa, const GLeaf& leaf) noexcept {
  const std::uint64_t start = start_of(gpa, leaf.size);
  return {.input = start,
          .ipa = start,
          .pa = start_of(leaf.pa, leaf.size),
          .block = leaf.size,
          .vs_block = leaf.size,
          .g_block = leaf.size,
          .vs_level = leaf.level,
          .g_level = leaf.level,
          .vs = LeafAttributes::bare(),
          .g = leaf.attributes};
}

TlbEntry combined_entry(std::uint64_t va, const VsLeaf& first, const GLeaf& second) noexcept {
  const BlockSize block = std::min(first.size, second.size);
  return {.input = start_of(va, block),
          .ipa = start_of(first.gpa, block),
          .pa = start_of(second.pa, block),
          .block = block,
          .vs_block = first.size,
          .g_block = second.size,
          .vs_level = first.level,
          .g_level = second.level,
          .vs = first.attributes,
          .g = second.attributes};
}

/// The G-stage through the TLB, which remembers what it walks.
struct FillingCache {
  Tlb& tlb;
  TlbTag tag;
  bool hit = false;

  bool find(std::uint64_t gpa, GLeaf& leaf) noexcept {
    const TlbEntry* const entry = tlb.find(tag, gpa);
    hit = entry != nullptr;
    if (hit) leaf = leaf_of(*entry, gpa);
    return hit;
  }
  void fill(std::uint64_t gpa, const GLeaf& leaf) { tlb.insert(tag, g_entry(gpa, leaf)); }
};

/// The same without remembering.
struct ReadOnlyCache {
  const Tlb& tlb;
  TlbTag tag;
  bool would_fill = false;

  bool find(std::uint64_t gpa, GLeaf& leaf) const noexcept {
    const TlbEntry* const entry = tlb.find(tag, gpa);
    if (entry != nullptr) leaf = leaf_of(*entry, gpa);
    return entry != nullptr;
  }
  void fill(std::uint64_t, const GLeaf&) noexcept { would_fill = true; }
};

/// Counts the entries that walks read.
struct ReferenceCounter {
  Statistics& statistics;
  void step(const WalkStep& step) const noexcept {
    ++(step.stage == WalkStep::Stage::Vs ? statistics.stage1_references
                                         : statistics.stage2_references);
  }
};

std::expected<Translation, Fault> resolve(const TlbEntry& entry, std::uint64_t va,
                                          AccessContext context) noexcept {
  const std::uint64_t offset = offset_in(va, entry.block);
  const VsLeaf first{.gpa = entry.ipa | offset,
                     .level = entry.vs_level,
                     .size = entry.vs_block,
                     .attributes = entry.vs};
  const GLeaf second{.pa = entry.pa | offset,
                     .level = entry.g_level,
                     .size = entry.g_block,
                     .attributes = entry.g};
  return combine(va, first, vs_permissions(entry.vs, context), second, context);
}

constexpr std::uint64_t page_of(std::uint64_t address) noexcept {
  return address >> kPageBits << kPageBits;
}

Fence::Range page_at(std::uint64_t address) noexcept { return {page_of(address), address}; }

/// The pages of [start, start + size); nothing: there are so many that looking at each would take
/// longer than to walk all of them again.
std::optional<Fence::Range> few_pages(std::uint64_t start, std::uint64_t size) noexcept {
  constexpr std::uint64_t kMaxPages = 512;
  const std::uint64_t first = start >> kPageBits;
  const std::uint64_t last = (start + (size - 1)) >> kPageBits;
  if (size == 0 || last < first || last - first >= kMaxPages) return std::nullopt;
  return Fence::Range{first << kPageBits, last << kPageBits};
}

template <class F>
void for_each_page(Fence::Range range, F&& f) {
  for (std::uint64_t page = range.first >> kPageBits; page <= range.last >> kPageBits; ++page) {
    f(page << kPageBits);
  }
}

}  // namespace

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
  if (!r.vs.enabled()) return nullptr;
  const TlbEntry* const entry = tlb_.find(r.asid_tag, va);
  return entry != nullptr ? entry : tlb_.find(r.global_tag, va);
}

std::expected<Translation, Fault> Mmu::translate(std::uint64_t va, AccessContext context) {
  const Regime& r = regime();
  if (const TlbEntry* const entry = find_combined(r, va)) {
    ++statistics_->tlb_hits;
    return resolve(*entry, va, context);
  }
  return translate_by_walk(va, context);
}

std::expected<Translation, Fault> Mmu::translate_by_walk(std::uint64_t va, AccessContext context) {
  const Regime& r = regime_;
  FillingCache cache{.tlb = tlb_, .tag = r.g_tag};
  ReferenceCounter counter{*statistics_};
  VsLeaf first;
  GLeaf second;
  auto result = Walker{*memory_, r, cache, counter}.translate(va, context, first, second);
  if (!r.vs.enabled() && cache.hit) {
    ++statistics_->tlb_hits;
  } else if (r.vs.enabled() || r.g.enabled()) {
    ++statistics_->tlb_misses;
    ++statistics_->walks;
  }
  if (result && r.vs.enabled()) {
    tlb_.insert(first.attributes.global() ? r.global_tag : r.asid_tag,
                combined_entry(va, first, second));
  }
  return result;
}

std::expected<Translation, Fault> Mmu::translate_without_side_effects(std::uint64_t va,
                                                                      AccessContext context) const {
  const Regime& r = regime();
  if (const TlbEntry* const entry = find_combined(r, va)) return resolve(*entry, va, context);
  ReadOnlyCache cache{.tlb = tlb_, .tag = r.g_tag};
  NoObserver observer;
  VsLeaf first;
  GLeaf second;
  return Walker{*memory_, r, cache, observer}.translate(va, context, first, second);
}

std::optional<Translation> Mmu::translate_ahead(std::uint64_t va, AccessContext context) const {
  const Regime& r = regime();
  std::expected<Translation, Fault> result;
  if (const TlbEntry* const entry = find_combined(r, va)) {
    result = resolve(*entry, va, context);
  } else {
    // Both stages' result would be remembered.
    if (r.vs.enabled()) return std::nullopt;
    ReadOnlyCache cache{.tlb = tlb_, .tag = r.g_tag};
    NoObserver observer;
    VsLeaf first;
    GLeaf second;
    result = Walker{*memory_, r, cache, observer}.translate(va, context, first, second);
    if (cache.would_fill) return std::nullopt;
  }
  if (!result) return std::nullopt;
  return *result;
}

void Mmu::drop_vs_stage(std::uint16_t vmid, std::optional<std::uint64_t> va,
                        std::optional<std::uint16_t> asid) {
  if (va && asid) {
    tlb_.drop(TlbTag::of_asid(vmid, *asid), *va);
  } else if (va) {
    tlb_.drop_all_asids(vmid, *va);
  } else if (asid) {
    tlb_.drop(TlbTag::of_asid(vmid, *asid));
  } else {
    tlb_.drop_stage1(vmid);
  }
}

void Mmu::fence_vs_stage(std::uint16_t vmid, std::optional<std::uint64_t> va,
                         std::optional<std::uint16_t> asid) {
  drop_vs_stage(vmid, va, asid);
  tell({.vmid = vmid, .asid = asid, .range = va.transform(page_at)});
}

void Mmu::fence_vs_stage(std::uint16_t vmid, std::uint64_t start, std::uint64_t size,
                         std::optional<std::uint16_t> asid) {
  const auto pages = few_pages(start, size);
  if (!pages) return fence_vs_stage(vmid, std::nullopt, asid);
  for_each_page(*pages, [&](std::uint64_t va) { drop_vs_stage(vmid, va, asid); });
  tell({.vmid = vmid, .asid = asid, .range = pages});
}

void Mmu::fence_g_stage(std::uint16_t vmid, std::optional<std::uint64_t> gpa) {
  if (gpa) {
    tlb_.drop_ipa(vmid, *gpa);
  } else {
    tlb_.drop_vmid(vmid);
  }
  tell({.of_g_stage = true, .vmid = vmid, .range = gpa.transform(page_at)});
}

void Mmu::fence_g_stage(std::uint16_t vmid, std::uint64_t start, std::uint64_t size) {
  const auto pages = few_pages(start, size);
  if (!pages) return fence_g_stage(vmid, std::nullopt);
  for_each_page(*pages, [&](std::uint64_t gpa) { tlb_.drop_ipa(vmid, gpa); });
  tell({.of_g_stage = true, .vmid = vmid, .range = pages});
}

void Mmu::describe(StateVisitor& visitor) {
  visitor.field("vsatp", registers_.vsatp);
  visitor.field("hgatp", registers_.hgatp);
  visitor.field("henvcfg", registers_.henvcfg);
  tlb_.describe(visitor);
}

}  // namespace axvm::sim::riscv64
