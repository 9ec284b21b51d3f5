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
  [[nodiscard]] const TlbEntry* find(TlbTag tag, std::uint64_t input) const noexcept;
  /// Remembers an entry; the oldest one goes when the TLB is full. An entry of the same tag, level
  /// and input is replaced in place of age.
  void insert(TlbTag tag, const TlbEntry& entry);

  /// Drops everything of the VM but stage-2-only entries.
  void drop_stage1(std::uint16_t vmid);
  /// Drops everything with this tag.
  void drop(TlbTag tag);
  /// Drops every entry made from a leaf that covers `input`: all fragments of a stage-1 block that
  /// stage 2 maps in smaller pieces.
  void drop(TlbTag tag, std::uint64_t input);
  /// The same in every address space of the VM, and among its global entries.
  void drop_all_asids(std::uint16_t vmid, std::uint64_t input);
  void drop_vmid(std::uint16_t vmid);
  void clear();

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

  /// Calls `visit(TlbTag, const TlbEntry&)` for each entry, oldest first.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (auto slot = age_.head; slot != kNone; slot = slots_[slot].age.next) {
      visit(slots_[slot].tag, slots_[slot].entry);
    }
  }

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
    Link block;          // fragments of stage-1 blocks of the same block bucket
    Link tagged;         // slots of the same tag
    Link age;            // all slots, oldest first
  };

  [[nodiscard]] static std::uint64_t hash(TlbTag tag, unsigned level, std::uint64_t input) noexcept;
  [[nodiscard]] Slot& bucket(TlbTag tag, unsigned level, std::uint64_t input) noexcept;
  [[nodiscard]] Slot find_exact(TlbTag tag, unsigned level, std::uint64_t input) const noexcept;
  [[nodiscard]] List& block_list(const SlotData& data) noexcept;
  [[nodiscard]] static bool is_fragment(const TlbEntry& entry) noexcept {
    return entry.level != entry.stage1_level;
  }
  void append(List& list, Link SlotData::* link, Slot slot) noexcept;
  void unlink(List& list, Link SlotData::* link, Slot slot) noexcept;
  Slot take_slot();
  void remove(Slot slot);
  void grow_index();

  std::uint32_t capacity_;
  Statistics* statistics_;
  std::uint32_t size_ = 0;
  std::vector<SlotData> slots_;
  Slot free_ = kNone;
  List age_;
  std::vector<Slot> buckets_;        // entries by (tag, level, input); size is a power of two
  std::vector<List> block_buckets_;  // fragments by (tag, stage-1 level, stage-1 block)
  std::map<TlbTag, List> tags_;
  std::uint32_t live_[3][4] =
      {};  // entries by (kind of tag, level): levels without any are skipped
  std::uint32_t fragments_[3][4] = {};  // fragments by (kind of tag, stage-1 level)
};

}  // namespace axvm::sim::aarch64
