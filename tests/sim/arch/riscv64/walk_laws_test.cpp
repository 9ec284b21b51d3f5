// Walks of tables made up at random, against the manual's algorithm written down once for both
// stages.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "leaf_permissions.hpp"
#include "world.hpp"

namespace axvm::sim::riscv64::test {
namespace {

/// Tables for one address, and what is changed in those entries that its translation reads.
struct Change {
  enum class Where { VsLeaf, GLeaf, Anywhere } where;
  /// Anywhere: the number of the entry, modulo how many there are.
  unsigned which;
  /// 0..63: this bit is flipped. 64: a leaf at address 0 instead. 65: nothing there.
  unsigned how;
};
struct Case {
  unsigned vs_levels;
  unsigned g_levels;
  unsigned vs_leaf;
  unsigned g_leaf;
  bool vs_napot;
  bool g_napot;
  bool pbmt;
  bool pbmte;
  std::uint64_t va;
  std::uint64_t vs_bits;
  std::uint64_t g_bits;
  std::vector<Change> changes;
  std::vector<AccessContext> contexts;
};

/// "Virtual Address Translation Process": how one stage ends.
struct StageEnd {
  enum class How { Leaf, Fault, NoMemory, EntryRefused } how = How::Fault;
  unsigned level = 0;
  std::uint64_t entry = 0;
  std::uint64_t entry_address = 0;  ///< physical
  std::uint64_t address = 0;
  unsigned shift = 48;  ///< log2 of the leaf's bytes
};

/// The algorithm, with the registers of a case.
class Manual {
 public:
  Manual(World& world, const Case& c) : world_(world), case_(c) {}

  struct Answer {
    std::optional<Fault> fault;
    StageEnd first;
    StageEnd second;
  };

  Answer translate(std::uint64_t va, const AccessContext& context) {
    reads.clear();
    Answer a;
    a.fault = Fault{.access = context.access, .va = va};
    Fault& f = *a.fault;
    // "Two-Stage Address Translation": entries of the VS-stage are loaded through the G-stage, as
    // if from U-mode and without MXR.
    const auto entry_address = [&](std::uint64_t gpa) -> std::optional<std::uint64_t> {
      const StageEnd g = guest_physical(gpa);
      if (g.how == StageEnd::How::Leaf && g_allows(g.entry, {.access = Access::Load})) {
        return g.address;
      }
      f.kind = g.how == StageEnd::How::NoMemory ? FaultKind::Access : FaultKind::GuestPage;
      f.implicit = true;
      f.level = static_cast<std::uint8_t>(g.level);
      f.gpa = gpa;
      return std::nullopt;
    };
    a.first = {.how = StageEnd::How::Leaf, .entry = kAnything, .address = va};
    if (case_.vs_levels != 0) {
      a.first = stage(va, case_.vs_levels, 9, world_.vs_root(), case_.pbmt && case_.pbmte,
                      is_sign_extended(va), entry_address);
    }
    if (a.first.how == StageEnd::How::EntryRefused) return a;
    f.level = static_cast<std::uint8_t>(a.first.level);
    f.kind = a.first.how == StageEnd::How::NoMemory ? FaultKind::Access : FaultKind::Page;
    if (a.first.how != StageEnd::How::Leaf) return a;
    if (case_.vs_levels != 0 && !vs_allows(a.first.entry, context)) return a;
    a.second = guest_physical(a.first.address);
    f.level = static_cast<std::uint8_t>(a.second.level);
    f.kind = a.second.how == StageEnd::How::NoMemory ? FaultKind::Access : FaultKind::GuestPage;
    f.gpa = a.first.address;
    if (a.second.how != StageEnd::How::Leaf) return a;
    if (case_.g_levels == 0 || g_allows(a.second.entry, context)) a.fault.reset();
    return a;
  }

  /// Physical addresses of the entries that it has read, in order.
  std::vector<std::uint64_t> reads;

 private:
  static constexpr std::uint64_t kAnything = kV | kR | kW | kX | kU | kA | kD;

  [[nodiscard]] bool is_sign_extended(std::uint64_t va) const {
    const auto top = static_cast<std::int64_t>(va) >> (12 + 9 * case_.vs_levels - 1);
    return top == 0 || top == -1;
  }

  StageEnd guest_physical(std::uint64_t gpa) {
    if (case_.g_levels == 0) {
      return {.how = StageEnd::How::Leaf, .entry = kAnything, .address = gpa};
    }
    const bool in_range = gpa < std::uint64_t{1} << (12 + 9 * case_.g_levels + 2);
    return stage(gpa, case_.g_levels, 11, World::kTableRam, case_.pbmt, in_range,
                 [](std::uint64_t at) { return std::optional(at); });
  }

