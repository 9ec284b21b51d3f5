#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "tlb_model.hpp"
#include "world.hpp"

namespace axvm::sim::aarch64::test {

namespace {

constexpr std::uint16_t kVmid = World::kVmid;

void check(const char* law, auto&& property) {
  CAPTURE(law);
  CHECK(rc::check(law, property));
}

/// A few VAs in two 2 MiB blocks, so that pages, blocks and their fragments collide.
constexpr std::uint64_t kBlocks[] = {0x12'3440'0000, 0x12'3460'0000};
rc::Gen<std::uint64_t> some_va() {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 2), rc::gen::inRange(0, 6)),
                      [](std::pair<int, int> p) {
                        return kBlocks[p.first] + static_cast<std::uint64_t>(p.second) * 0x1000;
                      });
}

/// 2 MiB blocks of IPA that stage 2 maps in pages, or as a whole.
constexpr std::uint64_t kIpas[] = {0x20'0000'0000, 0x20'0020'0000, 0x20'0040'0000};

struct Op {
  enum Kind { MapPage, MapBlock, Unmap, Page2, Block2, Unmap2, Touch } kind;
  std::uint64_t va;
  unsigned ipa_block;
  unsigned ipa_page;
  std::uint64_t bits;
  Access access;
  unsigned el;
  std::uint16_t asid;
};

rc::Gen<Op> some_op() {
  return rc::gen::exec([] {
    Op op{};
    op.kind = *rc::gen::weightedElement<Op::Kind>({{3, Op::MapPage},
                                                   {2, Op::MapBlock},
                                                   {1, Op::Unmap},
                                                   {3, Op::Page2},
                                                   {1, Op::Block2},
                                                   {1, Op::Unmap2},
                                                   {12, Op::Touch}});
    op.va = *some_va();
    op.ipa_block = *rc::gen::inRange(0U, 3U);
    op.ipa_page = *rc::gen::inRange(0U, 6U);
    op.bits = *rc::gen::element<std::uint64_t>(0, kNotGlobal, kEl0 | kNotGlobal, kReadOnly,
                                               kUxn | kEl0, kPxn | kNotGlobal);
    op.access = *rc::gen::element(Access::Read, Access::Write, Access::Fetch);
    op.el = *rc::gen::inRange(0U, 2U);
    op.asid = *rc::gen::element<std::uint16_t>(1, 2);
    return op;
  });
}

