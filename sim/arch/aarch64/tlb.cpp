#include <algorithm>
#include <bit>
#include <sim/arch/aarch64/tlb.hpp>

namespace axvm::sim::aarch64 {

namespace {

constexpr std::size_t kFirstBuckets = 64;

constexpr std::uint64_t block_start(std::uint64_t input, unsigned level) noexcept {
  return input & ~(level_size(level) - 1);
}

}  // namespace

Tlb::Tlb(std::uint32_t capacity, Statistics& statistics)
    : capacity_(std::clamp(capacity, 1U, kNone - 1)), statistics_(&statistics) {
  clear();
}

void Tlb::insert(TlbTag tag, const TlbEntry& entry) {
  ++changes_;
  const Slot slot = take_slot();
  SlotData& data = slots_[slot];
  data.tag = tag;
  data.entry = entry;

  Slot& head = bucket(tag, entry.level, entry.input);
  data.chain = head;
  head = slot;
  append(tags_[tag], &SlotData::tagged, slot);
  append(age_, &SlotData::age, slot);
  ++live_[tag.kind()][entry.level];
  if (is_fragment(entry)) {
    append(fragments_of(tag, entry.stage1_level, entry.input), &SlotData::fragment, slot);
    ++fragments_[tag.kind()][entry.stage1_level];
  }
  if (++size_ > buckets_.size()) grow_index();
}

void Tlb::drop_stage1(std::uint16_t vmid) {
  drop_tags(TlbTag::of_asid(vmid, 0), TlbTag::stage2(vmid));
}

void Tlb::drop_vmid(std::uint16_t vmid) {
  drop_tags(TlbTag::of_asid(vmid, 0), TlbTag::after(vmid));
}

void Tlb::drop(TlbTag tag) {
  auto it = tags_.find(tag);
  if (it == tags_.end()) return;
  // The last removal erases the list itself.
  for (Slot slot = it->second.head; slot != kNone;) {
    const Slot next = slots_[slot].tagged.next;
    remove(slot);
    slot = next;
  }
}

void Tlb::drop_tags(TlbTag first, TlbTag end) {
  for (auto it = tags_.lower_bound(first); it != tags_.end() && it->first < end;) {
    const TlbTag tag = it->first;
    ++it;
    drop(tag);
  }
}

void Tlb::drop(TlbTag tag, std::uint64_t input) {
  for (unsigned level = 1; level <= kLastLevel; ++level) {
    if (live_[tag.kind()][level] != 0) {
      if (const Slot slot = find_exact(tag, level, input); slot != kNone) remove(slot);
    }
    if (fragments_[tag.kind()][level] == 0) continue;
    for (Slot slot = fragments_of(tag, level, input).head; slot != kNone;) {
      const SlotData& data = slots_[slot];
      const Slot next = data.fragment.next;
      const bool same_block = data.tag == tag && data.entry.stage1_level == level &&
                              block_start(data.entry.input, level) == block_start(input, level);
      if (same_block) remove(slot);
      slot = next;
    }
  }
}

void Tlb::drop_all_asids(std::uint16_t vmid, std::uint64_t input) {
  const TlbTag end = TlbTag::stage2(vmid);
  for (auto it = tags_.lower_bound(TlbTag::of_asid(vmid, 0));
       it != tags_.end() && it->first < end;) {
    const TlbTag tag = it->first;
    ++it;
    drop(tag, input);
  }
}

void Tlb::clear() {
  ++changes_;
  removals_ = {.count = removals_.count + size_, .last_level = 0};
  slots_.clear();
  free_ = kNone;
  size_ = 0;
  age_ = {};
  tags_.clear();
  buckets_.assign(kFirstBuckets, kNone);
  fragment_buckets_.assign(kFirstBuckets, List{});
  for (auto& row : live_) std::ranges::fill(row, 0);
  for (auto& row : fragments_) std::ranges::fill(row, 0);
}

Tlb::Slot Tlb::take_slot() {
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

void Tlb::remove(Slot slot) {
  ++changes_;
  SlotData& data = slots_[slot];
  const TlbEntry& entry = data.entry;
  removals_ = {.count = removals_.count + 1, .last_level = entry.level};

  Slot* link = &bucket(data.tag, entry.level, entry.input);
  while (*link != slot) link = &slots_[*link].chain;
  *link = data.chain;

  const auto tagged = tags_.find(data.tag);
  unlink(tagged->second, &SlotData::tagged, slot);
  if (tagged->second.head == kNone) tags_.erase(tagged);
  unlink(age_, &SlotData::age, slot);
  --live_[data.tag.kind()][entry.level];
  if (is_fragment(entry)) {
    unlink(fragments_of(data.tag, entry.stage1_level, entry.input), &SlotData::fragment, slot);
    --fragments_[data.tag.kind()][entry.stage1_level];
  }
  --size_;
  data.chain = free_;
  free_ = slot;
}

void Tlb::grow_index() {
  buckets_.assign(buckets_.size() * 2, kNone);
  fragment_buckets_.assign(buckets_.size(), List{});
  for (Slot slot = age_.head; slot != kNone; slot = slots_[slot].age.next) {
    SlotData& data = slots_[slot];
    Slot& head = bucket(data.tag, data.entry.level, data.entry.input);
    data.chain = head;
    head = slot;
    if (is_fragment(data.entry)) {
      append(fragments_of(data.tag, data.entry.stage1_level, data.entry.input), &SlotData::fragment,
             slot);
    }
  }
}

void Tlb::append(List& list, Link SlotData::* member, Slot slot) noexcept {
  slots_[slot].*member = {.previous = list.tail, .next = kNone};
  if (list.tail == kNone) {
    list.head = slot;
  } else {
    (slots_[list.tail].*member).next = slot;
  }
  list.tail = slot;
}

void Tlb::unlink(List& list, Link SlotData::* member, Slot slot) noexcept {
  const Link link = slots_[slot].*member;
  (link.previous == kNone ? list.head : (slots_[link.previous].*member).next) = link.next;
  (link.next == kNone ? list.tail : (slots_[link.next].*member).previous) = link.previous;
}

void Tlb::describe(StateVisitor& visitor) {
  struct Record {
    TlbTag tag;
    TlbEntry entry;
    bool operator==(const Record&) const = default;
  };
  std::vector<Record> before;
  before.reserve(size_);
  for_each([&](TlbTag tag, const TlbEntry& entry) { before.push_back({tag, entry}); });

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
    TlbEntry& entry = record.entry;
    visitor.field("input", entry.input);
    visitor.field("ipa", entry.ipa);
    visitor.field("pa", entry.pa);
    visitor.value("level", entry.level);
    visitor.value("stage1_level", entry.stage1_level);
    visitor.value("stage2_level", entry.stage2_level);
    std::uint64_t stage1 = entry.stage1.raw();
    visitor.field("stage1", stage1);
    entry.stage1 = Stage1Attributes::from_raw(static_cast<std::uint32_t>(stage1));
    std::uint64_t stage2 = entry.stage2.raw();
    visitor.field("stage2", stage2);
    entry.stage2 = Stage2Attributes::from_raw(static_cast<std::uint16_t>(stage2));
    visitor.leave();
    after.push_back(record);
  }
  if (after == before) return;
  clear();
  for (const Record& record : after) {
    if (is_valid(record.tag, record.entry)) insert(record.tag, record.entry);
  }
}

bool Tlb::is_valid(TlbTag tag, const TlbEntry& entry) const noexcept {
  const TlbTag tags[] = {TlbTag::of_asid(tag.vmid(), tag.asid()), TlbTag::global(tag.vmid()),
                         TlbTag::stage2(tag.vmid())};
  return tag.kind() <= 2 && tag == tags[tag.kind()] && entry.level >= 1 &&
         entry.level <= kLastLevel && entry.stage1_level >= 1 &&
         entry.stage1_level <= entry.level && entry.stage2_level <= entry.level &&
         entry.input == block_start(entry.input, entry.level) && size_ < capacity_ &&
         find_exact(tag, entry.level, entry.input) == kNone;
}

}  // namespace axvm::sim::aarch64