  template <class Locate>
  StageEnd stage(std::uint64_t input, unsigned levels, unsigned root_index_bits, std::uint64_t a,
                 bool pbmt, bool in_range, Locate&& locate) {
    using How = StageEnd::How;
    StageEnd end{.how = How::Fault, .level = levels - 1};
    if (!in_range) return end;
    for (unsigned i = levels; i-- > 0;) {
      const unsigned shift = 12 + 9 * i;
      const unsigned index_bits = i + 1 == levels ? root_index_bits : 9;
      end = {.how = How::Fault, .level = i, .shift = shift};
      const auto at = locate(a + (input >> shift) % (std::uint64_t{1} << index_bits) * 8);
      if (!at) return {.how = How::EntryRefused};
      if (!is_memory(*at)) {
        end.how = How::NoMemory;
        return end;
      }
      reads.push_back(*at);
      end.entry_address = *at;
      end.entry = world_.word(*at);
      if (is_reserved(end.entry, pbmt)) return end;
      a = (end.entry << 10 >> 20) << 12;
      if ((end.entry & (kR | kX)) == 0) {
        // "For non-leaf PTEs, the D, A, and U bits are reserved", and so are N and PBMT.
        if ((end.entry & (kD | kA | kU | kN | kNc | kIo)) != 0) return end;
        continue;
      }
      if (a % (std::uint64_t{1} << shift) != 0) return end;
      if ((end.entry & kN) != 0) {
        // Svnapot: 64 KiB, by ppn[3:0] = 1000, in level 0.
        if (i != 0 || a >> 12 << 60 != 0x8ULL << 60) return end;
        end.shift = 16;
      }
      const std::uint64_t offset = (std::uint64_t{1} << end.shift) - 1;
      end.how = How::Leaf;
      end.address = (a & ~offset) | (input & offset);
      return end;
    }
    return end;
  }

  static bool is_reserved(std::uint64_t entry, bool pbmt) {
    const std::uint64_t type = entry & (kNc | kIo);
    return (entry & kV) == 0 || (entry & (kR | kW)) == kW || (entry << 3 >> 57) != 0 ||
           type == (kNc | kIo) || (type != 0 && !pbmt);
  }
  static bool is_memory(std::uint64_t pa) {
    return pa - World::kGuestRam < World::kGuestSize || pa - World::kTableRam < World::kTableSize;
  }

