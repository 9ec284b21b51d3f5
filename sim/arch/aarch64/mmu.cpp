#include <algorithm>
#include <sim/arch/aarch64/memory_attributes.hpp>
#include <sim/arch/aarch64/mmu.hpp>

namespace axvm::sim::aarch64 {

namespace {

constexpr std::uint64_t block_start(std::uint64_t address, unsigned level) noexcept {
  return address & ~(level_size(level) - 1);
}
constexpr std::uint64_t block_offset(std::uint64_t address, unsigned level) noexcept {
  return address & (level_size(level) - 1);
}

/// The address that a TLBI by VA names: its operand has bits 55:12 only.
constexpr std::uint64_t sign_extended(std::uint64_t va) noexcept {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(va << 8) >> 8);
}

Stage2Leaf leaf_of(const TlbEntry& entry, std::uint64_t ipa) noexcept {
  return {.pa = entry.pa | block_offset(ipa, entry.level),
          .level = entry.stage2_level,
          .attributes = entry.stage2};
}

TlbEntry stage2_entry(std::uint64_t ipa, const Stage2Leaf& leaf) noexcept {
  const std::uint64_t start = block_start(ipa, leaf.level);
  return {.input = start,
          .ipa = start,
          .pa = block_start(leaf.pa, leaf.level),
          .level = leaf.level,
          .stage1_level = leaf.level,
          .stage2_level = leaf.level,
          .stage1 = {},
          .stage2 = leaf.attributes};
}

TlbEntry combined_entry(std::uint64_t va, const Stage1Leaf& first,
                        const Stage2Leaf& second) noexcept {
  const std::uint8_t level = std::max(first.level, second.level);
  return {.input = block_start(va, level),
          .ipa = block_start(first.ipa, level),
          .pa = block_start(second.pa, level),
          .level = level,
          .stage1_level = first.level,
          .stage2_level = second.level,
          .stage1 = first.attributes,
          .stage2 = second.attributes};
}

/// Stage 2 through the TLB, which stays as it is.
struct ReadOnlyCache {
  const Tlb& tlb;
  TlbTag tag;

  [[nodiscard]] bool find(std::uint64_t ipa, Stage2Leaf& leaf) const noexcept {
    const TlbEntry* entry = tlb.find(tag, ipa);
    if (entry == nullptr) return false;
    leaf = leaf_of(*entry, ipa);
    return true;
  }
  static void fill(std::uint64_t, const Stage2Leaf&) noexcept {}
};

/// Stage 2 through the TLB, which remembers.
struct FillingCache {
  Tlb& tlb;
  TlbTag tag;
  bool hit = false;

  [[nodiscard]] bool find(std::uint64_t ipa, Stage2Leaf& leaf) noexcept {
    return hit = ReadOnlyCache{tlb, tag}.find(ipa, leaf);
  }
  void fill(std::uint64_t ipa, const Stage2Leaf& leaf) const {
    tlb.insert(tag, stage2_entry(ipa, leaf));
  }
};

/// The same, noting what a FillingCache would do.
struct ForeseeingCache {
  const Tlb& tlb;
  TlbTag tag;
  bool hit = false;
  bool would_fill = false;

  [[nodiscard]] bool find(std::uint64_t ipa, Stage2Leaf& leaf) noexcept {
    return hit = ReadOnlyCache{tlb, tag}.find(ipa, leaf);
  }
  void fill(std::uint64_t, const Stage2Leaf&) noexcept { would_fill = true; }
};

struct ReferenceCounter {
  Statistics& statistics;

