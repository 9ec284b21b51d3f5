#include <fmt/format.h>

#include <array>
#include <hal-sim/arch/aarch64/trace/syndrome_text.hpp>
#include <hal-sim/config/size_text.hpp>
#include <tools/axvm/walk_text.hpp>

namespace axvm::tool {
namespace {

using sim::aarch64::Registers;
using sim::aarch64::WalkStep;

constexpr std::uint64_t bits(std::uint64_t value, unsigned high, unsigned low) {
  return value >> low & ((2ULL << (high - low)) - 1);
}

constexpr std::uint64_t kAddress = 0x0000'FFFF'FFFF'F000;

std::string_view shareability(std::uint64_t sh) {
  static constexpr std::array<std::string_view, 4> kNames = {"not shareable", "reserved",
                                                             "outer shareable", "inner shareable"};
  return kNames[sh];
}

// DDI 0487 D8.3.2, stage-2 MemAttr[3:0] without FEAT_S2FWB.
std::string_view stage2_memory(std::uint64_t attributes) {
  static constexpr std::array<std::string_view, 4> kDevice = {"Device-nGnRnE", "Device-nGnRE",
                                                              "Device-nGRE", "Device-GRE"};
  if (attributes < 4) return kDevice[attributes];
  if (attributes == 0b1111) return "Normal, write-back";
  if (attributes == 0b0101) return "Normal, non-cacheable";
  if (attributes == 0b1010) return "Normal, write-through";
  return "Normal, mixed";
}

std::string table_fields(std::uint64_t d) {
  return fmt::format("NSTable={} APTable={} UXNTable={} PXNTable={}", bits(d, 63, 63),
                     bits(d, 62, 61), bits(d, 60, 60), bits(d, 59, 59));
}

std::string stage1_leaf_fields(std::uint64_t d) {
  static constexpr std::array<std::string_view, 4> kAccess = {
      "EL1 read/write", "EL1 and EL0 read/write", "EL1 read-only", "EL1 and EL0 read-only"};
  return fmt::format("UXN={} PXN={} nG={} AF={} SH={} ({}) AP={} ({}) NS={} AttrIndx={}",
                     bits(d, 54, 54), bits(d, 53, 53), bits(d, 11, 11), bits(d, 10, 10),
                     bits(d, 9, 8), shareability(bits(d, 9, 8)), bits(d, 7, 6),
                     kAccess[bits(d, 7, 6)], bits(d, 5, 5), bits(d, 4, 2));
}

std::string stage2_leaf_fields(std::uint64_t d) {
  static constexpr std::array<std::string_view, 4> kAccess = {"no access", "read-only",
                                                              "write-only", "read/write"};
  return fmt::format("XN={} AF={} SH={} ({}) S2AP={} ({}) MemAttr={:#x} ({})", bits(d, 54, 54),
                     bits(d, 10, 10), bits(d, 9, 8), shareability(bits(d, 9, 8)), bits(d, 7, 6),
                     kAccess[bits(d, 7, 6)], bits(d, 5, 2), stage2_memory(bits(d, 5, 2)));
}

// Bits of the input that a leaf of this level passes through.
std::uint64_t leaf_size(unsigned level) { return 1ULL << (12 + 9 * (3 - level)); }

}  // namespace

std::string descriptor_fields(const WalkStep& step) {
  switch (step.kind) {
    case WalkStep::Kind::Invalid: return "bits 1:0 = " + std::to_string(step.descriptor & 3);
    case WalkStep::Kind::Table: return step.stage == 1 ? table_fields(step.descriptor) : "";
    default:
      return step.stage == 1 ? stage1_leaf_fields(step.descriptor)
                             : stage2_leaf_fields(step.descriptor);
  }
}

std::string step_text(const WalkStep& step) {
  const std::string_view space = step.stage == 1 ? "VA" : "IPA";
  const std::string indent = step.during_stage1_walk ? "      " : "  ";
  const std::uint64_t output =
      step.kind == WalkStep::Kind::Table || step.kind == WalkStep::Kind::Invalid
          ? step.descriptor & kAddress
          : step.descriptor & kAddress & ~(leaf_size(step.level) - 1);
  std::string text = fmt::format("{}stage {} level {}: table {:#x}, {}[{}:{}] of {:#x} = {:#x}\n",
                                 indent, step.stage, step.level, step.table, space, step.index_high,
                                 step.index_low, step.input, step.index);
  std::string place = fmt::format("{:#x}", step.descriptor_pa);
  if (step.descriptor_ipa != step.descriptor_pa) {
    place = fmt::format("IPA {:#x} = PA {:#x}", step.descriptor_ipa, step.descriptor_pa);
  }
  std::string meaning = "invalid";
  if (step.kind == WalkStep::Kind::Table) meaning = fmt::format("table at {:#x}", output);
  if (step.kind == WalkStep::Kind::Block) {
    meaning = fmt::format("{} block at {:#x}", hal_sim::format_size(leaf_size(step.level)), output);
  }
  if (step.kind == WalkStep::Kind::Page) meaning = fmt::format("page at {:#x}", output);
  text += fmt::format("{}  descriptor at {} is {:#018x}: {}\n", indent, place, step.descriptor,
                      meaning);
  const std::string fields = descriptor_fields(step);
  if (!fields.empty()) text += fmt::format("{}  {}\n", indent, fields);
  return text;
}

std::string regime_text(const Registers& r) {
  std::string text;
  const bool stage1 = bits(r.sctlr_el1, 0, 0) != 0;
  if (!stage1) {
    text += fmt::format("  stage 1 is off (SCTLR_EL1={:#x}, M=0): IPA = VA\n", r.sctlr_el1);
  } else {
    text += fmt::format(
        "  stage 1: TCR_EL1={:#x} (T0SZ={} T1SZ={}) TTBR0_EL1={:#x} TTBR1_EL1={:#x}\n", r.tcr_el1,
        bits(r.tcr_el1, 5, 0), bits(r.tcr_el1, 21, 16), r.ttbr0_el1, r.ttbr1_el1);
  }
  if (bits(r.hcr_el2, 0, 0) == 0) {
    text += fmt::format("  stage 2 is off (HCR_EL2={:#x}, VM=0): PA = IPA\n", r.hcr_el2);
  } else {
    text += fmt::format("  stage 2: VTCR_EL2={:#x} (T0SZ={} SL0={}) VTTBR_EL2={:#x} (VMID={})\n",
                        r.vtcr_el2, bits(r.vtcr_el2, 5, 0), bits(r.vtcr_el2, 7, 6), r.vttbr_el2,
                        bits(r.vttbr_el2, 63, 48));
  }
  return text;
}

std::string result_text(const sim::aarch64::Translation& t) {
  return fmt::format("result: IPA {:#x}, PA {:#x}, {}{}{}, {}, the same for {}\n", t.ipa, t.pa,
                     t.readable ? 'r' : '-', t.writable ? 'w' : '-', t.executable ? 'x' : '-',
                     t.device ? "device memory" : "normal memory",
                     hal_sim::format_size(t.page_size));
}

std::string fault_text(const sim::aarch64::Fault& f) {
  std::string text = fmt::format("result: {}, stage {}",
                                 hal_sim::aarch64::fault_status_text(f.status_code()), f.stage);
  if (f.stage == 2) {
    text += fmt::format(", IPA {:#x}{}", f.ipa,
                        f.during_stage1_walk ? " (a stage-1 descriptor's)" : "");
  }
  return text + "\n";
}

}  // namespace axvm::tool
