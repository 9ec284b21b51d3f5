// The lines around a walk: what the registers set up, where it led, what the TLB holds.
#include <fmt/format.h>

#include <explain/aarch64/exit.hpp>
#include <explain/aarch64/layouts.hpp>
#include <explain/aarch64/walk.hpp>
#include <hal-sim/config/size_text.hpp>
#include <sim/arch/aarch64/memory_attributes.hpp>
#include <sim/arch/aarch64/syndrome.hpp>

namespace axvm::explain::aarch64 {

namespace {

using sim::aarch64::Stage1;
using sim::aarch64::Stage2;

std::string stage1_line(const ExplainedWalk& walk) {
  const Registers& r = walk.registers;
  const Stage1 stage1(r, walk.features);
  if (!stage1.enabled) {
    return fmt::format("Stage 1 is off (SCTLR_EL1 = {:#x}, HCR_EL2.DC = {}): IPA = VA.",
                       r.sctlr_el1, r.hcr_el2 >> 12 & 1);
  }
  const unsigned upper = walk.question.address >> 55 & 1;
  const auto& half = stage1.half[upper];
  return fmt::format(
      "Stage 1: VA[55] = {}: TTBR{}_EL1 = {:#x}, the table is at {} {:#x}; TCR_EL1 = {:#x}, "
      "T{}SZ = {}: {} bits of VA, the walk starts at level {}; ASID {}.",
      upper, upper, upper != 0 ? r.ttbr1_el1 : r.ttbr0_el1, walk.stage2_enabled() ? "IPA" : "PA",
      half.table, r.tcr_el1, upper, r.tcr_el1 >> (16 * upper) & 63, half.input_bits,
      half.start_level, stage1.asid);
}

std::string stage2_line(const ExplainedWalk& walk) {
  const Registers& r = walk.registers;
  const Stage2 stage2(r, walk.features);
  if (!stage2.enabled) {
    return fmt::format("Stage 2 is off (HCR_EL2 = {:#x}, VM = 0): PA = IPA.", r.hcr_el2);
  }
  return fmt::format(
      "Stage 2: VTTBR_EL2 = {:#x}, the table is at PA {:#x}; VTCR_EL2 = {:#x}, T0SZ = {}, SL0 = "
      "{}: {} bits of IPA, the walk starts at level {}; VMID {}.",
      r.vttbr_el2, stage2.table, r.vtcr_el2, r.vtcr_el2 & 63, r.vtcr_el2 >> 6 & 3,
      stage2.input_bits, stage2.start_level, stage2.vmid);
}

// The last descriptor of a stage that is for the address itself.
const WalkRead* leaf_of(const ExplainedWalk& walk, unsigned stage) {
  const WalkRead* leaf = nullptr;
  for (const WalkRead& read : walk.reads) {
    if (read.step.stage == stage && !read.for_stage1_level) leaf = &read;
  }
  return leaf;
}

// The memory type of both stages together.
std::string memory_text(const ExplainedWalk& walk) {
  const Stage1 stage1(walk.registers, walk.features);
  std::uint8_t first = stage1.flat_memory;
  if (walk.question.stage2_only) first = sim::aarch64::kNormalWriteBack;
  if (const WalkRead* leaf = walk.stage1_enabled() ? leaf_of(walk, 1) : nullptr) {
    const auto index = leaf->step.descriptor >> 2 & 7;
    first = static_cast<std::uint8_t>(walk.registers.mair_el1 >> (8 * index));
  }
  const WalkRead* const leaf = leaf_of(walk, 2);
  if (leaf == nullptr) return memory_type_text(first);
  const auto second = static_cast<std::uint8_t>(leaf->step.descriptor >> 2 & 15);
  return memory_type_text(sim::aarch64::combined_memory(first, second));
}

std::string_view access_name(Access access) {
  switch (access) {
    case Access::Read: return "read";
    case Access::Write: return "write";
    case Access::Fetch: return "fetch";
  }
  return {};
}

std::vector<std::string> fault_lines(const ExplainedWalk& walk, const Fault& fault) {
  const WalkQuestion& question = walk.question;
  std::vector<std::string> lines{fmt::format("Result: {} of stage {}, for a {}.",
                                             fault_status_text(fault.status_code()), fault.stage,
                                             access_name(question.access))};
  const bool to_el2 = fault.stage == 2;
  const auto target = to_el2 ? sim::aarch64::Target::El2 : sim::aarch64::Target::El1;
  const std::uint64_t esr =
      question.access == Access::Fetch
          ? sim::aarch64::instruction_abort_syndrome(fault, target, question.el)
          : sim::aarch64::data_abort_syndrome(fault, target, question.el,
                                              question.access == Access::Write, nullptr);
  if (!to_el2) {
    lines.push_back(fmt::format("EL1 would see: ESR_EL1 = {:#x} ({}), FAR_EL1 = {:#x}.", esr,
                                exception_class_text(esr >> 26 & 63), question.address));
    return lines;
  }
  Exit exit{.esr = esr};
  std::string registers = fmt::format("ESR_EL2 = {:#x}", esr);
  if (!question.stage2_only) {
    exit.far = question.address;
    registers += fmt::format(", FAR_EL2 = {:#x}", question.address);
  }
  if (sim::aarch64::hpfar_valid(fault)) {
    exit.hpfar = sim::aarch64::hpfar(fault.ipa);
    registers += fmt::format(", HPFAR_EL2 = {:#x}", *exit.hpfar);
  }
  lines.push_back(fmt::format("EL2 would see: {}: {}.", registers, what_happened(exit)));
  lines.emplace_back("ISV, and with it bits 23:14, depend on the instruction, which is not known.");
  return lines;
}

}  // namespace

std::vector<std::string> regime_lines(const ExplainedWalk& walk) {
  std::vector<std::string> lines;
  if (!walk.question.stage2_only) lines.push_back(stage1_line(walk));
  lines.push_back(stage2_line(walk));
  return lines;
}

std::vector<std::string> result_lines(const ExplainedWalk& walk) {
  std::vector<std::string> lines;
  if (!walk.result) {
    lines = fault_lines(walk, walk.result.error());
  } else {
    const Translation& t = *walk.result;
    lines.push_back(fmt::format("Result: IPA {:#x}, PA {:#x}; {}; the same for {}.", t.ipa, t.pa,
                                memory_text(walk), hal_sim::format_size(t.page_size)));
  }
  lines.push_back(walk.question.stage2_only
                      ? fmt::format("Stage 2 permits: {}.", walk.permissions)
                      : fmt::format("EL{} may: {}.", walk.question.el, walk.permissions));
  lines.push_back(fmt::format("Cost: {} descriptors, {} cycles ({}).", walk.reads.size(),
                              walk.cycles(), walk.cost_model));
  return lines;
}

std::vector<std::string> tlb_lines(const ExplainedWalk& walk) {
  std::vector<std::string> lines;
  if (!walk.has_tlb) return lines;
  bool answered = false;
  for (const TlbFinding& found : walk.tlb) {
    constexpr unsigned kStage2 = 2;
    const unsigned kind = found.tag.kind();
    const std::string tag =
        kind == kStage2 ? fmt::format("stage 2, VMID {}", found.tag.vmid())
        : kind == 1     ? fmt::format("VMID {}, global", found.tag.vmid())
                        : fmt::format("VMID {}, ASID {}", found.tag.vmid(), found.tag.asid());
    const std::string from =
        kind == kStage2 ? fmt::format("IPA {:#x}", found.entry.input)
                        : fmt::format("VA {:#x}, IPA {:#x}", found.entry.input, found.entry.ipa);
    std::string verdict = "hit";
    if (!found.used) verdict = "no hit: another ASID";
    if (found.stale) verdict = "hit, and stale: the tables say otherwise now";
    answered = answered || (found.used && (kind != kStage2) == walk.stage1_enabled());
    lines.push_back(
        fmt::format("{}: {}, {} to PA {:#x}.", verdict, tag,
                    fmt::format("{} of {}", from,
                                hal_sim::format_size(sim::aarch64::level_size(found.entry.level))),
                    found.entry.pa));
  }
  if (!answered) {
    lines.emplace_back(walk.stage1_enabled()
                           ? "miss: no translation of this VA with this VMID and ASID."
                           : "miss: no translation of this IPA with this VMID.");
  }
  return lines;
}

}  // namespace axvm::explain::aarch64
