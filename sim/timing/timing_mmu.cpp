#include <algorithm>
#include <bit>
#include <sim/timing/timing_mmu.hpp>

namespace axvm::sim::timing {
TimingMmu::TimingMmu(const Profile& profile, const PhysicalMemory& memory)
    : hierarchy_(profile.memory),
      walker_(profile, memory, hierarchy_, counters_),
      foresight_(memory, hierarchy_, walker_),
      l1_(make(profile.l1_tlbs)),
      l2_(make(profile.l2_tlbs)),
      data_(profile.outstanding, 0),
      clock_{.data = data_},
      walkers_(profile.walkers, 0) {
  for (const Tlb& tlb : l1_) split_ &= !(tlb.fetches && tlb.data);
  const auto coalesces = [](const Tlb& tlb) { return tlb.coalesce_bits > 0; };
  walker_.look_beside(std::ranges::any_of(l1_, coalesces) || std::ranges::any_of(l2_, coalesces));
}

std::vector<TimingMmu::Tlb> TimingMmu::make(const std::vector<TlbProfile>& profiles) {
  std::vector<Tlb> tlbs;
  tlbs.reserve(profiles.size());
  for (const TlbProfile& tlb : profiles) {
    tlbs.push_back({PageCache(tlb.shape, tlbs.size() + 1), as_bits(tlb.page_shifts), tlb.cycles,
                    tlb.fetches, tlb.data, tlb.fracture,
                    static_cast<unsigned>(std::countr_zero(tlb.coalesce))});
  }
  return tlbs;
}

const PageCache::Entry* TimingMmu::find(std::span<Tlb> tlbs, std::uint64_t va, Access access,
                                        std::uint32_t& cycles) const noexcept {
  // All parts of a level are looked up at once.
  std::uint32_t slowest = 0;
  for (Tlb& tlb : tlbs) {
    if (!tlb.serves(access)) continue;
    slowest = std::max(slowest, tlb.cycles);
    const PageCache::Entry* entry = tlb.pages.find(va, spaces_.asid);
    if (entry == nullptr && spaces_.global != spaces_.asid) {
      entry = tlb.pages.find(va, spaces_.global);
    }
    if (entry == nullptr) continue;
    cycles += tlb.cycles;
    return entry;
  }
  cycles += slowest;
  return nullptr;
}

unsigned TimingMmu::Tlb::entry_shift(const Translation& found) const noexcept {
  if (shifts == 0 || (shifts >> found.page_shift & 1) != 0) {
    return std::min(found.run_shift, found.page_shift + coalesce_bits);
  }
  const std::uint64_t smaller = shifts & ((1ULL << found.page_shift) - 1);
  if (!fracture || smaller == 0) return 0;
  return static_cast<unsigned>(std::bit_width(smaller)) - 1;
}

unsigned TimingMmu::fill(std::span<Tlb> tlbs, std::uint64_t va, Access access, Translation found,
                         SpaceNumber space) {
  Tlb* best = nullptr;
  unsigned shift = 0;
  for (Tlb& tlb : tlbs) {
    if (!tlb.serves(access)) continue;
    const unsigned own = tlb.entry_shift(found);
    if (own > shift) best = &tlb, shift = own;
  }
  if (best == nullptr) return 0;
  const std::uint64_t offset = va & ((1ULL << shift) - 1);
  best->pages.insert(va, shift, space, found.address - offset, std::min(found.page_shift, shift),
                     found.leaf_shift);
  return shift;
}

bool TimingMmu::translate(std::uint64_t va, Access access, std::uint64_t& ready,
                          std::uint64_t& pa) {
  const auto use = [&](std::uint64_t page, unsigned shift, std::uint64_t to, std::uint32_t cycles) {
    recent_ = {.page = page,
               .size = 1ULL << shift,
               .distance = to - page,
               .cycles = cycles,
               .fetch = access == Access::Fetch};
    pa = to + (va - page);
  };
  std::uint32_t cycles = 0;
  if (const PageCache::Entry* const entry = find(l1_, va, access, cycles)) {
    use(entry->page, entry->shift, entry->value, cycles);
    ready += cycles;
    return true;
  }
  const std::uint32_t l1_cycles = cycles;
  // What the first level has of it is what was used last.
  const auto keep = [&](const Translation& found, SpaceNumber space) {
    const unsigned shift = fill(l1_, va, access, found, space);
    const std::uint64_t offset = va & ((1ULL << shift) - 1);
    use(va - offset, shift, found.address - offset, l1_cycles);
    if (shift == 0) recent_ = {};
  };
  ++counters_.l1_tlb_refills;
  if (!l2_.empty()) {
    ++counters_.l2_tlb_accesses;
    if (const PageCache::Entry* const entry = find(l2_, va, access, cycles)) {
      pa = entry->value + (va - entry->page);
      keep({.address = pa,
            .page_shift = entry->page_shift,
            .run_shift = entry->shift,
            .leaf_shift = entry->leaf_shift},
           entry->space);
      ready += cycles;
      return true;
    }
    ++counters_.l2_tlb_refills;
  }
  ++counters_.walks;
  const auto walker = std::ranges::min_element(walkers_);
  const std::uint64_t begin = std::max(ready + cycles, *walker);
  std::uint32_t busy = 0;
  const auto found = walker_.walk(va, spaces_.asid, spaces_.vm, busy);
  counters_.walk_cycles += busy;
  ready = *walker = begin + busy;
  if (!found) {
    ++counters_.faults;
    return false;
  }
  const SpaceNumber space = found->global ? spaces_.global : spaces_.asid;
  keep(*found, space);
  static_cast<void>(fill(l2_, va, access, *found, space));
  return true;
}

bool TimingMmu::translate_fetch(std::uint64_t va, std::uint64_t& ready, std::uint64_t& pa) {
  const Recent data = recent_;
  const std::uint64_t l1_refills = counters_.l1_tlb_refills;
  const std::uint64_t l2_accesses = counters_.l2_tlb_accesses;
  const std::uint64_t l2_refills = counters_.l2_tlb_refills;
  const std::uint64_t walks = counters_.walks;
  const bool found = translate(va, Access::Fetch, ready, pa);
  counters_.fetch_l1_tlb_refills += counters_.l1_tlb_refills - l1_refills;
  counters_.fetch_l2_tlb_accesses += counters_.l2_tlb_accesses - l2_accesses;
  counters_.fetch_l2_tlb_refills += counters_.l2_tlb_refills - l2_refills;
  counters_.fetch_walks += counters_.walks - walks;
  if (split_) recent_ = data;
  return found;
}

void TimingMmu::fetch(std::uint64_t va) {
  ++counters_.fetches;
  std::uint64_t ready = clock_.begin;
  std::uint64_t pa = 0;
  const std::uint64_t refills = counters_.l1_tlb_refills;
  const bool found = translate_fetch(va, ready, pa);
  counters_.translation_cycles += ready - clock_.begin;
  bool waits = counters_.l1_tlb_refills != refills;
  if (found) {
    const MemoryHierarchy::Answer answer = hierarchy_.fetch(pa);
    ++counters_.fetched[static_cast<std::size_t>(answer.level)];
    ready += answer.cycles;
    waits |= answer.level != Level::L1;
  }
  clock_.wait_until(waits ? ready : 0);
}

void TimingMmu::refuse(std::uint64_t va, Access access) {
  ++counters_.refused;
  std::uint64_t ready = clock_.begin;
  std::uint64_t pa = 0;
  if (access == Access::Fetch) {
    translate_fetch(va, ready, pa);
  } else {
    translate(va, access, ready, pa);
  }
  counters_.translation_cycles += ready - clock_.begin;
  // An abort is taken when it is known.
  clock_.wait_until(ready);
}

void TimingMmu::reset_counters() noexcept {
  counters_ = {};
  nowhere_ = 0;
  // What is still under way is over: the next access begins on its own.
  clock_.begin = started_ = clock_.end;
}

void TimingMmu::invalidate_all() {
  forget_translations([](const PageCache::Entry&) { return true; });
  walker_.remove_if([](const PageCache::Entry&, unsigned) { return true; });
}

void TimingMmu::invalidate_va(std::uint64_t va, std::uint64_t size) {
  forget_translations([=](const PageCache::Entry& entry) { return entry.overlaps(va, size); });
  walker_.remove_if([=](const PageCache::Entry& entry, unsigned stage) {
    return stage == 1 && entry.overlaps(va, size);
  });
}

void TimingMmu::invalidate_ipa(std::uint64_t ipa, std::uint64_t size) {
  // A TLB's entries do not say which intermediate addresses they came by.
  forget_translations([](const PageCache::Entry&) { return true; });
  walker_.remove_if([=](const PageCache::Entry& entry, unsigned stage) {
    return stage == 2 && entry.overlaps(ipa, size);
  });
}

}  // namespace axvm::sim::timing