/// Changes tables the way software must: every change is followed by its invalidations.
void apply(World& world, const Op& op) {
  const std::uint64_t ipa = kIpas[op.ipa_block] + op.ipa_page * 0x1000ULL;
  const std::uint64_t pa = World::kGuestRam + 0x2000'0000 + (ipa & 0xff'ffff);
  const std::uint64_t s2bits =
      op.access == Access::Read ? kS2Plain & ~kS2Write : kS2Plain ^ (op.el == 0 ? kS2Xn : 0);
  const auto invalidate2 = [&] {
    // What one 2 MiB entry or 512 pages may have left.
    for (std::uint64_t page = 0; page < 8; ++page) {
      world.mmu.tlbi_ipas2e1(kVmid, kIpas[op.ipa_block] + page * 0x1000);
    }
    world.mmu.tlbi_vmalle1(kVmid);
  };
  switch (op.kind) {
    case Op::MapPage: {
      std::uint64_t& block = world.slot1(op.va, 2);
      if ((block & 3) == 1) block = 0;
      world.map(op.va, ipa, 3, kPlain | op.bits);
      world.mmu.tlbi_vaae1(kVmid, op.va);
      break;
    }
    case Op::MapBlock:
      world.slot1(op.va, 2) = World::leaf(kIpas[op.ipa_block], 2, kPlain | op.bits);
      for (std::uint64_t page = 0; page < 8; ++page) {
        world.mmu.tlbi_vaae1(kVmid, (op.va & ~0x1f'ffffULL) + page * 0x1000);
      }
      break;
    case Op::Unmap: {
      std::uint64_t& block = world.slot1(op.va, 2);
      if ((block & 3) == 1) {
        block = 0;
      } else {
        world.slot1(op.va, 3) = 0;
      }
      world.mmu.tlbi_vaae1(kVmid, op.va);
      break;
    }
    case Op::Page2: {
      std::uint64_t& block = world.slot2(ipa, 2);
      if ((block & 3) == 1) block = 0;
      world.map2(ipa, pa, 3, s2bits);
      invalidate2();
      break;
    }
    case Op::Block2:
      world.map2(kIpas[op.ipa_block], pa & ~0x1f'ffffULL, 2, s2bits);
      invalidate2();
      break;
    case Op::Unmap2: {
      std::uint64_t& block = world.slot2(ipa, 2);
      if ((block & 3) == 1) {
        block = 0;
      } else {
        world.slot2(ipa, 3) = 0;
      }
      invalidate2();
      break;
    }
    case Op::Touch: break;
  }
}

}  // namespace

TEST_CASE("with every change followed by its TLBI, the TLB cannot be told from a walk") {
  check("translate == walk", [] {
    const auto capacity = *rc::gen::element<std::uint32_t>(1, 3, 8, 4096);
    World world{{.tlb_capacity = capacity}};
    const auto ops = *rc::gen::container<std::vector<Op>>(some_op());
    for (const Op& op : ops) {
      apply(world, op);
      world.set_asid(op.asid);
      const AccessContext context{
          .access = op.access, .el = static_cast<std::uint8_t>(op.el), .pan = op.ipa_page == 0};
      const std::uint64_t va = op.va + op.ipa_page * 8;
      const auto walked = world.walk(va, context);
      RC_ASSERT((world.mmu.translate_without_side_effects(va, context) == walked));
      RC_ASSERT((world.mmu.translate(va, context) == walked));
      RC_ASSERT((world.mmu.translate(va, context) == walked));
      RC_ASSERT(world.mmu.tlb().size() <= capacity);
    }
  });
}

TEST_CASE("without any TLBI, what was translated once is translated the same for ever") {
  check("strictness", [] {
    World world;
    const auto ops = *rc::gen::container<std::vector<Op>>(some_op());
    world.set_asid(1);
    struct Seen {
      std::uint64_t va;
      Translation translation;
    };
    std::vector<Seen> seen;
    // Tables change behind the TLB's back.
    for (const Op& op : ops) {
      const std::uint64_t ipa = kIpas[op.ipa_block] + op.ipa_page * 0x1000ULL;
      if (op.kind == Op::Page2 || op.kind == Op::MapPage) {
        world.map2(ipa, World::kGuestRam + op.ipa_page * 0x1000, 3);
        world.map(op.va, ipa, 3, kPlain | op.bits);
      }
      if (const auto t = world.mmu.translate(op.va, {})) {
        const auto known = std::ranges::find(seen, op.va, &Seen::va);
        if (known == seen.end()) {
          seen.push_back({op.va, *t});
        } else {
          RC_ASSERT((*t == known->translation));
        }
      } else {
        RC_ASSERT(std::ranges::find(seen, op.va, &Seen::va) == seen.end());
      }
    }
  });
}

TEST_CASE("the TLB is a bounded list in order of age") {
  check("tlb == model", [] {
    const auto capacity = *rc::gen::inRange<std::uint32_t>(1, 200);
    Statistics statistics;
    Tlb tlb(capacity, statistics);
    TlbModel model(capacity);
    const auto steps = *rc::gen::inRange(0, 400);
    for (int i = 0; i < steps; ++i) {
      const auto vmid = *rc::gen::inRange<std::uint16_t>(0, 3);
      const auto asid = *rc::gen::inRange<std::uint16_t>(0, 3);
      const TlbTag tag = *rc::gen::element(TlbTag::of_asid(vmid, asid), TlbTag::global(vmid),
                                           TlbTag::stage2(vmid));
      const auto page = *rc::gen::inRange<std::uint64_t>(0, 40);
      const std::uint64_t input = (page << 12) | ((page % 3) << 21) | ((page % 2) << 30);
      switch (*rc::gen::inRange(0, 14)) {
        case 0:
          tlb.drop(tag, input);
          model.drop(tag, input);
          break;
        case 1:
          tlb.drop(tag);
          model.drop_if([&](TlbTag t) { return t == tag; });
          break;
        case 2:
          tlb.drop_all_asids(vmid, input);
          model.drop_all_asids(vmid, input);
          break;
        case 3:
          if (*rc::gen::inRange(0, 4) == 0) {
            tlb.drop_stage1(vmid);
            model.drop_if([&](TlbTag t) { return t.vmid() == vmid && t.kind() != 2; });
          } else if (*rc::gen::inRange(0, 4) == 0) {
            tlb.drop_vmid(vmid);
            model.drop_if([&](TlbTag t) { return t.vmid() == vmid; });
          }
          break;
        default: {
          const TlbEntry* found = model.find(tag, input);
          RC_ASSERT((tlb.find(tag, input) == nullptr) == (found == nullptr));
          if (found != nullptr) {
            RC_ASSERT((*tlb.find(tag, input) == *found));
            break;
          }
          TlbEntry entry;
          entry.level = *rc::gen::inRange<std::uint8_t>(1, 4);
          entry.stage1_level = tag.kind() == 2 ? entry.level
                                               : *rc::gen::inRange<std::uint8_t>(
                                                     1, static_cast<std::uint8_t>(entry.level + 1));
          entry.input = input & ~(level_size(entry.level) - 1);
          entry.pa = static_cast<std::uint64_t>(i) << 12;
          tlb.insert(tag, entry);
          model.insert(tag, entry);
        }
      }
    }
    std::vector<TlbModel::Record> records;
    tlb.for_each([&](TlbTag t, const TlbEntry& e) { records.push_back({t, e}); });
    RC_ASSERT((records == model.records));
    RC_ASSERT(tlb.size() == records.size());
    RC_ASSERT(statistics.tlb_evictions == model.evictions);
  });
}

}  // namespace axvm::sim::aarch64::test
