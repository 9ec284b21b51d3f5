// Any sequence of insertions and invalidations: the strict TLB is the list of entries in order of
// age that its model is, and a TLB restored from a description, damaged or not, works on.

#include <fuzz/input.hpp>
#include <fuzz/state.hpp>
#include <sim/arch/aarch64/tlb.hpp>
#include <tests/sim/arch/aarch64/tlb_model.hpp>

namespace {

using namespace axvm::sim::aarch64;
using axvm::fuzz::Input;
using axvm::fuzz::require;
using axvm::sim::StateVisitor;
using axvm::sim::Statistics;
using test::TlbModel;

std::vector<TlbModel::Record> entries_of(const Tlb& tlb) {
  std::vector<TlbModel::Record> records;
  tlb.for_each([&](TlbTag tag, const TlbEntry& entry) { records.push_back({tag, entry}); });
  return records;
}

class World {
 public:
  explicit World(Input& input)
      : input_(input), capacity_(1 + input.below(100)), tlb_(capacity_, statistics_) {}

  void step() {
    const auto vmid = static_cast<std::uint16_t>(input_.below(3));
    const auto asid = static_cast<std::uint16_t>(input_.below(3));
    const TlbTag tags[] = {TlbTag::of_asid(vmid, asid), TlbTag::global(vmid), TlbTag::stage2(vmid)};
    const TlbTag tag = input_.one_of(tags);
    const std::uint64_t page = input_.below(64);
    const std::uint64_t input = (page << 12) | ((page % 3) << 21) | ((page % 2) << 30);
    switch (input_.below(16)) {
      case 0:
        tlb_.drop(tag, input);
        model_.drop(tag, input);
        break;
      case 1:
        tlb_.drop(tag);
        model_.drop_if([&](TlbTag t) { return t == tag; });
        break;
      case 2:
        tlb_.drop_all_asids(vmid, input);
        model_.drop_all_asids(vmid, input);
        break;
      case 3:
        tlb_.drop_stage1(vmid);
        model_.drop_if([&](TlbTag t) { return t.vmid() == vmid && t.kind() != 2; });
        break;
      case 4:
        tlb_.drop_vmid(vmid);
        model_.drop_if([&](TlbTag t) { return t.vmid() == vmid; });
        break;
      case 5: restore_elsewhere(); break;
      case 6: restore_anything(); break;
      default: use(tag, input);
    }
  }

  void check() {
    require(entries_of(tlb_) == model_.records, "the TLB holds what the model holds");
    require(tlb_.size() == model_.records.size(), "the TLB knows its size");
    require(statistics_.tlb_evictions == model_.evictions, "evictions are counted");
  }

 private:
  /// As an MMU does: looks up, and remembers what it did not know.
  void use(TlbTag tag, std::uint64_t input) {
    const TlbEntry* expected = model_.find(tag, input);
    const TlbEntry* found = tlb_.find(tag, input);
    require((found == nullptr) == (expected == nullptr), "both know the address or neither");
    if (found != nullptr) {
      require(*found == *expected, "both know the same of it");
      return;
    }
    TlbEntry entry;
    entry.level = static_cast<std::uint8_t>(1 + input_.below(3));
    entry.stage1_level = entry.level;
    if (tag.kind() != 2)
      entry.stage1_level = static_cast<std::uint8_t>(1 + input_.below(entry.level));
    entry.stage2_level = entry.level;
    entry.input = input & ~(level_size(entry.level) - 1);
    entry.pa = std::uint64_t{serial_++} << 30;
    tlb_.insert(tag, entry);
    model_.insert(tag, entry);
  }

  void restore_elsewhere() {
    const auto state = axvm::fuzz::state_of<StateVisitor>(tlb_);
    Statistics unused;
    Tlb other(capacity_, unused);
    axvm::fuzz::Restore<StateVisitor> restore(state);
    other.describe(restore);
    require(entries_of(other) == entries_of(tlb_), "a restored TLB holds the same");
  }

  /// What a damaged snapshot leaves is a TLB with entries that make sense; the model follows.
  void restore_anything() {
    axvm::fuzz::RestoreAnything<StateVisitor> anything(input_);
    tlb_.describe(anything);
    model_.records = entries_of(tlb_);
    require(tlb_.size() <= capacity_, "a restored TLB is no larger than it may be");
    for (const auto& [tag, entry] : model_.records) {
      require(tag.kind() <= 2, "a restored tag is of a kind that there is");
      require(entry.level >= 1 && entry.level <= 3, "a restored entry has a level");
      require(entry.stage2_level <= entry.level, "a restored entry has a level of stage 2");
    }
  }

  Input& input_;
  std::uint32_t capacity_;
  Statistics statistics_;
  Tlb tlb_;
  TlbModel model_{capacity_};
  std::uint32_t serial_ = 1;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world(input);
  while (!input.empty()) world.step();
  world.check();
  return 0;
}
