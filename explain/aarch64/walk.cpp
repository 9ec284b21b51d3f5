#include <fmt/format.h>

#include <explain/aarch64/layouts.hpp>
#include <explain/aarch64/walk.hpp>
#include <hal-sim/config/size_text.hpp>
#include <utility>

namespace axvm::explain::aarch64 {

namespace {

using sim::aarch64::Mmu;
using sim::aarch64::Stage1;
using sim::aarch64::Stage2;
using sim::aarch64::TlbEntry;
using sim::aarch64::TlbTag;

struct Recorder {
  std::vector<WalkRead> reads;
  void step(const WalkStep& step) { reads.push_back({.step = step}); }
};

template <class Observer>
std::expected<Translation, Fault> walk_once(const Mmu& mmu, const WalkQuestion& question,
                                            Access access, Observer& observer) {
  if (question.stage2_only) return mmu.walk_stage2(question.address, access, observer);
  return mmu.walk(question.address, {.access = access, .el = question.el, .pan = false}, observer);
}

std::string permissions(const Mmu& mmu, const WalkQuestion& question) {
  std::string text;
  for (const auto& [access, letter] :
       {std::pair{Access::Read, 'r'}, {Access::Write, 'w'}, {Access::Fetch, 'x'}}) {
    sim::aarch64::NoObserver nobody;
    text += walk_once(mmu, question, access, nobody) ? letter : '-';
  }
  return text;
}

const sim::aarch64::Stage1Half& half_of(const Stage1& stage1, std::uint64_t va) {
  return stage1.half[(va >> 55) & 1];
}

// Which stage-1 descriptor each read of stage 2 is for.
void name_purposes(ExplainedWalk& walk) {
  const Stage1 stage1(walk.registers, walk.features);
  unsigned next = half_of(stage1, walk.question.address).start_level;
  for (WalkRead& read : walk.reads) {
    if (read.step.stage == 1) next = read.step.level + 1U;
    if (read.step.during_stage1_walk) read.for_stage1_level = next;
  }
}

void count_cycles(ExplainedWalk& walk, const sim::timing::HierarchyProfile* memory) {
  std::vector<std::uint64_t> addresses;
  addresses.reserve(walk.reads.size());
  for (const WalkRead& read : walk.reads) addresses.push_back(read.step.descriptor_pa);
  WalkCost cost = walk_cost(addresses, memory);
  walk.cycles_before = cost.cycles_before;
  walk.cost_model = std::move(cost.model);
  for (std::size_t n = 0; n < walk.reads.size(); ++n) walk.reads[n].cost = cost.reads[n];
}

bool covers(const TlbEntry& entry, std::uint64_t input) {
  return (input & ~(sim::aarch64::level_size(entry.level) - 1)) == entry.input;
}

std::uint64_t offset_in(const TlbEntry& entry, std::uint64_t input) {
  return input & (sim::aarch64::level_size(entry.level) - 1);
}

// Entries of the VM for the address, whatever their ASID, and of stage 2 for where it leads.
void find_in_tlb(const Mmu& mmu, ExplainedWalk& walk) {
  const Stage1 stage1(walk.registers, walk.features);
  const Stage2 stage2(walk.registers, walk.features);
  const bool combined = stage1.enabled && !walk.question.stage2_only;
  const std::uint64_t va = stage1.significant(walk.question.address);
  std::optional<std::uint64_t> ipa;
  if (walk.result) {
    ipa = walk.result->ipa;
  } else if (walk.result.error().stage == 2 && !walk.result.error().during_stage1_walk) {
    ipa = walk.result.error().ipa;
  }
  std::vector<TlbFinding> of_stage2;
  mmu.tlb().for_each([&](TlbTag tag, const TlbEntry& entry) {
    if (tag.vmid() != stage2.vmid) return;
    constexpr unsigned kStage2 = 2;
    TlbFinding found{.tag = tag, .entry = entry};
    if (tag.kind() == kStage2) {
      if (!ipa || !covers(entry, *ipa)) return;
      found.used = true;
      found.stale = !walk.result || (entry.pa | offset_in(entry, *ipa)) != walk.result->pa;
    } else {
      if (!combined || !covers(entry, va)) return;
      found.used = tag.kind() == 1 || tag.asid() == stage1.asid;
      const std::uint64_t offset = offset_in(entry, va);
      found.stale = found.used && (!walk.result || (entry.pa | offset) != walk.result->pa ||
                                   (entry.ipa | offset) != walk.result->ipa);
    }
    (tag.kind() == kStage2 ? of_stage2 : walk.tlb).push_back(found);
  });
  walk.tlb.insert(walk.tlb.end(), of_stage2.begin(), of_stage2.end());
  // What is refused by permissions alone is no stale entry: tables and TLB may say the same.
  if (!walk.result && walk.result.error().kind == sim::aarch64::FaultKind::Permission) {
    for (TlbFinding& found : walk.tlb) found.stale = false;
  }
}

constexpr std::string_view space_of(const WalkStep& step) { return step.stage == 1 ? "VA" : "IPA"; }

}  // namespace

bool ExplainedWalk::stage1_enabled() const {
  return !question.stage2_only && Stage1(registers, features).enabled;
}
bool ExplainedWalk::stage2_enabled() const { return Stage2(registers, features).enabled; }

ExplainedWalk walk(const Mmu& mmu, const WalkQuestion& question,
                   const sim::timing::HierarchyProfile* memory) {
  Recorder recorder;
  ExplainedWalk walk{.question = question,
                     .registers = mmu.registers(),
                     .features = mmu.features(),
                     .cost_model = {},
                     .reads = {},
                     .result = walk_once(mmu, question, question.access, recorder),
                     .permissions = permissions(mmu, question),
                     .tlb = {}};
  walk.reads = std::move(recorder.reads);
  name_purposes(walk);
  count_cycles(walk, memory);
  find_in_tlb(mmu, walk);
  return walk;
}

DescriptorPlace place_of(const WalkStep& step) {
  return {.stage = step.stage, .level = step.level, .granule_bits = sim::aarch64::kGranuleBits};
}

AddressFields address_fields(const ExplainedWalk& walk, const WalkRead& read) {
  const Stage1 stage1(walk.registers, walk.features);
  const Stage2 stage2(walk.registers, walk.features);
  const auto& half = half_of(stage1, walk.question.address);
  const bool first = read.step.stage == 1;
  unsigned high = (first ? half.input_bits : stage2.input_bits) - 1U;
  AddressFields fields;
  for (unsigned level = first ? half.start_level : stage2.start_level;
       level <= sim::aarch64::kLastLevel; ++level) {
    const unsigned low = sim::aarch64::level_shift(level);
    fields.ranges.emplace_back(high, low);
    high = low - 1;
  }
  fields.ranges.emplace_back(high, 0);
  return fields;
}

std::string read_title(const WalkRead& read) {
  std::string text = fmt::format("stage {} level {}", read.step.stage, read.step.level);
  if (read.for_stage1_level) {
    text += fmt::format(", to find the stage-1 descriptor of level {}", *read.for_stage1_level);
  }
  return text;
}

std::string read_choice(const WalkRead& read) {
  const WalkStep& step = read.step;
  std::string text = fmt::format("{}[{}:{}] = {:#x}: entry {} of the table at {} {:#x}",
                                 space_of(step), step.index_high, step.index_low, step.index,
                                 step.index, step.stage == 1 ? "IPA" : "PA", step.table);
  if (step.descriptor_ipa != step.descriptor_pa) {
    text += fmt::format(", at IPA {:#x} = PA {:#x}", step.descriptor_ipa, step.descriptor_pa);
  } else {
    text += fmt::format(", at {:#x}", step.descriptor_pa);
  }
  return text;
}

std::string read_outcome(const ExplainedWalk& walk, const WalkRead& read) {
  const WalkStep& step = read.step;
  const DescriptorPlace place = place_of(step);
  const std::uint64_t address = descriptor_address(place, step.descriptor);
  const std::string_view space = step.stage == 1 && walk.stage2_enabled() ? "IPA" : "PA";
  switch (step.kind) {
    case WalkStep::Kind::Invalid: return "invalid: the walk ends here";
    case WalkStep::Kind::Table:
      return fmt::format("table: the next one is at {} {:#x}", space, address);
    case WalkStep::Kind::Block:
    case WalkStep::Kind::Page: break;
  }
  std::string text =
      fmt::format("{} of {} at {} {:#x}", step.kind == WalkStep::Kind::Page ? "page" : "block",
                  hal_sim::format_size(std::uint64_t{1} << place.shift()), space, address);
  if (step.stage == 1) {
    const auto index = step.descriptor >> 2 & 7;
    text += fmt::format(", {}", memory_type_text(walk.registers.mair_el1 >> (8 * index) & 0xff));
  }
  return text;
}

}  // namespace axvm::explain::aarch64