  void step(const WalkStep& step) const noexcept {
    ++(step.stage == 1 ? statistics.stage1_references : statistics.stage2_references);
  }
};

const TlbEntry* find_combined(const Tlb& tlb, const Regime& regime, std::uint64_t va) noexcept {
  const TlbEntry* entry = tlb.find(regime.asid_tag, va);
  return entry != nullptr ? entry : tlb.find(regime.global_tag, va);
}

std::expected<Translation, Fault> resolve(const TlbEntry& entry, std::uint64_t va,
                                          AccessContext context, const Stage1& stage1) noexcept {
  const std::uint64_t offset = block_offset(va, entry.level);
  const Stage1Leaf first{
      .ipa = entry.ipa | offset, .level = entry.stage1_level, .attributes = entry.stage1};
  const Stage2Leaf second{
      .pa = entry.pa | offset, .level = entry.stage2_level, .attributes = entry.stage2};
  return combine(va, first, stage1_permissions(entry.stage1, context.el, context.pan, stage1.wxn),
                 second, context.access);
}

/// PAR_EL1 (DDI 0487 D24.2.134).
constexpr std::uint64_t kParReserved = std::uint64_t{1} << 11;

std::uint64_t par_of(const Fault& fault) noexcept {
  return 1U | (std::uint64_t{fault.status_code()} << 1) |
         (fault.during_stage1_walk ? 1U << 8 : 0U) | (fault.stage == 2 ? 1U << 9 : 0U) |
         kParReserved;
}

std::uint64_t par_of(std::uint64_t address, std::uint8_t memory,
                     std::uint8_t shareability) noexcept {
  constexpr std::uint64_t kNonSecure = 1U << 9;
  constexpr std::uint8_t kOuterShareable = 0b10;
  const bool cacheable = (memory & 0xf0) != 0 && memory != 0x44;
  const std::uint64_t reported = cacheable ? shareability : kOuterShareable;
  return (std::uint64_t{memory} << 56) | (address & kDescriptorAddress) | kParReserved |
         kNonSecure | (reported << 7);
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
  ++decodings_;
}

std::expected<Translation, Fault> Mmu::translate(std::uint64_t va, AccessContext context) {
  const Regime& r = regime();
  const std::uint64_t input = r.stage1.significant(va);
  if (r.stage1.enabled) {
    if (const TlbEntry* entry = find_combined(tlb_, r, input)) {
      ++statistics_->tlb_hits;
      auto result = resolve(*entry, input, context, r.stage1);
      if (!result) [[unlikely]]
        result.error().va = va;
      return result;
    }
  }
  return translate_by_walk(va, context);
}

std::expected<Translation, Fault> Mmu::translate_by_walk(std::uint64_t va, AccessContext context) {
  const Regime& r = regime_;
  FillingCache cache{tlb_, r.stage2_tag};
  ReferenceCounter counter{*statistics_};
  Stage1Leaf first;
  Stage2Leaf second;
  auto result = Walker{*memory_, r, cache, counter}.translate(va, context, first, second);
  count_walk(cache.hit);
  if (result && r.stage1.enabled) {
    tlb_.insert(first.attributes.global() ? r.global_tag : r.asid_tag,
                combined_entry(r.stage1.significant(va), first, second));
  }
  return result;
}

void Mmu::count_walk(bool hit) noexcept {
  const bool answered_by_tlb = !regime_.stage1.enabled && hit;
  if (answered_by_tlb) {
    ++statistics_->tlb_hits;
  } else if (regime_.stage1.enabled || regime_.stage2.enabled) {
    ++statistics_->tlb_misses;
    ++statistics_->walks;
  }
}

const Fault* Mmu::foresee_stage2_fault(std::uint64_t va, AccessContext context, FaultMemo& memo) {
  const Regime& r = regime();
  if (memo.va != va || memo.context != context || memo.regime != decodings_ ||
      memo.tlb != tlb_.changes() || !memo.reads_the_same()) [[unlikely]] {
    if (!find_stage2_fault(r, va, context, memo)) return nullptr;
  }
  statistics_->stage1_references += memo.stage1_reads;
  statistics_->stage2_references += memo.count - memo.stage1_reads;
  count_walk(memo.hit);
  return &memo.fault;
}

bool Mmu::find_stage2_fault(const Regime& r, std::uint64_t va, AccessContext context,
                            FaultMemo& memo) const {
  memo.regime = FaultMemo::kNothing;
  // What stage 2 refuses for its permissions alone may be remembered with stage 1; leave it.
  if (r.stage1.enabled && find_combined(tlb_, r, r.stage1.significant(va)) != nullptr) return false;
  ForeseeingCache cache{tlb_, r.stage2_tag};
  MemoWriter writer{memo, *memory_};
  Stage1Leaf first;
  Stage2Leaf second;
  const auto result = Walker{*memory_, r, cache, writer}.translate(va, context, first, second);
  if (result || cache.would_fill || writer.reads() > memo.reads.size()) return false;
  if (result.error().stage != 2 || result.error().during_stage1_walk) return false;
  memo.va = va;
  memo.context = context;
  memo.regime = decodings_;
  memo.tlb = tlb_.changes();
  memo.fault = result.error();
  memo.hit = cache.hit;
  memo.stage1_reads = static_cast<std::uint8_t>(writer.stage1_reads);
  memo.count = static_cast<std::uint8_t>(writer.reads());
  return true;
}

std::expected<Translation, Fault> Mmu::translate_without_side_effects(std::uint64_t va,
                                                                      AccessContext context) const {
  const Regime& r = regime();
  const std::uint64_t input = r.stage1.significant(va);
  if (r.stage1.enabled) {
    if (const TlbEntry* entry = find_combined(tlb_, r, input)) {
      auto result = resolve(*entry, input, context, r.stage1);
      if (!result) result.error().va = va;
      return result;
    }
  }
  ReadOnlyCache cache{tlb_, r.stage2_tag};
  NoObserver observer;
  Stage1Leaf first;
  Stage2Leaf second;
  return Walker{*memory_, r, cache, observer}.translate(va, context, first, second);
}

void Mmu::tlbi_vmalle1(std::uint16_t vmid) {
  tlb_.drop_stage1(vmid);
  tell({.op = TlbMaintenance::Op::VMALLE1, .vmid = vmid});
}

void Mmu::tlbi_aside1(std::uint16_t vmid, std::uint16_t asid) {
  tlb_.drop(TlbTag::of_asid(vmid, asid));
  tell({.op = TlbMaintenance::Op::ASIDE1, .vmid = vmid, .asid = asid});
}

void Mmu::drop(std::uint16_t vmid, std::uint16_t asid, std::uint64_t va) {
  tlb_.drop(TlbTag::of_asid(vmid, asid), va);
  tlb_.drop(TlbTag::global(vmid), va);
}

void Mmu::tlbi_vae1(std::uint16_t vmid, std::uint16_t asid, std::uint64_t va) {
  drop(vmid, asid, sign_extended(va));
  tell({.op = TlbMaintenance::Op::VAE1, .vmid = vmid, .asid = asid, .address = sign_extended(va)});
}

void Mmu::tlbi_vale1(std::uint16_t vmid, std::uint16_t asid, std::uint64_t va) {
  drop(vmid, asid, sign_extended(va));
  tell({.op = TlbMaintenance::Op::VALE1, .vmid = vmid, .asid = asid, .address = sign_extended(va)});
}

void Mmu::tlbi_vaae1(std::uint16_t vmid, std::uint64_t va) {
  tlb_.drop_all_asids(vmid, sign_extended(va));
  tell({.op = TlbMaintenance::Op::VAAE1, .vmid = vmid, .address = sign_extended(va)});
}

void Mmu::tlbi_vaale1(std::uint16_t vmid, std::uint64_t va) {
  tlb_.drop_all_asids(vmid, sign_extended(va));
  tell({.op = TlbMaintenance::Op::VAALE1, .vmid = vmid, .address = sign_extended(va)});
}

void Mmu::tlbi_ipas2e1(std::uint16_t vmid, std::uint64_t ipa) {
  tlb_.drop(TlbTag::stage2(vmid), ipa);
  tell({.op = TlbMaintenance::Op::IPAS2E1, .vmid = vmid, .address = ipa});
}

void Mmu::tlbi_vmalls12e1(std::uint16_t vmid) {
  tlb_.drop_vmid(vmid);
  tell({.op = TlbMaintenance::Op::VMALLS12E1, .vmid = vmid});
}

void Mmu::tlbi_alle1() {
  tlb_.clear();
  tell({.op = TlbMaintenance::Op::ALLE1});
}

std::expected<std::uint64_t, Fault> Mmu::at_s1(std::uint64_t va, unsigned el, bool write) const {
  const Regime& r = regime();
  const AccessContext context{.access = write ? Access::Write : Access::Read,
                              .el = static_cast<std::uint8_t>(el),
                              .pan = false};
  Stage1Leaf leaf;
  const TlbEntry* entry =
      r.stage1.enabled ? find_combined(tlb_, r, r.stage1.significant(va)) : nullptr;
  if (entry != nullptr) {
    leaf = {.ipa = entry->ipa | block_offset(va, entry->level),
            .level = entry->stage1_level,
            .attributes = entry->stage1};
  } else {
    ReadOnlyCache cache{tlb_, r.stage2_tag};
    NoObserver observer;
    Fault fault;
    if (!Walker{*memory_, r, cache, observer}.translate_stage1(va, leaf, fault)) {
      if (fault.stage == 2 || fault.kind == FaultKind::ExternalAbortOnWalk) {
        return std::unexpected(fault);
      }
      return par_of(fault);
    }
  }
  if (!permissions_of(r.stage1, leaf, context).allow(context.access)) {
    return par_of(Fault{.kind = FaultKind::Permission, .stage = 1, .level = leaf.level, .va = va});
  }
  return par_of(leaf.ipa, leaf.attributes.memory(), leaf.attributes.shareability());
}

bool Mmu::is_device_at_stage1(std::uint64_t va, unsigned el) const {
  const auto par = at_s1(va, el, false);
  return par && (*par & 1) == 0 && (*par >> 60) == 0;
}

std::uint64_t Mmu::at_s12(std::uint64_t va, unsigned el, bool write) const {
  const Regime& r = regime();
  const AccessContext context{.access = write ? Access::Write : Access::Read,
                              .el = static_cast<std::uint8_t>(el),
                              .pan = false};
  ReadOnlyCache cache{tlb_, r.stage2_tag};
  NoObserver observer;
  Stage1Leaf first;
  Stage2Leaf second;
  std::expected<Translation, Fault> result;
  const TlbEntry* entry =
      r.stage1.enabled ? find_combined(tlb_, r, r.stage1.significant(va)) : nullptr;
  if (entry != nullptr) {
    first.attributes = entry->stage1;
    second.attributes = entry->stage2;
    result = resolve(*entry, r.stage1.significant(va), context, r.stage1);
  } else {
    result = Walker{*memory_, r, cache, observer}.translate(va, context, first, second);
  }
  if (!result) return par_of(result.error());
  return par_of(
      result->pa, combined_memory(first.attributes.memory(), second.attributes.memory()),
      combined_shareability(first.attributes.shareability(), second.attributes.shareability()));
}

void Mmu::describe(StateVisitor& visitor) {
  visitor.field("sctlr_el1", registers_.sctlr_el1);
  visitor.field("tcr_el1", registers_.tcr_el1);
  visitor.field("ttbr0_el1", registers_.ttbr0_el1);
  visitor.field("ttbr1_el1", registers_.ttbr1_el1);
  visitor.field("mair_el1", registers_.mair_el1);
  visitor.field("hcr_el2", registers_.hcr_el2);
  visitor.field("vtcr_el2", registers_.vtcr_el2);
  visitor.field("vttbr_el2", registers_.vttbr_el2);
  tlb_.describe(visitor);
}

}  // namespace axvm::sim::aarch64
