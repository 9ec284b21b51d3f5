#pragma once
// Memory with translation tables for both stages, written bit by bit from DDI 0487 D8.3, and an MMU
// that walks them.

#include <array>
#include <cstdint>
#include <cstring>
#include <sim/arch/aarch64/mmu.hpp>
#include <sim/cpu/statistics.hpp>
#include <sim/memory/physical_memory.hpp>
#include <vector>

namespace axvm::sim::aarch64::test {

// Descriptor bits.
inline constexpr std::uint64_t kTable = 0b11;
inline constexpr std::uint64_t kAf = 1U << 10;
inline constexpr std::uint64_t kSh = 0b11U << 8;
inline constexpr std::uint64_t kEl0 = 1U << 6;       // AP[1]
inline constexpr std::uint64_t kReadOnly = 1U << 7;  // AP[2]
inline constexpr std::uint64_t kNotGlobal = 1U << 11;
inline constexpr std::uint64_t kPxn = std::uint64_t{1} << 53;
inline constexpr std::uint64_t kUxn = std::uint64_t{1} << 54;
inline constexpr std::uint64_t kPxnTable = std::uint64_t{1} << 59;
inline constexpr std::uint64_t kUxnTable = std::uint64_t{1} << 60;
inline constexpr std::uint64_t kNoEl0Table = std::uint64_t{1} << 61;
inline constexpr std::uint64_t kReadOnlyTable = std::uint64_t{1} << 62;
inline constexpr std::uint64_t kS2Read = 1U << 6;
inline constexpr std::uint64_t kS2Write = 1U << 7;
inline constexpr std::uint64_t kS2Xn = std::uint64_t{1} << 54;
inline constexpr std::uint64_t kS2Normal = 0b1111U << 2;
/// A leaf that permits everything at EL1 (stage 1) or everything (stage 2), without its type bits.
inline constexpr std::uint64_t kPlain = kAf | kSh;
inline constexpr std::uint64_t kS2Plain = kAf | kSh | kS2Normal | kS2Read | kS2Write;
// MAIR_EL1 of the world: attribute 0 Normal write-back, 1 Device-nGnRE, 2 Normal Non-cacheable.
inline constexpr std::uint64_t kMair = 0x4404ff;
inline constexpr std::uint64_t kDevice = 1U << 2;
inline constexpr std::uint64_t kNonCacheable = 2U << 2;

struct Options {
  unsigned va_bits = 48;
  bool stage2 = true;
  unsigned ipa_bits = 44;
  /// Level at which the stage-2 walk begins.
  unsigned stage2_start = 0;
  /// Level of the stage-2 leaves that new_page() makes.
  unsigned stage2_leaf = 3;
  std::uint32_t tlb_capacity = 4096;
  Features features = {};
};

class World {
 public:
  // Guest memory: PA = IPA - 1 GiB. Stage-2 tables live in a bank of their own.
  static constexpr std::uint64_t kGuestRam = 0x4000'0000;
  static constexpr std::uint64_t kGuestSize = 0x4000'0000;
  static constexpr std::uint64_t kGuestIpa = 0x8000'0000;
  static constexpr std::uint64_t kTableRam = 0x10'0000'0000;
  static constexpr std::uint64_t kTableSize = 0x400'0000;
  static constexpr std::uint16_t kVmid = 7;

  explicit World(const Options& options = {})
      : options_(options),
        memory_(make_memory()),
        mmu(memory_, options.tlb_capacity, statistics, options.features) {
    stage1_start_ = 3 - (options.va_bits - 13) / 9;
    Registers& r = mmu.registers();
    if (options.stage2) {
      // Concatenated roots are aligned to their size, 64 KiB at most.
      stage2_root_ = kTableRam;
      next_table_ = kTableRam + 0x10000;
      r.hcr_el2 = 1;
      r.vtcr_el2 = (64 - options.ipa_bits) | (std::uint64_t{2} - options.stage2_start) << 6 |
                   std::uint64_t{5} << 16;
      r.vttbr_el2 = stage2_root_ | std::uint64_t{kVmid} << 48;
    } else {
      r.vttbr_el2 = std::uint64_t{kVmid} << 48;
    }
    stage1_root_ = new_page();
    r.sctlr_el1 = 1;
    r.tcr_el1 =
        (64 - options.va_bits) | std::uint64_t{64 - options.va_bits} << 16 | std::uint64_t{5} << 32;
    r.ttbr0_el1 = stage1_root_;
    r.ttbr1_el1 = stage1_root_;
    r.mair_el1 = kMair;
  }

  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// The IPA of a fresh zeroed guest page, which stage 2 maps at options.stage2_leaf.
  std::uint64_t new_page() {
    const std::uint64_t pa = next_page_;
    next_page_ += 4096;
    if (!options_.stage2) return pa;
    const std::uint64_t ipa = pa - kGuestRam + kGuestIpa;
    const std::uint64_t size = level_size(options_.stage2_leaf);
    const std::uint64_t start = ipa & ~(size - 1);
    map2(start, start - kGuestIpa + kGuestRam, options_.stage2_leaf, kS2Plain);
    return ipa;
  }

