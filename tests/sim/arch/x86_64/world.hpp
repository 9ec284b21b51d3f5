#pragma once
// Memory with tables for both stages, written bit by bit from the manual.

#include <array>
#include <cstdint>
#include <cstring>
#include <expected>
#include <sim/arch/x86_64/registers.hpp>
#include <sim/arch/x86_64/walk.hpp>
#include <sim/memory/physical_memory.hpp>
#include <utility>
#include <vector>

namespace axvm::sim::x86_64::test {

// Bits of table entries.
inline constexpr std::uint64_t kP = 1U << 0;
inline constexpr std::uint64_t kW = 1U << 1;
inline constexpr std::uint64_t kU = 1U << 2;
inline constexpr std::uint64_t kA = 1U << 5;
inline constexpr std::uint64_t kD = 1U << 6;
inline constexpr std::uint64_t kPs = 1U << 7;
inline constexpr std::uint64_t kG = 1U << 8;
inline constexpr std::uint64_t kNx = 1ULL << 63;
/// Permits everything, to everybody.
inline constexpr std::uint64_t kPlain = kP | kW | kU;

struct Options {
  PagingMode guest = PagingMode::Long4;
  /// None, Long4 or Long5.
  PagingMode nested = PagingMode::Long4;
  Features features = {};
};

/// What a guest in a mode has in its registers.
inline Registers registers_of(const Options& options) {
  Registers r;
  r.cr0 = cr0::PE | cr0::WP;
  r.efer = efer::NXE | efer::SVME;
  if (options.guest != PagingMode::None) r.cr0 |= cr0::PG;
  r.cr4 = options.guest == PagingMode::Legacy32 ? cr4::PSE : cr4::PAE;
  if (is_long(options.guest)) r.efer |= efer::LME | efer::LMA;
  if (options.guest == PagingMode::Long5) r.cr4 |= cr4::LA57;
  r.asid = 5;
  r.nested = options.nested != PagingMode::None;
  if (options.nested == PagingMode::Long5) r.host_cr4 = cr4::LA57;
  r.host_efer = efer::NXE | efer::SVME;
  return r;
}

class World {
 public:
  /// RAM, and where the guest's physical addresses begin in it.
  static constexpr std::uint64_t kRam = 0x1000'0000;
  static constexpr std::uint64_t kGuest = kRam + 0x100'0000;
  static constexpr std::uint64_t kGuestSize = 0x4000'0000;

  explicit World(const Options& options = {})
      : registers(registers_of(options)), options_(options), memory_(make_memory()) {
    if (registers.nested) registers.ncr3 = kRam;
    registers.cr3 = new_page();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// The guest physical address of a fresh zeroed page, which the nested tables map.
  std::uint64_t new_page() {
    const std::uint64_t gpa = next_page_;
    next_page_ += 4096;
    if (registers.nested) nested_slot(gpa) = pa_of(gpa) | kPlain;
    return registers.nested ? gpa : pa_of(gpa);
  }
  /// The physical address behind one of new_page().
  [[nodiscard]] std::uint64_t pa_of(std::uint64_t gpa) const {
    return gpa >= kGuest ? gpa : gpa + kGuest;
  }

  /// The physical address of the entry that translates `va` at `level`; tables above are made.
  std::uint64_t place(std::uint64_t va, unsigned level = 0) {
    const PagingMode mode = options_.guest;
    const unsigned bytes = mode == PagingMode::Legacy32 ? 4 : 8;
    std::uint64_t table = registers.cr3;
    for (unsigned l = levels_of(mode) - 1;; --l) {
      const std::uint64_t index = va >> level_shift(mode, l) & ((1U << index_bits(mode, l)) - 1);
      const std::uint64_t at = pa_of(table) + index * bytes;
      if (l == level) return at;
      std::uint64_t entry = get(at);
      if ((entry & kP) == 0) {
        // PAE's root has no permissions.
        entry = new_page() | (mode == PagingMode::Pae && l == 2 ? kP : kPlain);
        set(at, entry);
      }
      table = entry & 0x000f'ffff'ffff'f000;
    }
  }
  void map(std::uint64_t va, std::uint64_t gpa, std::uint64_t bits = kPlain, unsigned level = 0) {
    set(place(va, level), gpa | bits);
  }
  /// A fresh page mapped at `va`; its guest physical address.
  std::uint64_t map_new(std::uint64_t va, std::uint64_t bits = kPlain) {
    const std::uint64_t gpa = new_page();
    map(va, gpa, bits);
    return gpa;
  }
  /// The host's view of a nested entry.
  std::uint64_t& nested_slot(std::uint64_t gpa, unsigned level = 0) {
    std::uint64_t table = kRam;
    for (unsigned l = levels_of(options_.nested) - 1;; --l) {
      std::uint64_t& e = word(table + (gpa >> level_shift(options_.nested, l) & 511) * 8);
      if (l == level) return e;
      if ((e & kP) == 0) {
        e = next_table_ | kPlain;
        next_table_ += 4096;
      }
      table = e & 0x000f'ffff'ffff'f000;
    }
  }

  /// An entry of the guest's, by physical address.
  [[nodiscard]] std::uint64_t get(std::uint64_t pa) const {
    std::uint64_t entry = 0;
    std::memcpy(&entry, memory_.at(pa), options_.guest == PagingMode::Legacy32 ? 4 : 8);
    return entry;
  }
  void set(std::uint64_t pa, std::uint64_t entry) {
    std::memcpy(memory_.at(pa), &entry, options_.guest == PagingMode::Legacy32 ? 4 : 8);
  }
  std::uint64_t& word(std::uint64_t pa) {
    return *reinterpret_cast<std::uint64_t*>(memory_.at(pa));
  }
  [[nodiscard]] const PhysicalMemory& memory() const { return memory_; }

  /// A walk that sets A and D.
  template <class Observer>
  std::expected<Translation, Fault> walk(std::uint64_t va, AccessContext context,
                                         Observer& observer) {
    UpdatedTables tables(memory_, [](std::uint64_t) {});
    return walk_with(tables, va, context, observer);
  }
  std::expected<Translation, Fault> walk(std::uint64_t va, AccessContext context = {}) {
    NoObserver none;
    return walk(va, context, none);
  }
  /// One that sets nothing.
  std::expected<Translation, Fault> look(std::uint64_t va, AccessContext context = {}) const {
    ReadOnlyTables tables(memory_);
    NoObserver none;
    return walk_with(tables, va, context, none);
  }

  Registers registers;

 private:
  static PhysicalMemory make_memory() {
    const std::array<PhysicalMemory::Bank, 1> banks{{{kRam, 0x100'0000 + kGuestSize}}};
    return std::move(PhysicalMemory::create(banks).value());
  }
  template <class Tables, class Observer>
  std::expected<Translation, Fault> walk_with(Tables& tables, std::uint64_t va,
                                              AccessContext context, Observer& observer) const {
    const Regime regime(registers, options_.features);
    NoNestedCache cache;
    GuestLeaf first;
    NestedLeaf second;
    return Walker(tables, regime, cache, observer).translate(va, context, first, second);
  }

  Options options_;
  PhysicalMemory memory_;
  std::uint64_t next_page_ = 0x10'0000;
  std::uint64_t next_table_ = kRam + 0x1000;
};

/// Keeps every step of a walk.
struct Recorder {
  std::vector<WalkStep> steps;
  void step(const WalkStep& s) { steps.push_back(s); }
};

}  // namespace axvm::sim::x86_64::test