  World& world_;
  const Case& case_;
};

/// Mostly what permits a lot.
std::uint64_t some_bits(std::uint64_t plain) {
  if (*rc::gen::inRange(0, 3) != 0) return plain;
  return kV | (*rc::gen::inRange<std::uint64_t>(0, 128) << 1);
}

/// Mostly one that the first stage that there is can translate.
std::uint64_t some_address(unsigned vs_levels, unsigned g_levels) {
  const std::uint64_t any =
      *rc::gen::arbitrary<std::uint64_t>() << 24 ^ *rc::gen::inRange(0U, 1U << 24);
  if (vs_levels + g_levels == 0 || *rc::gen::inRange(0, 8) == 0) return any;
  if (vs_levels == 0) return any & ((std::uint64_t{1} << (14 + 9 * g_levels)) - 1);
  const unsigned unused = 52 - 9 * vs_levels;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(any << unused) >> unused);
}

Case some_case() {
  Case c{};
  c.vs_levels = *rc::gen::element(0U, 3U, 4U, 5U);
  c.g_levels = *rc::gen::element(0U, 3U, 4U, 5U);
  c.vs_leaf = c.vs_levels == 0 ? 0 : *rc::gen::inRange(0U, c.vs_levels);
  c.g_leaf = c.g_levels == 0 ? 0 : *rc::gen::inRange(0U, 3U);
  c.vs_napot = c.vs_leaf == 0 && *rc::gen::inRange(0, 4) == 0;
  c.g_napot = c.g_leaf == 0 && *rc::gen::inRange(0, 4) == 0;
  c.pbmt = *rc::gen::arbitrary<bool>();
  c.pbmte = *rc::gen::arbitrary<bool>();
  c.va = some_address(c.vs_levels, c.g_levels);
  c.vs_bits = some_bits(kPlain | (*rc::gen::arbitrary<bool>() ? kU : 0));
  c.g_bits = some_bits(kGPlain);
  const unsigned changes = *rc::gen::element(0U, 0U, 1U, 2U);
  for (unsigned n = 0; n < changes; ++n) {
    using enum Change::Where;
    const auto how = rc::gen::weightedOneOf<unsigned>({{2, rc::gen::inRange(0U, 10U)},
                                                       {2, rc::gen::inRange(10U, 20U)},
                                                       {1, rc::gen::inRange(20U, 54U)},
                                                       {3, rc::gen::inRange(54U, 66U)}});
    c.changes.push_back({.where = *rc::gen::element(VsLeaf, GLeaf, Anywhere, Anywhere),
                         .which = *rc::gen::inRange(0U, 64U),
                         .how = *how});
  }
  for (unsigned n = 0; n < 4; ++n) {
    AccessContext& context = c.contexts.emplace_back();
    context.access = *rc::gen::element(Access::Load, Access::Store, Access::Fetch);
    context.user = *rc::gen::arbitrary<bool>();
    context.sum = *rc::gen::arbitrary<bool>();
    context.mxr = *rc::gen::arbitrary<bool>();
    context.hs_mxr = *rc::gen::arbitrary<bool>();
    context.hlvx = context.access == Access::Load && *rc::gen::inRange(0, 4) == 0;
  }
  return c;
}

/// The bytes of a leaf, and an entry that leads to an address with it.
std::uint64_t leaf_bytes(unsigned level, bool napot) {
  return napot ? 0x1'0000 : std::uint64_t{1} << (12 + 9 * level);
}
std::uint64_t leaf(std::uint64_t address, std::uint64_t bytes, bool napot, std::uint64_t bits) {
  const std::uint64_t start = address & ~(bytes - 1);
  return napot ? entry(start | 0x8000, bits | kN) : entry(start, bits);
}

/// Maps the case's address through both stages, then changes what it was given.
void build(World& w, const Case& c, Manual& manual) {
  if (c.pbmte) w.mmu.registers().henvcfg = envcfg::PBMTE;
  std::uint64_t gpa = c.va;
  if (c.vs_levels != 0) {
    const std::uint64_t bytes = leaf_bytes(c.vs_leaf, c.vs_napot);
    const std::uint64_t target = World::kGuestGpa + 0x2345'6000;
    w.vs_slot(c.va, c.vs_leaf) = leaf(target, bytes, c.vs_napot, c.vs_bits);
    gpa = (target & ~(bytes - 1)) | (c.va & (bytes - 1));
  }
  if (c.g_levels != 0) {
    const std::uint64_t bytes = leaf_bytes(c.g_leaf, c.g_napot);
    // Not where the tables of the VS-stage are, which have to be found.
    if ((gpa ^ World::kGuestGpa) >= std::max<std::uint64_t>(bytes, 0x100'0000)) {
      const std::uint64_t target = World::kGuestRam + 0x3456'7000;
      w.g_slot(gpa, c.g_leaf) = leaf(target, bytes, c.g_napot, c.g_bits);
    }
  }
  for (const Change& change : c.changes) {
    const Manual::Answer now = manual.translate(c.va, c.contexts.front());
    if (manual.reads.empty()) continue;
    std::uint64_t at = manual.reads[change.which % manual.reads.size()];
    if (change.where == Change::Where::VsLeaf) at = now.first.entry_address;
    if (change.where == Change::Where::GLeaf) at = now.second.entry_address;
    if (at == 0) continue;
    std::uint64_t& entry = w.word(at);
    if (change.how < 64) {
      entry ^= std::uint64_t{1} << change.how;
    } else {
      entry = change.how == 64 ? kGPlain : 0;
    }
  }
}

void require_same(const std::expected<Translation, Fault>& t, const Manual::Answer& expected,
                  const AccessContext& context) {
  RC_ASSERT(t.has_value() == !expected.fault.has_value());
  if (!t) {
    RC_ASSERT(t.error().cause() == expected.fault->cause());
    RC_ASSERT(t.error().va == expected.fault->va);
    RC_ASSERT(t.error().level == expected.fault->level);
    if (t.error().kind != FaultKind::GuestPage) return;
    RC_ASSERT(t.error().gpa == expected.fault->gpa);
    RC_ASSERT(t.error().implicit == expected.fault->implicit);
    return;
  }
  const StageEnd& first = expected.first;
  const StageEnd& second = expected.second;
  RC_ASSERT(t->gpa == first.address);
  RC_ASSERT(t->pa == second.address);
  RC_ASSERT(t->page_size == std::uint64_t{1} << std::min(first.shift, second.shift));
  RC_ASSERT(t->uncached == (((first.entry | second.entry) & (kNc | kIo)) != 0));
  RC_ASSERT(t->permissions.allow(context.access));
}

void check_walks_of(const Case& c) {
  World w({.vs_levels = c.vs_levels,
           .g_levels = c.g_levels,
           .g_leaf = c.g_leaf,
           .features = {.pbmt = c.pbmt}});
  Manual manual(w, c);
  build(w, c, manual);
  for (const AccessContext& context : c.contexts) {
    const Manual::Answer expected = manual.translate(c.va, context);
    Recorder seen;
    require_same(w.mmu.walk(c.va, context, seen), expected, context);
    RC_ASSERT(std::ranges::equal(seen.steps, manual.reads, {}, &WalkStep::entry_pa));
    // Through the TLB, which knows more each time.
    require_same(w.mmu.translate_without_side_effects(c.va, context), expected, context);
    require_same(w.mmu.translate(c.va, context), expected, context);
    require_same(w.mmu.translate(c.va, context), expected, context);
  }
}

TEST_CASE("a walk of any tables ends as the manual's algorithm, by the same entries") {
  const bool holds = rc::check([] {
    for (unsigned n = 0; n < 20; ++n) check_walks_of(some_case());
  });
  CHECK(holds);
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
