#include <algorithm>
#include <lab/leaf_plan.hpp>
#include <lab/number_set.hpp>
#include <lab/random.hpp>
#include <map>
#include <utility>

namespace axvm::lab {
namespace {

using sim::timing::TableFormat;

unsigned highest(const std::vector<LeafShare>& leaves) {
  return std::ranges::max(leaves, {}, &LeafShare::height).height;
}

unsigned choose(const std::vector<LeafShare>& leaves, Random& random) {
  std::uint64_t dice = leaves.size() > 1 ? random.below(100) : 0;
  for (const LeafShare& share : leaves) {
    if (dice < share.percent) return share.height;
    dice -= share.percent;
  }
  return leaves.back().height;
}

// Of tables, but for the root, that map [first, first + size) by leaves of tables at `height`.
std::uint64_t tables_between(const TableFormat& format, unsigned height, std::uint64_t first,
                             std::uint64_t size) {
  std::uint64_t count = 0;
  for (unsigned h = height; h + 1 < format.levels; ++h) {
    const unsigned shift = format.entry_shift(h + 1);
    count += ((first + size - 1) >> shift) - (first >> shift) + 1;
  }
  return count;
}

}  // namespace

LeafPlan::LeafPlan(const TableFormat& format, const GuestMemory& memory)
    : format_(&format),
      memory_(memory),
      region_(1ULL << format.entry_shift(highest(memory.leaves))),
      size_(memory.size) {
  if (!memory.pages.empty()) {
    plan_touched();
  } else if (memory.fragmentation > 0) {
    in_order([&](const Leaf& leaf) { leaves_.push_back(leaf); });
  }
  if (memory.fragmentation > 0) scatter();
  by_va_ = leaves_;
  std::ranges::sort(by_va_, {}, &Leaf::va);
}

std::uint64_t LeafPlan::memory_needed(const TableFormat& format, const GuestMemory& memory) {
  // A leaf is here twice; a region of a trace is a node of a map, a leaf there of a set, and a page
  // is in three lists.
  constexpr std::uint64_t kOfLeaf = 2 * sizeof(Leaf);
  constexpr std::uint64_t kOfRegion = 64 + NumberSet::kNodeBytes + 3 * sizeof(std::uint64_t);
  if (!memory.pages.empty()) return memory.pages.size() * (kOfLeaf + kOfRegion);
  if (memory.fragmentation == 0) return 0;
  const unsigned lowest = std::ranges::min(memory.leaves, {}, &LeafShare::height).height;
  return (memory.size >> format.entry_shift(lowest)) * kOfLeaf;
}

void LeafPlan::in_order(const std::function<void(const Leaf&)>& map) const {
  Random random(memory_.seed);
  for (std::uint64_t at = 0; at < memory_.size; at += region_) {
    const unsigned height = choose(memory_.leaves, random);
    for (std::uint64_t part = 0; part < region_; part += 1ULL << format_->entry_shift(height)) {
      map({memory_.first + at + part, memory_.ipa + at + part, height});
    }
  }
}

// A region gets memory and its leaves' size when it is touched first, a leaf is mapped likewise.
void LeafPlan::plan_touched() {
  struct Region {
    std::uint64_t ipa;
    unsigned height;
  };
  Random random(memory_.seed);
  std::map<std::uint64_t, Region> regions;
  NumberSet mapped;
  size_ = 0;
  for (const std::uint64_t page : memory_.pages) {
    const std::uint64_t base = page & ~(region_ - 1);
    auto region = regions.find(base);
    if (region == regions.end()) {
      const unsigned height = choose(memory_.leaves, random);
      region = regions.emplace(base, Region{memory_.ipa + size_, height}).first;
      size_ += region_;
    }
    const unsigned height = region->second.height;
    const std::uint64_t va = page & ~((1ULL << format_->entry_shift(height)) - 1);
    // No two regions share a leaf, so that its first page names it.
    if (!mapped.add(va >> 12)) continue;
    leaves_.push_back({va, region->second.ipa + (va - base), height});
  }
}

void LeafPlan::scatter() {
  Random random(memory_.seed + 1);
  std::map<unsigned, std::vector<std::size_t>> chosen;  // by height
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    if (random.below(100) < memory_.fragmentation) chosen[leaves_[i].height].push_back(i);
  }
  for (auto& [height, list] : chosen) {
    for (std::size_t i = list.size(); i > 1; --i) {
      std::swap(leaves_[list[i - 1]].ipa, leaves_[list[random.below(i)]].ipa);
    }
  }
}

void LeafPlan::for_each(const std::function<void(const Leaf&)>& map) const {
  if (leaves_.empty()) {
    in_order(map);
  } else {
    std::ranges::for_each(leaves_, map);
  }
}

std::uint64_t LeafPlan::tables_size() const {
  const std::uint64_t table = format_->table_size();
  std::uint64_t tables = 0;
  if (memory_.pages.empty()) {
    const unsigned lowest = std::ranges::min(memory_.leaves, {}, &LeafShare::height).height;
    tables = tables_between(*format_, lowest, memory_.first, memory_.size);
  } else {
    for (unsigned h = 0; h + 1 < format_->levels; ++h) {
      std::uint64_t last = ~0ULL;
      for (const Leaf& leaf : by_va_) {
        const std::uint64_t number = leaf.va >> format_->entry_shift(h + 1);
        if (h >= leaf.height && number != last) ++tables, last = number;
      }
    }
  }
  return (format_->root_size() + table - 1) / table * table + tables * table;
}

std::uint64_t LeafPlan::ipa_of(std::uint64_t va) const {
  if (by_va_.empty()) return va - memory_.first + memory_.ipa;
  const auto above = std::ranges::upper_bound(by_va_, va, {}, &Leaf::va);
  const Leaf& leaf = *std::prev(above);
  return leaf.ipa + (va - leaf.va);
}

}  // namespace axvm::lab
