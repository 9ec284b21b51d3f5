// Walks of random tables under random control bits, against the manual's figures written down once
// more, as tables of fields.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "world.hpp"

namespace axvm::sim::x86_64::test {
namespace {

/// Guest physical and physical addresses are all below this, but for large pages' offsets.
constexpr unsigned kFrames = 32;
constexpr unsigned kGuestFrames = 16;  // the others are nested tables
constexpr std::uint64_t kRam = kFrames * 4096;

using Bytes = std::vector<std::uint8_t>;

/// "word with bits high..low".
constexpr std::uint64_t ones(unsigned high, unsigned low) {
  std::uint64_t mask = 0;
  for (unsigned n = low; n <= high; ++n) mask |= std::uint64_t{1} << n;
  return mask;
}

/// One kind of entry: its figure in chapter 5.
struct Figure {
  std::uint64_t must_be_zero;
  std::uint64_t base;  ///< the field that is an address
};
/// One level of a mode: which bits of an address it takes, and its entries.
struct Level {
  unsigned high;
  unsigned low;
  std::optional<Figure> table;
  std::optional<Figure> page;
  bool has_permissions = true;
};

constexpr std::uint64_t kBase = ones(51, 12);

std::vector<Level> long_mode(unsigned levels) {
  const Figure table{.must_be_zero = 0, .base = kBase};
  std::vector<Level> all{
      {56, 48, Figure{ones(8, 7), kBase}, std::nullopt},    // 5-22
      {47, 39, Figure{ones(8, 7), kBase}, std::nullopt},    // 5-20
      {38, 30, table, Figure{ones(29, 13), ones(51, 30)}},  // 5-21, 5-26
      {29, 21, table, Figure{ones(20, 13), ones(51, 21)}},  // 5-22, 5-25
      {20, 12, std::nullopt, Figure{0, kBase}},             // 5-23
  };
  return {all.begin() + (5 - static_cast<int>(levels)), all.end()};
}
std::vector<Level> pae() {
  const std::uint64_t high = ones(62, 52);
  return {
      {31, 30, Figure{ones(63, 52) | ones(8, 5) | ones(2, 1), kBase}, std::nullopt, false},
      {29, 21, Figure{high, kBase}, Figure{high | ones(20, 13), ones(51, 21)}},
      {20, 12, std::nullopt, Figure{high, kBase}},
  };
}
std::vector<Level> legacy(bool pse) {
  std::vector<Level> levels{
      {31, 22, Figure{0, ones(31, 12)}, std::nullopt},
      {21, 12, std::nullopt, Figure{0, ones(31, 12)}},
  };
  if (pse) levels[0].page = Figure{ones(21, 21), ones(31, 22)};
  return levels;
}

struct Case {
  Registers registers;
  unsigned pa_bits;
  std::uint64_t va;
  Bytes memory;
  std::vector<AccessContext> accesses;
};

/// The walk as the manual tells it, on its own copy of memory.
class Manual {
 public:
  Manual(const Case& c, Bytes bytes) : memory(std::move(bytes)), case_(c) {}