  /// The PA behind a guest IPA of new_page().
  [[nodiscard]] std::uint64_t pa_of(std::uint64_t ipa) const {
    return options_.stage2 ? ipa - kGuestIpa + kGuestRam : ipa;
  }

  /// The host's view of the descriptor that translates `va` at `level`; tables above are made.
  std::uint64_t& slot1(std::uint64_t va, unsigned level) {
    std::uint64_t table = stage1_root_;
    const std::uint64_t low = va & ((std::uint64_t{1} << options_.va_bits) - 1);
    for (unsigned l = stage1_start_;; ++l) {
      const std::uint64_t index = l == stage1_start_ ? low >> shift(l) : (low >> shift(l)) & 511;
      std::uint64_t& d = word(pa_of(table) + index * 8);
      if (l == level) return d;
      if ((d & 3) != kTable) d = new_page() | kTable;
      table = d & 0xffff'ffff'f000;
    }
  }
  std::uint64_t& slot2(std::uint64_t ipa, unsigned level) {
    std::uint64_t table = stage2_root_;
    for (unsigned l = options_.stage2_start;; ++l) {
      const std::uint64_t index =
          l == options_.stage2_start ? ipa >> shift(l) : (ipa >> shift(l)) & 511;
      std::uint64_t& d = word(table + index * 8);
      if (l == level) return d;
      if ((d & 3) != kTable) {
        d = next_table_ | kTable;
        next_table_ += 4096;
      }
      table = d & 0xffff'ffff'f000;
    }
  }

  static constexpr std::uint64_t leaf(std::uint64_t output, unsigned level, std::uint64_t bits) {
    return output | bits | (level == 3 ? 0b11 : 0b01);
  }
  void map(std::uint64_t va, std::uint64_t ipa, unsigned level, std::uint64_t bits = kPlain) {
    slot1(va, level) = leaf(ipa, level, bits);
  }
  void map2(std::uint64_t ipa, std::uint64_t pa, unsigned level, std::uint64_t bits = kS2Plain) {
    slot2(ipa, level) = leaf(pa, level, bits);
  }
  /// A fresh page mapped at `va`; its IPA.
  std::uint64_t map_new(std::uint64_t va, std::uint64_t bits = kPlain) {
    const std::uint64_t ipa = new_page();
    map(va, ipa, 3, bits);
    return ipa;
  }

  std::uint64_t& word(std::uint64_t pa) {
    return *reinterpret_cast<std::uint64_t*>(memory_.at(pa));
  }
  void set_asid(std::uint16_t asid) {
    mmu.registers().ttbr0_el1 = stage1_root_ | std::uint64_t{asid} << 48;
  }
  [[nodiscard]] std::uint64_t stage1_root() const { return stage1_root_; }
  [[nodiscard]] std::uint64_t stage2_root() const { return stage2_root_; }
  [[nodiscard]] unsigned stage1_start() const { return stage1_start_; }

  std::expected<Translation, Fault> walk(std::uint64_t va, AccessContext context = {}) const {
    NoObserver none;
    return mmu.walk(va, context, none);
  }

 private:
  static PhysicalMemory make_memory() {
    const std::array<PhysicalMemory::Bank, 2> banks{
        {{kGuestRam, kGuestSize}, {kTableRam, kTableSize}}};
    return std::move(PhysicalMemory::create(banks).value());
  }
  static constexpr unsigned shift(unsigned level) { return 39 - 9 * level; }

  Options options_;
  PhysicalMemory memory_;
  unsigned stage1_start_ = 0;
  std::uint64_t stage1_root_ = 0;
  std::uint64_t stage2_root_ = 0;
  std::uint64_t next_page_ = kGuestRam;
  std::uint64_t next_table_ = 0;

 public:
  Statistics statistics;
  Mmu mmu;
};

/// Keeps every step of a walk.
struct Recorder {
  std::vector<WalkStep> steps;
  void step(const WalkStep& s) { steps.push_back(s); }
};

}  // namespace axvm::sim::aarch64::test
