#include <algorithm>
#include <sim/timing/timing_mmu.hpp>

namespace axvm::sim::timing {
namespace {

// Address streams know one address space of one VM.
constexpr SpaceNumber kSpace = 1;

}  // namespace

TimingMmu::TimingMmu(const Profile& profile, const PhysicalMemory& memory)
    : hierarchy_(profile.memory),
      walker_(profile, memory, hierarchy_, counters_),
      l1_(make(profile.l1_tlbs)),
      l2_(make(profile.l2_tlbs)),
      data_(profile.outstanding, 0),
      walkers_(profile.walkers, 0) {}

std::vector<TimingMmu::Tlb> TimingMmu::make(const std::vector<TlbProfile>& profiles) {
  std::vector<Tlb> tlbs;
  for (const TlbProfile& tlb : profiles) {
    tlbs.push_back({PageCache(tlb.shape, tlbs.size() + 1), as_bits(tlb.page_shifts), tlb.cycles,
                    tlb.fetches, tlb.data});
  }
  return tlbs;
}

const PageCache::Entry* TimingMmu::find(std::span<Tlb> tlbs, std::uint64_t va, Access access,
                                        std::uint32_t& cycles) noexcept {
  // All parts of a level are looked up at once.
  std::uint32_t slowest = 0;
  for (Tlb& tlb : tlbs) {
    if (!tlb.serves(access)) continue;
    slowest = std::max(slowest, tlb.cycles);
    const PageCache::Entry* const entry = tlb.pages.find(va, kSpace);
    if (entry == nullptr) continue;
    cycles += tlb.cycles;
    return entry;
  }
  cycles += slowest;
  return nullptr;
}

bool TimingMmu::fill(std::span<Tlb> tlbs, std::uint64_t va, Access access, Translation found) {
  const std::uint64_t offset = va & ((1ULL << found.page_shift) - 1);
  for (Tlb& tlb : tlbs) {
    if (!tlb.serves(access) || !tlb.holds(found.page_shift)) continue;
    tlb.pages.insert(va, found.page_shift, kSpace, found.address - offset);
    return true;
  }
  return false;
}

bool TimingMmu::translate(std::uint64_t va, Access access, std::uint64_t& ready,
                          std::uint64_t& pa) {
  const auto use = [&](std::uint64_t page, unsigned shift, std::uint64_t to, std::uint32_t cycles) {
    recent_ = {.page = page,
               .size = 1ULL << shift,
               .pa = to,
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
  ++counters_.l1_tlb_refills;
  if (!l2_.empty()) {
    ++counters_.l2_tlb_accesses;
    if (const PageCache::Entry* const entry = find(l2_, va, access, cycles)) {
      use(entry->page, entry->shift, entry->value, l1_cycles);
      ready += cycles;
      if (!fill(l1_, va, access, {pa, entry->shift})) recent_ = {};
      return true;
    }
    ++counters_.l2_tlb_refills;
  }
  ++counters_.walks;
  const auto walker = std::ranges::min_element(walkers_);
  const std::uint64_t begin = std::max(ready + cycles, *walker);
  std::uint32_t busy = 0;
  const auto found = walker_.walk(va, kSpace, kSpace, busy);
  counters_.walk_cycles += busy;
  ready = *walker = begin + busy;
  if (!found) {
    ++counters_.faults;
    return false;
  }
  const std::uint64_t offset = va & ((1ULL << found->page_shift) - 1);
  use(va - offset, found->page_shift, found->address - offset, l1_cycles);
  if (!fill(l1_, va, access, *found)) recent_ = {};
  static_cast<void>(fill(l2_, va, access, *found));
  return true;
}

void TimingMmu::reset_counters() noexcept {
  counters_ = {};
  // What is still under way is over: the next access begins on its own.
  begin_ = started_ = end_;
}

template <class F>
void TimingMmu::forget_translations(F&& stale) {
  recent_ = {};
  for (Tlb& tlb : l1_) tlb.pages.remove_if(stale);
  for (Tlb& tlb : l2_) tlb.pages.remove_if(stale);
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