  std::expected<std::uint64_t, Fault> translate(AccessContext context) {
    context_ = context;
    const Registers& r = case_.registers;
    const bool paging = (r.cr0 & cr0::PG) != 0;
    const bool pae_on = (r.cr4 & cr4::PAE) != 0;
    const bool long_on = paging && (r.efer & efer::LMA) != 0;
    va_ = long_on ? case_.va : case_.va & ones(31, 0);
    if (!paging) return physical(va_, context.access, false);
    std::vector<Level> levels = legacy((r.cr4 & cr4::PSE) != 0);
    std::uint64_t table = r.cr3 & ones(31, 12);
    if (long_on) {
      levels = long_mode((r.cr4 & cr4::LA57) != 0 ? 5 : 4);
      table = r.cr3 & kBase;
      const std::uint64_t top = va_ & ones(63, levels.front().high);
      if (top != 0 && top != ones(63, levels.front().high)) {
        return std::unexpected(Fault{.kind = FaultKind::NonCanonical, .va = va_});
      }
    } else if (pae_on) {
      levels = pae();
      table = r.cr3 & ones(31, 5);
    }
    const unsigned bytes = pae_on ? 8 : 4;
    bool writable = true;
    bool user = true;
    bool executable = true;
    std::vector<std::uint64_t> used;
    for (std::size_t n = 0; n < levels.size(); ++n) {
      const Level& level = levels[n];
      const auto number = static_cast<unsigned>(levels.size() - 1 - n);
      const std::uint64_t index = (va_ & ones(level.high, level.low)) >> level.low;
      const auto at = physical(table + index * bytes, Access::Write, true);
      if (!at) return at;
      const std::uint64_t entry = read(*at, bytes);
      if ((entry & 1) == 0) return page_fault_at(number, 0);
      const bool page = !level.table || ((entry & kPs) != 0 && level.page);
      const Figure& figure = page ? *level.page : *level.table;
      std::uint64_t reserved = figure.must_be_zero;
      if (bytes == 8 && (r.efer & efer::NXE) == 0) reserved |= kNx;
      if (bytes == 8) reserved |= ones(51, 0) & ~ones(case_.pa_bits - 1, 0);
      if (bytes == 4 && page && number == 1 && case_.pa_bits < 40) {
        reserved |= ones(20, 13) & ~ones(case_.pa_bits - 32 + 12, 0);
      }
      if ((entry & reserved) != 0) return page_fault_at(number, pf::P | pf::RSV);
      if (level.has_permissions) {
        writable = writable && (entry & kW) != 0;
        user = user && (entry & kU) != 0;
        executable = executable && (entry & kNx) == 0;
        used.push_back(*at);
      }
      table = entry & figure.base;
      if (!page) continue;
      if (!may(writable, user, executable)) return page_fault_at(number, pf::P);
      for (const std::uint64_t place : used) write(place, bytes, kA);
      if (context.access == Access::Write) write(used.back(), bytes, kD);
      if (bytes == 4 && number == 1) table |= (entry & ones(20, 13)) << 19;
      return physical(table | (va_ & ones(level.low - 1, 0)), context.access, false);
    }
    return page_fault_at(0, 0);
  }

  Bytes memory;

 private:
  struct pf {
    static constexpr std::uint64_t P = 1, W = 2, U = 4, RSV = 8, ID = 16;
  };

  [[nodiscard]] bool may(bool writable, bool user, bool executable) const {
    const Registers& r = case_.registers;
    const Access access = context_.access;
    if (context_.user && !context_.implicit) {
      return user && (access != Access::Write || writable) &&
             (access != Access::Fetch || executable);
    }
    if (access == Access::Fetch) return executable && !(user && (r.cr4 & cr4::SMEP) != 0);
    if (user && (r.cr4 & cr4::SMAP) != 0 && (context_.implicit || !context_.ac)) return false;
    return access == Access::Read || writable || (r.cr0 & cr0::WP) == 0;
  }
  [[nodiscard]] std::unexpected<Fault> page_fault_at(unsigned level, std::uint64_t error) const {
    const Registers& r = case_.registers;
    if (context_.access == Access::Write) error |= pf::W;
    if (context_.user && !context_.implicit) error |= pf::U;
    const bool nx = (r.efer & efer::NXE) != 0 && (r.cr4 & cr4::PAE) != 0;
    if (context_.access == Access::Fetch && (nx || (r.cr4 & cr4::SMEP) != 0)) error |= pf::ID;
    return std::unexpected(Fault{.kind = FaultKind::Page,
                                 .level = static_cast<std::uint8_t>(level),
                                 .error = error,
                                 .va = va_});
  }

