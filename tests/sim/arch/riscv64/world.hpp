#pragma once
// Memory with tables for both stages, written bit by bit from the manual, and an MMU that walks
// them.

#include <array>
#include <cstdint>
#include <cstring>
#include <sim/arch/riscv64/mmu.hpp>
#include <sim/cpu/statistics.hpp>
#include <sim/memory/physical_memory.hpp>
#include <vector>

namespace axvm::sim::riscv64::test {

// Bits of table entries.
inline constexpr std::uint64_t kV = 1U << 0;
inline constexpr std::uint64_t kR = 1U << 1;
inline constexpr std::uint64_t kW = 1U << 2;
inline constexpr std::uint64_t kX = 1U << 3;
inline constexpr std::uint64_t kU = 1U << 4;
inline constexpr std::uint64_t kG = 1U << 5;
inline constexpr std::uint64_t kA = 1U << 6;
inline constexpr std::uint64_t kD = 1U << 7;
inline constexpr std::uint64_t kNc = 1ULL << 61;
inline constexpr std::uint64_t kIo = 2ULL << 61;
inline constexpr std::uint64_t kN = 1ULL << 63;
/// Leaves that permit everything in VS-mode, and in the G-stage.
inline constexpr std::uint64_t kPlain = kV | kR | kW | kX | kA | kD;
inline constexpr std::uint64_t kGPlain = kPlain | kU;

constexpr std::uint64_t entry(std::uint64_t address, std::uint64_t bits) {
  return address >> 12 << 10 | bits;
}

struct Options {
  /// Levels of the tables, 3 to 5; 0: the stage is Bare.
  unsigned vs_levels = 3;
  unsigned g_levels = 3;
  /// Level of the G-stage's leaves that new_page() makes.
  unsigned g_leaf = 0;
  std::uint32_t tlb_capacity = 4096;
  Features features = {};
};

class World {
 public:
  // Guest memory: physical is guest physical + 1 GiB. G-stage tables live in a bank of their own.
  static constexpr std::uint64_t kGuestRam = 0xc000'0000;
  static constexpr std::uint64_t kGuestSize = 0x4000'0000;
  static constexpr std::uint64_t kGuestGpa = 0x8000'0000;
  static constexpr std::uint64_t kTableRam = 0x10'0000'0000;
  static constexpr std::uint64_t kTableSize = 0x400'0000;
  static constexpr std::uint16_t kVmid = 7;
  static constexpr std::uint16_t kAsid = 3;

  explicit World(const Options& options = {})
      : options_(options),
        memory_(make_memory()),
        mmu(memory_, options.tlb_capacity, statistics, options.features) {
    Registers& r = mmu.registers();
    r.hgatp = std::uint64_t{kVmid} << 44;
    if (options.g_levels != 0) {
      r.hgatp |= (std::uint64_t{options.g_levels} + 5) << 60 | kTableRam >> 12;
    }
    if (options.vs_levels != 0) vs_root_ = new_page();
    set_asid(kAsid);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void set_asid(std::uint16_t asid) {
    Registers& r = mmu.registers();
    r.vsatp = std::uint64_t{asid} << 44;
    if (options_.vs_levels == 0) return;
    r.vsatp |= (std::uint64_t{options_.vs_levels} + 5) << 60 | vs_root_ >> 12;
  }

  /// The guest physical address of a fresh zeroed page, which the G-stage maps at options.g_leaf.
  std::uint64_t new_page() {
    const std::uint64_t pa = next_page_;
    next_page_ += 4096;
    if (options_.g_levels == 0) return pa;
    const std::uint64_t gpa = pa - kGuestRam + kGuestGpa;
    const std::uint64_t start = gpa & ~((std::uint64_t{1} << level_shift(options_.g_leaf)) - 1);
    g_slot(start, options_.g_leaf) = entry(start - kGuestGpa + kGuestRam, kGPlain);
    return gpa;
  }
  /// The physical address behind one of new_page().
  [[nodiscard]] std::uint64_t pa_of(std::uint64_t gpa) const {
    return options_.g_levels == 0 ? gpa : gpa - kGuestGpa + kGuestRam;
  }

  /// The host's view of the entry that translates an address at `level`; tables above are made.
  std::uint64_t& vs_slot(std::uint64_t va, unsigned level) {
    std::uint64_t table = vs_root_;
    for (unsigned l = options_.vs_levels - 1;; --l) {
      std::uint64_t& e = word(pa_of(table) + (va >> level_shift(l) & 511) * 8);
      if (l == level) return e;
      if ((e & kV) == 0) e = entry(new_page(), kV);
      table = (e >> 10 & ((1ULL << 44) - 1)) << 12;
    }
  }
  std::uint64_t& g_slot(std::uint64_t gpa, unsigned level) {
    std::uint64_t table = kTableRam;
    for (unsigned l = options_.g_levels - 1;; --l) {
      const std::uint64_t mask = l + 1 == options_.g_levels ? 2047 : 511;
      std::uint64_t& e = word(table + (gpa >> level_shift(l) & mask) * 8);
      if (l == level) return e;
      if ((e & kV) == 0) {
        e = entry(next_table_, kV);
        next_table_ += 4096;
      }
      table = (e >> 10 & ((1ULL << 44) - 1)) << 12;
    }
  }
  void map(std::uint64_t va, std::uint64_t gpa, unsigned level = 0, std::uint64_t bits = kPlain) {
    vs_slot(va, level) = entry(gpa, bits);
  }
  void map_g(std::uint64_t gpa, std::uint64_t pa, unsigned level = 0,
             std::uint64_t bits = kGPlain) {
    g_slot(gpa, level) = entry(pa, bits);
  }
  /// A fresh page mapped at `va`; its guest physical address.
  std::uint64_t map_new(std::uint64_t va, std::uint64_t bits = kPlain) {
    const std::uint64_t gpa = new_page();
    map(va, gpa, 0, bits);
    return gpa;
  }

  std::uint64_t& word(std::uint64_t pa) {
    return *reinterpret_cast<std::uint64_t*>(memory_.at(pa));
  }
  [[nodiscard]] std::uint64_t vs_root() const { return vs_root_; }
  [[nodiscard]] const PhysicalMemory& memory() const { return memory_; }

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

  Options options_;
  PhysicalMemory memory_;
  std::uint64_t vs_root_ = 0;
  std::uint64_t next_page_ = kGuestRam;
  std::uint64_t next_table_ = kTableRam + 0x4000;

 public:
  Statistics statistics;
  Mmu mmu;
};

/// Keeps every step of a walk.
struct Recorder {
  std::vector<WalkStep> steps;
  void step(const WalkStep& s) { steps.push_back(s); }
};

}  // namespace axvm::sim::riscv64::test
