#pragma once
// The strict TLB: remembers every completed translation until an instruction invalidates it, and
// nothing else makes it forget but its capacity. So a missing invalidation shows as a stale
// translation, every time.

#include <algorithm>
#include <cstdint>
#include <map>
#include <sim/cpu/statistics.hpp>
#include <sim/mmu/tlb_tag.hpp>
#include <sim/state.hpp>
#include <vector>

namespace axvm::sim {

/// An architecture's `Entry` is one remembered translation: of both stages combined, or of the
/// second stage only. It has
///
/// * kSizes, shift(size): how many sizes of block there are, and log2 of their bytes, ascending;
/// * input: the start of the block translated; ipa: where the first stage leads it (second-stage
///   entries: the input);
/// * size(): its block's, the smaller of both stages' leaves; first_size(), second_size(): of the
///   leaves (second-stage entries: the leaf's, both);
/// * kIndexesSources: whether drop_ipa() is needed;
/// * is_valid(), describe(StateVisitor&), ==.
template <class Entry>
class StrictTlb {
 public:
  /// `capacity` entries, 1 at least; memory is used as entries come. Evictions are counted in
  /// `statistics`.
  StrictTlb(std::uint32_t capacity, Statistics& statistics)
      : capacity_(std::clamp(capacity, 1U, kNone - 1)), statistics_(&statistics) {
    clear();
  }

  /// The entry that covers `input`, smallest block first; null when there is none. Valid until the
  /// next change.
  [[nodiscard]] const Entry* find(TlbTag tag, std::uint64_t input) const noexcept {
    for (unsigned size = 0; size < Entry::kSizes; ++size) {
      if (live_[tag.kind()][size] == 0) continue;
      const Slot slot = find_exact(tag, size, input);
      if (slot != kNone) return &slots_[slot].entry;
    }
    return nullptr;
  }
  /// Remembers an entry whose input `find` did not know; the oldest one goes when the TLB is full.
  void insert(TlbTag tag, const Entry& entry);
  /// The entry for the same block, made from leaves of the same sizes and leading to the same
  /// `ipa`, is this one from now on, with its age. False: there is none.
  bool amend(TlbTag tag, const Entry& entry) noexcept;

  /// Drops everything of the VM but second-stage entries.
  void drop_stage1(std::uint16_t vmid) {
    drop_tags(TlbTag::of_asid(vmid, 0), TlbTag::stage2(vmid));
  }
  /// Drops everything of the VM.
  void drop_vmid(std::uint16_t vmid) { drop_tags(TlbTag::of_asid(vmid, 0), TlbTag::after(vmid)); }
  /// Drops everything with this tag.
  void drop(TlbTag tag);
  /// Drops every entry made from a leaf that covers `input`: all fragments of a first-stage block
  /// that the second stage maps in smaller pieces.
  void drop(TlbTag tag, std::uint64_t input);
  /// The same in every address space of the VM, and among its global entries.
  void drop_all_asids(std::uint16_t vmid, std::uint64_t input);
  /// Drops every entry of the VM, of both stages or the second, that was made from a second-stage
  /// leaf that covers `ipa`.
  void drop_ipa(std::uint16_t vmid, std::uint64_t ipa)
    requires(Entry::kIndexesSources);
  void clear();

  /// Another number whenever what find() says may have changed.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }
  /// How many entries were dropped or evicted so far, and the size of the last one.
  struct Removals {
    std::uint64_t count = 0;
    unsigned last_size = Entry::kSizes;  ///< kSizes: all of them
  };
  [[nodiscard]] const Removals& removals() const noexcept { return removals_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

  /// Calls `visit(TlbTag, const Entry&)` for each entry, oldest first.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (Slot slot = age_.head; slot != kNone; slot = slots_[slot].age.next) {
      visit(slots_[slot].tag, slots_[slot].entry);
    }
  }

  /// The entries in order of age.
  void describe(StateVisitor& visitor);

 private:
  using Slot = std::uint32_t;
  static constexpr Slot kNone = ~Slot{0};
  static constexpr std::size_t kFirstBuckets = 64;