  /// 15.25.5 and 15.25.6.
  std::expected<std::uint64_t, Fault> physical(std::uint64_t gpa, Access access, bool of_tables) {
    const Registers& r = case_.registers;
    if (!r.nested) return gpa;
    const std::vector<Level> levels = long_mode((r.host_cr4 & cr4::LA57) != 0 ? 5 : 4);
    const bool nx = (r.host_efer & efer::NXE) != 0;
    const auto fail = [&](std::size_t level, std::uint64_t error) {
      error |= pf::U | (access == Access::Write ? pf::W : 0) |
               (access == Access::Fetch && nx ? pf::ID : 0) | 1ULL << (of_tables ? 33 : 32);
      return std::unexpected(Fault{.kind = FaultKind::NestedPage,
                                   .level = static_cast<std::uint8_t>(level),
                                   .error = error,
                                   .va = va_,
                                   .gpa = gpa});
    };
    if ((gpa & ~ones(levels.front().high, 0)) != 0) return fail(levels.size() - 1, 0);
    bool writable = true;
    bool user = true;
    bool executable = true;
    std::vector<std::uint64_t> used;
    std::uint64_t table = r.ncr3 & kBase;
    for (std::size_t n = 0;; ++n) {
      const Level& level = levels[n];
      const std::size_t number = levels.size() - 1 - n;
      const std::uint64_t at = table + ((gpa & ones(level.high, level.low)) >> level.low) * 8;
      const std::uint64_t entry = read(at, 8);
      if ((entry & 1) == 0) return fail(number, 0);
      const bool page = !level.table || ((entry & kPs) != 0 && level.page);
      const Figure& figure = page ? *level.page : *level.table;
      std::uint64_t reserved = figure.must_be_zero | (nx ? 0 : kNx);
      reserved |= ones(51, 0) & ~ones(case_.pa_bits - 1, 0);
      if ((entry & reserved) != 0) return fail(number, pf::P | pf::RSV);
      writable = writable && (entry & kW) != 0;
      user = user && (entry & kU) != 0;
      executable = executable && (entry & kNx) == 0;
      used.push_back(at);
      table = entry & figure.base;
      if (!page) continue;
      const bool allowed =
          user && (access != Access::Write || writable) && (access != Access::Fetch || executable);
      if (!allowed) return fail(number, pf::P);
      for (const std::uint64_t place : used) write(place, 8, kA);
      if (access == Access::Write) write(used.back(), 8, kD);
      return table | (gpa & ones(level.low - 1, 0));
    }
  }

  [[nodiscard]] std::uint64_t read(std::uint64_t pa, unsigned bytes) const {
    std::uint64_t entry = bytes == 8 ? ~0ULL : 0xffff'ffffULL;
    if (pa + bytes > kRam) return entry;
    entry = 0;
    std::memcpy(&entry, memory.data() + pa, bytes);
    return entry;
  }
  void write(std::uint64_t pa, unsigned bytes, std::uint64_t bits) {
    if (pa + bytes > kRam) return;
    const std::uint64_t entry = read(pa, bytes) | bits;
    std::memcpy(memory.data() + pa, &entry, bytes);
  }

