// The strict TLB against a list, under random entries and fences.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <sim/arch/riscv64/tlb.hpp>
#include <sim/cpu/statistics.hpp>
#include <vector>

namespace axvm::sim::riscv64::test {
namespace {

struct Record {
  TlbTag tag;
  TlbEntry entry;
  bool operator==(const Record&) const = default;
};

bool covers(std::uint64_t start, BlockSize size, std::uint64_t address) {
  return ((start ^ address) >> block_shift(size)) == 0;
}

/// The TLB as one would write it without regard for speed: a list in order of age.
struct Model {
  std::uint32_t capacity;
  std::vector<Record> records;

  const TlbEntry* find(TlbTag tag, std::uint64_t input) const {
    const TlbEntry* best = nullptr;
    for (const Record& r : records) {
      if (r.tag != tag || !covers(r.entry.input, r.entry.block, input)) continue;
      if (best == nullptr || r.entry.block < best->block) best = &r.entry;
    }
    return best;
  }
  void insert(TlbTag tag, const TlbEntry& entry) {
    if (records.size() == capacity) records.erase(records.begin());
    records.push_back({tag, entry});
  }
  template <class Predicate>
  void drop_if(Predicate&& predicate) {
    std::erase_if(records, predicate);
  }
};

struct Step {
  unsigned kind;
  TlbTag tag;
  TlbEntry entry;
};

/// Few addresses, sizes and tags, so that they collide.
rc::Gen<Step> some_step() {
  return rc::gen::exec([] {
    Step s{};
    s.kind = *rc::gen::weightedElement<unsigned>(
        {{12, 0}, {1, 1}, {2, 2}, {2, 3}, {3, 4}, {1, 5}, {1, 6}});
    const auto vmid = *rc::gen::inRange<std::uint16_t>(1, 3);
    const auto asid = *rc::gen::inRange<std::uint16_t>(0, 2);
    s.tag =
        *rc::gen::element(TlbTag::of_asid(vmid, asid), TlbTag::global(vmid), TlbTag::stage2(vmid));
    const auto size = [] {
      return *rc::gen::element(BlockSize::Page, BlockSize::Napot, BlockSize::Mega);
    };
    TlbEntry& e = s.entry;
    e.vs_block = size();
    e.g_block = s.tag.kind() == 2 ? e.vs_block : size();
    e.block = std::min(e.vs_block, e.g_block);
    const auto address = [] {
      return 0x4000'0000 +
             *rc::gen::element<std::uint64_t>(0, 0x1000, 0x2000, 0x1'0000, 0x20'0000, 0x20'1000);
    };
    e.input = address() & ~(block_bytes(e.block) - 1);
    e.ipa = s.tag.kind() == 2 ? e.input : address() & ~(block_bytes(e.block) - 1);
    e.pa = *rc::gen::inRange<std::uint64_t>(0, 1000) << 21;
    return s;
  });
}

void apply(const Step& s, Tlb& tlb, Model& model) {
  const std::uint16_t vmid = s.tag.vmid();
  const std::uint64_t at = s.entry.input + 0x10;
  const auto first_stage = [vmid](const Record& r) {
    return r.tag.vmid() == vmid && r.tag.kind() != 2;
  };
  switch (s.kind) {
    case 0:
      if (tlb.find(s.tag, s.entry.input) != nullptr) return;
      tlb.insert(s.tag, s.entry);
      return model.insert(s.tag, s.entry);
    case 1: tlb.drop(s.tag); return model.drop_if([&](const Record& r) { return r.tag == s.tag; });
    case 2:
      tlb.drop(s.tag, at);
      return model.drop_if([&](const Record& r) {
        return r.tag == s.tag && covers(r.entry.input, r.entry.vs_block, at);
      });
    case 3:
      tlb.drop_all_asids(vmid, at);
      return model.drop_if([&](const Record& r) {
        return first_stage(r) && covers(r.entry.input, r.entry.vs_block, at);
      });
    case 4:
      tlb.drop_ipa(vmid, at);
      return model.drop_if([&](const Record& r) {
        return r.tag.vmid() == vmid && covers(r.entry.ipa, r.entry.g_block, at);
      });
    case 5: tlb.drop_stage1(vmid); return model.drop_if(first_stage);
    default:
      tlb.drop_vmid(vmid);
      return model.drop_if([vmid](const Record& r) { return r.tag.vmid() == vmid; });
  }
}

TEST_CASE("the TLB holds what a list would") {
  const bool holds = rc::check([] {
    const auto capacity = *rc::gen::element<std::uint32_t>(4, 16, 1000);
    const auto steps = *rc::gen::container<std::vector<Step>>(some_step());
    Statistics statistics;
    Tlb tlb(capacity, statistics);
    Model model{.capacity = capacity, .records = {}};
    for (const Step& s : steps) {
      apply(s, tlb, model);
      const TlbEntry* const found = tlb.find(s.tag, s.entry.input);
      const TlbEntry* const expected = model.find(s.tag, s.entry.input);
      RC_ASSERT((found == nullptr) == (expected == nullptr));
      if (found != nullptr) RC_ASSERT(*found == *expected);
    }
    std::vector<Record> held;
    tlb.for_each([&](TlbTag tag, const TlbEntry& e) { held.push_back({tag, e}); });
    RC_ASSERT(held == model.records);
  });
  CHECK(holds);
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
