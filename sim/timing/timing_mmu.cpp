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
    std::uint64_t shifts = 0;
    for (const unsigned shift : tlb.page_shifts) shifts |= 1ULL << shift;
    tlbs.push_back(
        {PageCache(tlb.shape, tlbs.size() + 1), shifts, tlb.cycles, tlb.fetches, tlb.data});
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

void TimingMmu::fill(std::span<Tlb> tlbs, std::uint64_t va, Access access, Translation found) {
  const std::uint64_t offset = va & ((1ULL << found.page_shift) - 1);
  for (Tlb& tlb : tlbs) {
    if (!tlb.serves(access) || !tlb.holds(found.page_shift)) continue;
    tlb.pages.insert(va, found.page_shift, kSpace, found.address - offset);
    return;
  }
}

std::optional<std::uint64_t> TimingMmu::translate(std::uint64_t va, Access access,
                                                  std::uint64_t start, std::uint64_t& ready) {
  const auto address = [va](const PageCache::Entry& entry) {
    return entry.value + (va - entry.page);
  };
  std::uint32_t cycles = 0;
  if (const PageCache::Entry* const entry = find(l1_, va, access, cycles)) {
    ready = start + cycles;
    return address(*entry);
  }
  ++counters_.l1_tlb_refills;
  if (!l2_.empty()) {
    ++counters_.l2_tlb_accesses;
    if (const PageCache::Entry* const entry = find(l2_, va, access, cycles)) {
      ready = start + cycles;
      const std::uint64_t pa = address(*entry);
      fill(l1_, va, access, {pa, entry->shift});
      return pa;
    }
    ++counters_.l2_tlb_refills;
  }
  ++counters_.walks;
  const auto walker = std::ranges::min_element(walkers_);
  const std::uint64_t begin = std::max(start + cycles, *walker);
  std::uint32_t busy = 0;
  const auto found = walker_.walk(va, kSpace, kSpace, busy);
  counters_.walk_cycles += busy;
  ready = *walker = begin + busy;
  if (!found) {
    ++counters_.faults;
    return std::nullopt;
  }
  fill(l1_, va, access, *found);
  fill(l2_, va, access, *found);
  return found->address;
}

std::optional<std::uint64_t> TimingMmu::access(std::uint64_t va, Access access, bool waits) {
  ++counters_.accesses;
  if (access == Access::Fetch) ++counters_.fetches;
  const std::size_t newest = oldest_ == 0 ? data_.size() - 1 : oldest_ - 1;
  begin_ = std::max({begin_ + 1, data_[oldest_], waits ? data_[newest] : 0});
  std::uint64_t ready = begin_;
  const auto pa = translate(va, access, begin_, ready);
  counters_.translation_cycles += ready - begin_;
  if (pa) {
    const MemoryHierarchy::Answer answer = hierarchy_.access(*pa);
    ++counters_.data[static_cast<std::size_t>(answer.level)];
    ready += answer.cycles;
  }
  data_[oldest_] = ready;
  oldest_ = oldest_ + 1 == data_.size() ? 0 : oldest_ + 1;
  end_ = std::max(end_, ready);
  counters_.cycles = end_ - started_;
  return pa;
}

void TimingMmu::reset_counters() noexcept {
  counters_ = {};
  // What is still under way is over: the next access begins on its own.
  begin_ = started_ = end_;
}

void TimingMmu::invalidate_all() {
  const auto all = [](const PageCache::Entry&) { return true; };
  for (Tlb& tlb : l1_) tlb.pages.remove_if(all);
  for (Tlb& tlb : l2_) tlb.pages.remove_if(all);
  walker_.remove_if([](const PageCache::Entry&, unsigned) { return true; });
}

void TimingMmu::invalidate_va(std::uint64_t va, std::uint64_t size) {
  const auto overlaps = [=](const PageCache::Entry& entry) {
    return entry.page < va + size && va < entry.page + (1ULL << entry.shift);
  };
  for (Tlb& tlb : l1_) tlb.pages.remove_if(overlaps);
  for (Tlb& tlb : l2_) tlb.pages.remove_if(overlaps);
  walker_.remove_if(
      [&](const PageCache::Entry& entry, unsigned stage) { return stage == 1 && overlaps(entry); });
}

void TimingMmu::invalidate_ipa(std::uint64_t ipa, std::uint64_t size) {
  // A TLB's entries do not say which intermediate addresses they came by.
  const auto all = [](const PageCache::Entry&) { return true; };
  for (Tlb& tlb : l1_) tlb.pages.remove_if(all);
  for (Tlb& tlb : l2_) tlb.pages.remove_if(all);
  walker_.remove_if([=](const PageCache::Entry& entry, unsigned stage) {
    return stage == 2 && entry.page < ipa + size && ipa < entry.page + (1ULL << entry.shift);
  });
}

}  // namespace axvm::sim::timing