  struct Link {
    Slot previous = kNone;
    Slot next = kNone;
  };
  struct List {
    Slot head = kNone;
    Slot tail = kNone;
  };
  struct SlotData {
    TlbTag tag;
    Entry entry;
    Slot chain = kNone;  // next slot of the same bucket, or next free slot
    Link fragment;       // fragments of the same fragment bucket
    Link source;         // entries of both stages of the same bucket of second-stage leaves
    Link tagged;         // entries of the same tag
    Link age;            // all entries, oldest first
  };

  [[nodiscard]] static constexpr std::uint64_t start_of(std::uint64_t input,
                                                        unsigned size) noexcept {
    return input & ~((std::uint64_t{1} << Entry::shift(size)) - 1);
  }
  [[nodiscard]] static std::size_t hash(TlbTag tag, unsigned size, std::uint64_t input) noexcept {
    std::uint64_t h = (input >> Entry::shift(size)) ^ (tag.raw() * 0x9e37'79b9'7f4a'7c15);
    h = (h ^ size) * 0xbf58'476d'1ce4'e5b9;
    return h ^ (h >> 32);
  }
  [[nodiscard]] Slot& bucket(TlbTag tag, unsigned size, std::uint64_t input) noexcept {
    return buckets_[hash(tag, size, input) & (buckets_.size() - 1)];
  }
  [[nodiscard]] List& fragments_of(TlbTag tag, unsigned size, std::uint64_t input) noexcept {
    return fragment_buckets_[hash(tag, size, input) & (fragment_buckets_.size() - 1)];
  }
  [[nodiscard]] List& sources_of(std::uint16_t vmid, unsigned size, std::uint64_t ipa) noexcept {
    return source_buckets_[hash(TlbTag::stage2(vmid), size, ipa) & (source_buckets_.size() - 1)];
  }
  [[nodiscard]] Slot find_exact(TlbTag tag, unsigned size, std::uint64_t input) const noexcept {
    const std::uint64_t start = start_of(input, size);
    Slot slot = buckets_[hash(tag, size, input) & (buckets_.size() - 1)];
    while (slot != kNone) {
      const SlotData& data = slots_[slot];
      if (data.entry.input == start && data.tag == tag && data.entry.size() == size) break;
      slot = data.chain;
    }
    return slot;
  }
  [[nodiscard]] static bool is_fragment(const Entry& entry) noexcept {
    return entry.size() != entry.first_size();
  }
  [[nodiscard]] static bool has_source(TlbTag tag) noexcept {
    return Entry::kIndexesSources && tag.kind() != 2;
  }
  void append(List& list, Link SlotData::* member, Slot slot) noexcept;
  void unlink(List& list, Link SlotData::* member, Slot slot) noexcept;
  void index(Slot slot) noexcept;
  void drop_tags(TlbTag first, TlbTag end);
  Slot take_slot();
  void remove(Slot slot);
  void grow_index();

  std::uint32_t capacity_;
  Statistics* statistics_;
  std::uint32_t size_ = 0;
  std::uint64_t changes_ = 0;
  Removals removals_;
  std::vector<SlotData> slots_;
  Slot free_ = kNone;
  List age_;
  std::vector<Slot> buckets_;           // entries by (tag, size, input); a power of two
  std::vector<List> fragment_buckets_;  // fragments by (tag, first stage's size and block)
  std::vector<List> source_buckets_;    // of both stages, by (VM, second stage's size and block)
  std::map<TlbTag, List> tags_;
  std::uint32_t live_[3][Entry::kSizes] = {};       // entries by (kind of tag, size)
  std::uint32_t fragments_[3][Entry::kSizes] = {};  // fragments by (kind of tag, first size)
  std::uint32_t sources_[Entry::kSizes] = {};       // of both stages, by second size
};

template <class Entry>
void StrictTlb<Entry>::insert(TlbTag tag, const Entry& entry) {
  ++changes_;
  const Slot slot = take_slot();
  slots_[slot].tag = tag;
  slots_[slot].entry = entry;
  index(slot);
  append(tags_[tag], &SlotData::tagged, slot);
  append(age_, &SlotData::age, slot);
  ++live_[tag.kind()][entry.size()];
  if (is_fragment(entry)) ++fragments_[tag.kind()][entry.first_size()];
  if (has_source(tag)) ++sources_[entry.second_size()];
  if (++size_ > buckets_.size()) grow_index();
}

template <class Entry>
bool StrictTlb<Entry>::amend(TlbTag tag, const Entry& entry) noexcept {
  const Slot slot = find_exact(tag, entry.size(), entry.input);
  if (slot == kNone) return false;
  Entry& known = slots_[slot].entry;
  const bool same = known.ipa == entry.ipa && known.first_size() == entry.first_size() &&
                    known.second_size() == entry.second_size();
  if (!same) return false;
  ++changes_;
  known = entry;
  return true;
}

template <class Entry>
void StrictTlb<Entry>::index(Slot slot) noexcept {
  SlotData& data = slots_[slot];
  const Entry& entry = data.entry;
  Slot& head = bucket(data.tag, entry.size(), entry.input);
  data.chain = head;
  head = slot;
  if (is_fragment(entry)) {
    append(fragments_of(data.tag, entry.first_size(), entry.input), &SlotData::fragment, slot);
  }
  if (has_source(data.tag)) {
    append(sources_of(data.tag.vmid(), entry.second_size(), entry.ipa), &SlotData::source, slot);
  }
}

template <class Entry>
void StrictTlb<Entry>::drop(TlbTag tag) {
  auto it = tags_.find(tag);
  if (it == tags_.end()) return;
  // The last removal erases the list itself.
  for (Slot slot = it->second.head; slot != kNone;) {
    const Slot next = slots_[slot].tagged.next;
    remove(slot);
    slot = next;
  }
}

template <class Entry>
void StrictTlb<Entry>::drop_tags(TlbTag first, TlbTag end) {
  for (auto it = tags_.lower_bound(first); it != tags_.end() && it->first < end;) {
    const TlbTag tag = it->first;
    ++it;
    drop(tag);
  }
}

template <class Entry>
void StrictTlb<Entry>::drop(TlbTag tag, std::uint64_t input) {
  for (unsigned size = 0; size < Entry::kSizes; ++size) {
    if (live_[tag.kind()][size] != 0) {
      if (const Slot slot = find_exact(tag, size, input); slot != kNone) remove(slot);
    }
    if (fragments_[tag.kind()][size] == 0) continue;
    for (Slot slot = fragments_of(tag, size, input).head; slot != kNone;) {
      const SlotData& data = slots_[slot];
      const Slot next = data.fragment.next;
      const bool same_block = data.tag == tag && data.entry.first_size() == size &&
                              start_of(data.entry.input, size) == start_of(input, size);
      if (same_block) remove(slot);
      slot = next;
    }
  }
}

template <class Entry>
void StrictTlb<Entry>::drop_all_asids(std::uint16_t vmid, std::uint64_t input) {
  const TlbTag end = TlbTag::stage2(vmid);
  for (auto it = tags_.lower_bound(TlbTag::of_asid(vmid, 0));
       it != tags_.end() && it->first < end;) {
    const TlbTag tag = it->first;
    ++it;
    drop(tag, input);
  }
}

template <class Entry>
void StrictTlb<Entry>::drop_ipa(std::uint16_t vmid, std::uint64_t ipa)
  requires(Entry::kIndexesSources)
{
  drop(TlbTag::stage2(vmid), ipa);
  for (unsigned size = 0; size < Entry::kSizes; ++size) {
    if (sources_[size] == 0) continue;
    for (Slot slot = sources_of(vmid, size, ipa).head; slot != kNone;) {
      const SlotData& data = slots_[slot];
      const Slot next = data.source.next;
      const bool same_block = data.tag.vmid() == vmid && data.entry.second_size() == size &&
                              start_of(data.entry.ipa, size) == start_of(ipa, size);
      if (same_block) remove(slot);
      slot = next;
    }
  }
}

template <class Entry>
void StrictTlb<Entry>::clear() {
  ++changes_;
  removals_ = {.count = removals_.count + size_, .last_size = Entry::kSizes};
  slots_.clear();
  free_ = kNone;
  size_ = 0;
  age_ = {};
  tags_.clear();
  buckets_.assign(kFirstBuckets, kNone);
  fragment_buckets_.assign(kFirstBuckets, List{});
  source_buckets_.assign(kFirstBuckets, List{});
  for (auto& row : live_) std::ranges::fill(row, 0);
  for (auto& row : fragments_) std::ranges::fill(row, 0);
  std::ranges::fill(sources_, 0);
}

template <class Entry>
auto StrictTlb<Entry>::take_slot() -> Slot {
  if (size_ == capacity_) {
    remove(age_.head);
    ++statistics_->tlb_evictions;
  }
  if (free_ != kNone) {
    const Slot slot = free_;
    free_ = slots_[slot].chain;
    return slot;
  }
  slots_.emplace_back();
  return static_cast<Slot>(slots_.size() - 1);
}

template <class Entry>
void StrictTlb<Entry>::remove(Slot slot) {
  ++changes_;
  SlotData& data = slots_[slot];
  const Entry& entry = data.entry;
  removals_ = {.count = removals_.count + 1, .last_size = entry.size()};

  Slot* link = &bucket(data.tag, entry.size(), entry.input);
  while (*link != slot) link = &slots_[*link].chain;
  *link = data.chain;

  const auto tagged = tags_.find(data.tag);
  unlink(tagged->second, &SlotData::tagged, slot);
  if (tagged->second.head == kNone) tags_.erase(tagged);
  unlink(age_, &SlotData::age, slot);
  --live_[data.tag.kind()][entry.size()];
  if (is_fragment(entry)) {
    unlink(fragments_of(data.tag, entry.first_size(), entry.input), &SlotData::fragment, slot);
    --fragments_[data.tag.kind()][entry.first_size()];
  }
  if (has_source(data.tag)) {
    unlink(sources_of(data.tag.vmid(), entry.second_size(), entry.ipa), &SlotData::source, slot);
    --sources_[entry.second_size()];
  }
  --size_;
  data.chain = free_;
  free_ = slot;
}

template <class Entry>
void StrictTlb<Entry>::grow_index() {
  buckets_.assign(buckets_.size() * 2, kNone);
  fragment_buckets_.assign(buckets_.size(), List{});
  source_buckets_.assign(buckets_.size(), List{});
  for (Slot slot = age_.head; slot != kNone; slot = slots_[slot].age.next) index(slot);
}

template <class Entry>
void StrictTlb<Entry>::append(List& list, Link SlotData::* member, Slot slot) noexcept {
  slots_[slot].*member = {.previous = list.tail, .next = kNone};
  if (list.tail == kNone) {
    list.head = slot;
  } else {
    (slots_[list.tail].*member).next = slot;
  }
  list.tail = slot;
}

template <class Entry>
void StrictTlb<Entry>::unlink(List& list, Link SlotData::* member, Slot slot) noexcept {
  const Link link = slots_[slot].*member;
  (link.previous == kNone ? list.head : (slots_[link.previous].*member).next) = link.next;
  (link.next == kNone ? list.tail : (slots_[link.next].*member).previous) = link.previous;
}

template <class Entry>
void StrictTlb<Entry>::describe(StateVisitor& visitor) {
  struct Record {
    TlbTag tag;
    Entry entry;
    bool operator==(const Record&) const = default;
  };
  std::vector<Record> before;
  before.reserve(size_);
  for_each([&](TlbTag tag, const Entry& entry) { before.push_back({tag, entry}); });

  std::uint64_t count = before.size();
  visitor.field("entries", count);
  count = std::min<std::uint64_t>(count, capacity_);  // a restored state may be anything
  std::vector<Record> after;
  for (std::uint64_t i = 0; i < count; ++i) {
    Record record = i < before.size() ? before[i] : Record{};
    visitor.enter("entry", i);
    std::uint64_t tag = record.tag.raw();
    visitor.field("tag", tag);
    record.tag = TlbTag::from_raw(tag);
    record.entry.describe(visitor);
    visitor.leave();
    after.push_back(record);
  }
  if (after == before) return;
  clear();
  for (const Record& record : after) {
    const TlbTag tag = record.tag;
    const Entry& entry = record.entry;
    const bool usable = tag.is_valid() && entry.is_valid() && size_ < capacity_ &&
                        entry.input == start_of(entry.input, entry.size()) &&
                        find_exact(tag, entry.size(), entry.input) == kNone;
    if (usable) insert(tag, entry);
  }
}

}  // namespace axvm::sim
