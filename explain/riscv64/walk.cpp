#include <fmt/format.h>

#include <explain/riscv64/walk.hpp>
#include <hal-sim/config/size_text.hpp>

namespace axvm::explain::riscv64 {

namespace {

using sim::TlbTag;
using sim::riscv64::block_bytes;
using sim::riscv64::FaultKind;
using sim::riscv64::Mmu;
using sim::riscv64::TlbEntry;

struct Recorder {
  std::vector<WalkRead> reads;
  void step(const WalkStep& step) { reads.push_back({.step = step}); }
};

template <class Observer>
std::expected<Translation, Fault> walk_once(const Mmu& mmu, const WalkQuestion& question,
                                            Access access, Observer& observer) {
  if (question.g_stage_only) return mmu.walk_g_stage(question.address, access, observer);
  AccessContext context = question.context;
  context.access = access;
  return mmu.walk(question.address, context, observer);
}

std::string permissions(const Mmu& mmu, const WalkQuestion& question) {
  std::string text;
  for (const auto& [access, letter] :
       {std::pair{Access::Load, 'r'}, {Access::Store, 'w'}, {Access::Fetch, 'x'}}) {
    sim::riscv64::NoObserver nobody;
    text += walk_once(mmu, question, access, nobody) ? letter : '-';
  }
  return text;
}

bool is_vs(const WalkStep& step) { return step.stage == WalkStep::Stage::Vs; }

// Which VS-stage entry each read of the G-stage is for.
void name_purposes(ExplainedWalk& walk) {
  unsigned next = walk.regime.vs.enabled() ? walk.regime.vs.levels - 1U : 0;
  for (WalkRead& read : walk.reads) {
    if (read.step.implicit) read.for_vs_level = next;
    if (is_vs(read.step) && read.step.level > 0) next = read.step.level - 1U;
  }
}

void count_cycles(ExplainedWalk& walk, const sim::timing::HierarchyProfile* memory) {
  std::vector<std::uint64_t> addresses;
  addresses.reserve(walk.reads.size());
  for (const WalkRead& read : walk.reads) addresses.push_back(read.step.entry_pa);
  WalkCost cost = walk_cost(addresses, memory);
  walk.cycles_before = cost.cycles_before;
  walk.cost_model = std::move(cost.model);
  for (std::size_t n = 0; n < walk.reads.size(); ++n) walk.reads[n].cost = cost.reads[n];
}

std::uint64_t offset_in(const TlbEntry& entry, std::uint64_t input) {
  return input & (block_bytes(entry.block) - 1);
}
bool covers(const TlbEntry& entry, std::uint64_t input) {
  return input - offset_in(entry, input) == entry.input;
}

// The guest physical address of what is asked for, as far as the walk got.
std::optional<std::uint64_t> gpa_of(const ExplainedWalk& walk) {
  if (walk.result) return walk.result->gpa;
  const Fault& fault = walk.result.error();
  if (fault.kind != FaultKind::GuestPage || fault.implicit) return std::nullopt;
  return fault.gpa;
}

// Entries of the VM for the address, whatever their ASID, and of the G-stage for where it leads.
void find_in_tlb(const Mmu& mmu, ExplainedWalk& walk) {
  constexpr unsigned kGlobal = 1;
  constexpr unsigned kGStage = 2;
  const std::uint64_t va = walk.question.address;
  const auto gpa = gpa_of(walk);
  std::vector<TlbFinding> of_g_stage;
  mmu.tlb().for_each([&](TlbTag tag, const TlbEntry& entry) {
    if (tag.vmid() != walk.regime.g.vmid) return;
    TlbFinding found{.tag = tag, .entry = entry};
    if (tag.kind() == kGStage) {
      if (!gpa || !covers(entry, *gpa)) return;
      found.used = true;
      found.stale = !walk.result || (entry.pa | offset_in(entry, *gpa)) != walk.result->pa;
      of_g_stage.push_back(found);
      return;
    }
    if (!walk.vs_stage_enabled() || !covers(entry, va)) return;
    found.used = tag.kind() == kGlobal || tag.asid() == walk.regime.vs.asid;
    const std::uint64_t offset = offset_in(entry, va);
    found.stale = found.used && (!walk.result || (entry.pa | offset) != walk.result->pa ||
                                 (entry.ipa | offset) != walk.result->gpa);
    walk.tlb.push_back(found);
  });
  walk.tlb.insert(walk.tlb.end(), of_g_stage.begin(), of_g_stage.end());
}

// What is refused by permissions alone is no stale entry: tables and TLB may say the same.
void forgive_refusals(ExplainedWalk& walk) {
  if (walk.result || walk.reads.empty()) return;
  if (walk.reads.back().step.kind != WalkStep::Kind::Leaf) return;
  for (TlbFinding& found : walk.tlb) found.stale = false;
}

}  // namespace

ExplainedWalk walk(const Mmu& mmu, const WalkQuestion& question,
                   const sim::timing::HierarchyProfile* memory) {
  Recorder recorder;
  ExplainedWalk walk{.question = question,
                     .registers = mmu.registers(),
                     .regime = mmu.regime(),
                     .cost_model = {},
                     .reads = {},
                     .result = walk_once(mmu, question, question.context.access, recorder),
                     .permissions = permissions(mmu, question),
                     .tlb = {}};
  walk.reads = std::move(recorder.reads);
  name_purposes(walk);
  count_cycles(walk, memory);
  find_in_tlb(mmu, walk);
  forgive_refusals(walk);
  return walk;
}

EntryPlace place_of(const WalkStep& step) { return {.g_stage = !is_vs(step), .level = step.level}; }

AddressFields address_fields(const ExplainedWalk& walk, const WalkRead& read) {
  const bool vs = is_vs(read.step);
  unsigned high = (vs ? walk.regime.vs.input_bits : walk.regime.g.input_bits) - 1U;
  AddressFields fields;
  for (unsigned level = vs ? walk.regime.vs.levels : walk.regime.g.levels; level-- > 0;) {
    const unsigned low = sim::riscv64::level_shift(level);
    fields.ranges.emplace_back(high, low);
    high = low - 1;
  }
  fields.ranges.emplace_back(high, 0);
  return fields;
}

std::string read_title(const ExplainedWalk& walk, const WalkRead& read) {
  if (walk.question.one_stage) return fmt::format("level {}", read.step.level);
  std::string text =
      fmt::format("{}-stage level {}", is_vs(read.step) ? "VS" : "G", read.step.level);
  if (read.for_vs_level) {
    text += fmt::format(", to find the VS-stage entry of level {}", *read.for_vs_level);
  }
  return text;
}

std::string missing_read_title(const ExplainedWalk& walk) {
  const WalkRead* const last = walk.reads.empty() ? nullptr : &walk.reads.back();
  // What the G-stage has found is read next.
  const bool of_vs_stage =
      !walk.regime.g.enabled() || (last != nullptr && last->step.kind == WalkStep::Kind::Leaf);
  const Fault& fault = walk.result.error();
  WalkRead read{.step = {.stage = of_vs_stage ? WalkStep::Stage::Vs : WalkStep::Stage::G,
                         .level = fault.level}};
  if (fault.implicit) {
    unsigned next = walk.regime.vs.levels - 1U;
    for (const WalkRead& before : walk.reads) {
      if (is_vs(before.step)) next = before.step.level - 1U;
    }
    read.for_vs_level = next;
  }
  return read_title(walk, read);
}

std::string read_choice(const ExplainedWalk& walk, const WalkRead& read) {
  const WalkStep& step = read.step;
  const bool by_guest = is_vs(step) && walk.regime.g.enabled();
  std::string text =
      fmt::format("{}[{}:{}] = {:#x}: entry {} of the table at {} {:#x}",
                  is_vs(step) ? walk.virtual_space() : "GPA", step.index_high, step.index_low,
                  step.index, step.index, by_guest ? "GPA" : "PA", step.table);
  if (by_guest) {
    return text + fmt::format(", at GPA {:#x} = PA {:#x}", step.entry_gpa, step.entry_pa);
  }
  return text + fmt::format(", at {:#x}", step.entry_pa);
}

std::string read_outcome(const ExplainedWalk& walk, const WalkRead& read) {
  const WalkStep& step = read.step;
  const EntryPlace place = place_of(step);
  const std::uint64_t address = entry_address(place, step.entry);
  const std::string_view space = is_vs(step) && walk.regime.g.enabled() ? "GPA" : "PA";
  switch (step.kind) {
    case WalkStep::Kind::Invalid: return "invalid: the walk ends here";
    case WalkStep::Kind::Table:
      return fmt::format("pointer: the next table is at {} {:#x}", space, address);
    case WalkStep::Kind::Leaf: break;
  }
  return fmt::format("leaf: a {} of {} at {} {:#x}", leaf_name(step.level),
                     hal_sim::format_size(std::uint64_t{1} << leaf_shift(place, step.entry)), space,
                     address);
}

}  // namespace axvm::explain::riscv64