  const Case& case_;
  AccessContext context_;
  std::uint64_t va_ = 0;
};

/// True in one of `n` cases.
bool one_in(unsigned n) { return *rc::gen::resize(100, rc::gen::inRange(0U, n)) == 0; }

/// Mostly a table's or page's that permits a lot; leads to one of `frames` from `first` on.
std::uint64_t some_entry(std::uint64_t random, unsigned first, unsigned frames, bool legacy32) {
  const auto take = [&random](unsigned n) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<unsigned>((random >> 33) % n);
  };
  std::uint64_t entry = std::uint64_t{first + take(frames)} << 12;
  if (take(40) != 0) entry |= kP;
  if (take(12) != 0) entry |= kW;
  if (take(12) != 0) entry |= kU;
  if (take(3) == 0) entry |= kA;
  if (take(3) == 0) entry |= kD;
  // A large page's address is 0, or nearly.
  if (take(8) == 0) entry = (entry & ~ones(51, 13)) | kPs;
  if (take(8) == 0) entry |= kG;
  if (take(20) == 0) entry |= kNx;
  if (take(20) == 0) entry ^= 1ULL << take(64);
  return legacy32 ? entry & ones(31, 0) : entry;
}

Case some_case() {
  Case c{};
  using enum PagingMode;
  const Options options{.guest = *rc::gen::element(None, Legacy32, Pae, Long4, Long5),
                        .nested = *rc::gen::element(None, Long4, Long5)};
  c.registers = registers_of(options);
  Registers& r = c.registers;
  if (one_in(3)) r.cr0 ^= cr0::WP;
  if (one_in(3)) r.efer ^= efer::NXE;
  if (one_in(3)) r.host_efer ^= efer::NXE;
  if (one_in(3)) r.cr4 ^= cr4::SMEP;
  if (one_in(3)) r.cr4 ^= cr4::SMAP;
  if (one_in(3)) r.cr4 ^= cr4::PSE;
  r.cr3 = *rc::gen::inRange(0U, kGuestFrames) * 4096ULL;
  r.ncr3 = *rc::gen::inRange(kGuestFrames, kFrames) * 4096ULL;
  c.pa_bits = *rc::gen::element(36U, 39U, 40U, 48U, 52U);
  c.va = *rc::gen::arbitrary<std::uint64_t>() & 0x1003'0180'c060'3fff;
  if (one_in(4)) c.va |= ones(63, is_long(options.guest) ? input_bits(options.guest) - 1 : 31);
  // Of each table the entries that such addresses choose.
  c.memory.resize(kRam);
  std::uint64_t random = *rc::gen::arbitrary<std::uint64_t>() | 1;
  for (unsigned frame = 0; frame < kFrames; ++frame) {
    const bool nested = frame >= kGuestFrames;
    const bool legacy32 = !nested && options.guest == Legacy32;
    const unsigned bytes = legacy32 ? 4 : 8;
    const auto fill = [&](unsigned index) {
      random = random * 2862933555777941757ULL + 3037000493ULL;
      // The nested tables' last level leads to the guest's frames; which level that is, chance
      // says.
      const bool to_guest = !nested || (random >> 40) % 2 == 0;
      const std::uint64_t entry =
          some_entry(random, to_guest ? 0 : kGuestFrames, kGuestFrames, legacy32);
      std::memcpy(c.memory.data() + frame * 4096 + index * bytes, &entry, bytes);
    };
    for (unsigned index = 0; index < 4096 / bytes; ++index) fill(index);
  }
  for (unsigned n = 0; n < 6; ++n) {
    c.accesses.push_back({.access = *rc::gen::element(Access::Read, Access::Write, Access::Fetch),
                          .user = *rc::gen::arbitrary<bool>(),
                          .implicit = one_in(8),
                          .ac = *rc::gen::arbitrary<bool>()});
  }
  return c;
}

PhysicalMemory memory_with(const Bytes& bytes) {
  const std::array<PhysicalMemory::Bank, 1> banks{{{0, kRam}}};
  PhysicalMemory memory = std::move(PhysicalMemory::create(banks).value());
  std::memcpy(memory.at(0), bytes.data(), bytes.size());
  return memory;
}

TEST_CASE("walks of random tables end as the manual says, and leave the bits that it says") {
  unsigned translated = 0;
  unsigned page_faults = 0;
  unsigned nested_faults = 0;
  const bool passed = rc::check([&] {
    const Case c = some_case();
    const PhysicalMemory memory = memory_with(c.memory);
    Manual manual(c, c.memory);
    const Regime regime(c.registers, {.pa_bits = c.pa_bits});
    for (const AccessContext& context : c.accesses) {
      UpdatedTables tables(memory, [](std::uint64_t) {});
      NoNestedCache cache;
      NoObserver observer;
      GuestLeaf first;
      NestedLeaf second;
      const auto is =
          Walker(tables, regime, cache, observer).translate(c.va, context, first, second);
      const auto should = manual.translate(context);
      RC_ASSERT(is.has_value() == should.has_value());
      RC_ASSERT(std::memcmp(memory.at(0), manual.memory.data(), kRam) == 0);
      if (!is) {
        RC_ASSERT(is.error() == should.error());
        if (is.error().kind == FaultKind::Page) ++page_faults;
        if (is.error().kind == FaultKind::NestedPage) ++nested_faults;
        continue;
      }
      ++translated;
      RC_ASSERT(is->pa == *should);
      RC_ASSERT(is->permissions.allow(context.access));
    }
  });
  CHECK(passed);
  // The cases are about all three.
  CHECK(translated > 30);
  CHECK(page_faults > 30);
  CHECK(nested_faults > 30);
}

TEST_CASE("what a translation permits, walks confirm") {
  unsigned translated = 0;
  CHECK(rc::check([&] {
    const Case c = some_case();
    const Regime regime(c.registers, {.pa_bits = c.pa_bits});
    for (AccessContext context : c.accesses) {
      const auto walk = [&](Access access) {
        const PhysicalMemory memory = memory_with(c.memory);
        context.access = access;
        UpdatedTables tables(memory, [](std::uint64_t) {});
        NoNestedCache cache;
        NoObserver observer;
        GuestLeaf first;
        NestedLeaf second;
        return Walker(tables, regime, cache, observer).translate(c.va, context, first, second);
      };
      const auto t = walk(context.access);
      if (!t) continue;
      ++translated;
      RC_ASSERT(t->permissions.read == walk(Access::Read).has_value());
      RC_ASSERT(t->permissions.fetch == walk(Access::Fetch).has_value());
      // What is not dirty waits for the first write.
      const auto written = walk(Access::Write);
      RC_ASSERT(!t->permissions.write || written);
      RC_ASSERT(!written || written->permissions.write);
    }
  }));
  CHECK(translated > 30);
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
