#pragma once
// The strict TLB: remembers every completed translation until an instruction invalidates it, and
// nothing else makes it forget but its capacity. So a missing TLBI shows as a stale translation,
// every time.

#include <cstdint>
#include <map>
#include <sim/arch/aarch64/stage1.hpp>
#include <sim/arch/aarch64/stage2.hpp>
#include <sim/cpu/statistics.hpp>
#include <sim/state.hpp>
#include <vector>

namespace axvm::sim::aarch64 {

/// One remembered translation: VA to PA (stage 1 and 2 combined) or IPA to PA (stage 2 only). Holds
/// architectural permissions; what they mean for an access is decided at each lookup.
struct TlbEntry {
  /// Start of the block translated: VA (top byte as Stage1::significant) or IPA.
  std::uint64_t input = 0;
  std::uint64_t ipa = 0;
  std::uint64_t pa = 0;
  /// Level whose block size the entry has, 1..3: the smaller of the leaves.
  std::uint8_t level = 3;
  /// Levels of the leaves. `stage1_level` equals `level` in stage-2-only entries; `stage2_level` is
  /// 0 when stage 2 was off.
  std::uint8_t stage1_level = 3;
  std::uint8_t stage2_level = 0;
  Stage1Attributes stage1;
  Stage2Attributes stage2;

  friend bool operator==(const TlbEntry&, const TlbEntry&) = default;
};

/// Whose translation an entry is: stage 1 of one address space, stage 1 of all address spaces of a
/// VM, or stage 2 of a VM.
class TlbTag {
 public:
  constexpr TlbTag() = default;
  static constexpr TlbTag of_asid(std::uint16_t vmid, std::uint16_t asid) noexcept {
    return TlbTag{(std::uint64_t{vmid} << 18) | asid};
  }
  static constexpr TlbTag global(std::uint16_t vmid) noexcept {
    return TlbTag{(std::uint64_t{vmid} << 18) | (1U << 16)};
  }
  static constexpr TlbTag stage2(std::uint16_t vmid) noexcept {
    return TlbTag{(std::uint64_t{vmid} << 18) | (2U << 16)};
  }
  /// Greater than every tag of the VM.
  static constexpr TlbTag after(std::uint16_t vmid) noexcept {
    return TlbTag{(std::uint64_t{vmid} + 1) << 18};
  }
  static constexpr TlbTag from_raw(std::uint64_t raw) noexcept { return TlbTag{raw}; }

  [[nodiscard]] constexpr std::uint64_t raw() const noexcept { return raw_; }
  /// 0: one ASID, 1: global, 2: stage 2.
  [[nodiscard]] constexpr unsigned kind() const noexcept { return (raw_ >> 16) & 3; }
  [[nodiscard]] constexpr std::uint16_t vmid() const noexcept {
    return static_cast<std::uint16_t>(raw_ >> 18);
  }
  [[nodiscard]] constexpr std::uint16_t asid() const noexcept {
    return static_cast<std::uint16_t>(raw_);
  }

  friend constexpr auto operator<=>(TlbTag, TlbTag) = default;

 private:
  constexpr explicit TlbTag(std::uint64_t raw) noexcept : raw_(raw) {}
  std::uint64_t raw_ = 0;
};

class Tlb {
 public:
  /// `capacity` entries, 1 at least; memory is used as entries come. Evictions are counted in
  /// `statistics`.
  Tlb(std::uint32_t capacity, Statistics& statistics);

  /// The entry that covers `input`, smallest block first; null when there is none. Valid until the
  /// next change.
  [[nodiscard]] const TlbEntry* find(TlbTag tag, std::uint64_t input) const noexcept {
    for (unsigned level = kLastLevel; level >= 1; --level) {
      if (live_[tag.kind()][level] == 0) continue;
      const Slot slot = find_exact(tag, level, input);
      if (slot != kNone) return &slots_[slot].entry;
    }
    return nullptr;
  }
  /// Remembers an entry whose input `find` did not know; the oldest one goes when the TLB is full.
  void insert(TlbTag tag, const TlbEntry& entry);

  /// Drops everything of the VM but stage-2-only entries.
  void drop_stage1(std::uint16_t vmid);
  /// Drops everything of the VM.
  void drop_vmid(std::uint16_t vmid);
  /// Drops everything with this tag.
  void drop(TlbTag tag);
  /// Drops every entry made from a leaf that covers `input`: all fragments of a stage-1 block that
  /// stage 2 maps in smaller pieces.
  void drop(TlbTag tag, std::uint64_t input);
  /// The same in every address space of the VM, and among its global entries.
  void drop_all_asids(std::uint16_t vmid, std::uint64_t input);
  void clear();

  /// Another number whenever what find() says may have changed.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }
  /// What was dropped or evicted so far: how many entries, and the level of the last one.
  struct Removals {
    std::uint64_t count = 0;
    std::uint8_t last_level = 0;
  };
  [[nodiscard]] const Removals& removals() const noexcept { return removals_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

  /// Calls `visit(TlbTag, const TlbEntry&)` for each entry, oldest first.
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
    TlbEntry entry;
    Slot chain = kNone;  // next slot of the same bucket, or next free slot
    Link fragment;       // fragments of the same fragment bucket
    Link tagged;         // entries of the same tag
    Link age;            // all entries, oldest first
  };

  [[nodiscard]] static std::size_t hash(TlbTag tag, unsigned level, std::uint64_t input) noexcept {
    std::uint64_t h = (input >> level_shift(level)) ^ (tag.raw() * 0x9e37'79b9'7f4a'7c15);
    h = (h ^ level) * 0xbf58'476d'1ce4'e5b9;
    return h ^ (h >> 32);
  }
  [[nodiscard]] Slot& bucket(TlbTag tag, unsigned level, std::uint64_t input) noexcept {
    return buckets_[hash(tag, level, input) & (buckets_.size() - 1)];
  }
  [[nodiscard]] List& fragments_of(TlbTag tag, unsigned level, std::uint64_t input) noexcept {
    return fragment_buckets_[hash(tag, level, input) & (fragment_buckets_.size() - 1)];
  }
  [[nodiscard]] Slot find_exact(TlbTag tag, unsigned level, std::uint64_t input) const noexcept {
    const std::uint64_t start = input & ~(level_size(level) - 1);
    Slot slot = buckets_[hash(tag, level, input) & (buckets_.size() - 1)];
    while (slot != kNone) {
      const SlotData& data = slots_[slot];
      if (data.entry.input == start && data.tag == tag && data.entry.level == level) break;
      slot = data.chain;
    }
    return slot;
  }
  [[nodiscard]] static bool is_fragment(const TlbEntry& entry) noexcept {
    return entry.level != entry.stage1_level;
  }
  [[nodiscard]] bool is_valid(TlbTag tag, const TlbEntry& entry) const noexcept;
  void append(List& list, Link SlotData::* member, Slot slot) noexcept;
  void unlink(List& list, Link SlotData::* member, Slot slot) noexcept;
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
  std::vector<Slot> buckets_;           // entries by (tag, level, input); a power of two
  std::vector<List> fragment_buckets_;  // fragments by (tag, stage-1 level, stage-1 block)
  std::map<TlbTag, List> tags_;
  std::uint32_t live_[3][4] = {};       // entries by (kind of tag, level)
  std::uint32_t fragments_[3][4] = {};  // fragments by (kind of tag, stage-1 level)
};

}  // namespace axvm::sim::aarch64
