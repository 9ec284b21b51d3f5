// The lines around a walk: what the registers set up, where it led, what the TLB holds.
#include <fmt/format.h>

#include <explain/riscv64/exit.hpp>
#include <explain/riscv64/layouts.hpp>
#include <explain/riscv64/walk.hpp>
#include <hal-sim/config/size_text.hpp>

namespace axvm::explain::riscv64 {

namespace {

using sim::riscv64::FaultKind;

// htinst of a fault on a walk: a pseudoinstruction, a load of an entry of 64 bits.
constexpr std::uint64_t kImplicitLoad = 0x3000;

std::string one_stage_line(const ExplainedWalk& walk) {
  const auto& vs = walk.regime.vs;
  const std::uint64_t satp = walk.registers.vsatp;
  if (!vs.enabled()) return fmt::format("satp = {:#x} is Bare: PA = VA.", satp);
  return fmt::format(
      "satp = {:#x}, Sv{}: {} levels, the root table is at PA {:#x}; ASID {}; SUM = {}, MXR = {} "
      "(sstatus).",
      satp, vs.input_bits, vs.levels, vs.root, vs.asid, walk.question.context.sum ? 1 : 0,
      walk.question.context.mxr ? 1 : 0);
}

std::string vs_stage_line(const ExplainedWalk& walk) {
  const auto& vs = walk.regime.vs;
  if (!vs.enabled()) {
    return fmt::format("VS-stage is Bare (vsatp = {:#x}): GPA = GVA.", walk.registers.vsatp);
  }
  return fmt::format(
      "VS-stage: vsatp = {:#x}, Sv{}: {} levels, the root table is at {} {:#x}; ASID {}; SUM = {}, "
      "MXR = {} (vsstatus){}.",
      walk.registers.vsatp, vs.input_bits, vs.levels, walk.regime.g.enabled() ? "GPA" : "PA",
      vs.root, vs.asid, walk.question.context.sum ? 1 : 0, walk.question.context.mxr ? 1 : 0,
      walk.question.context.hs_mxr ? "; sstatus.MXR = 1, for both stages" : "");
}

std::string g_stage_line(const ExplainedWalk& walk) {
  const auto& g = walk.regime.g;
  if (!g.enabled()) {
    return fmt::format("G-stage is Bare (hgatp = {:#x}): PA = GPA.", walk.registers.hgatp);
  }
  return fmt::format(
      "G-stage: hgatp = {:#x}, Sv{}x4: {} levels, {} bits of GPA, the root table of 16 KiB is at "
      "PA "
      "{:#x}; VMID {}.",
      walk.registers.hgatp, g.input_bits - 2, g.levels, g.input_bits, g.root, g.vmid);
}

std::string_view access_name(Access access) {
  switch (access) {
    case Access::Load: return "load";
    case Access::Store: return "store";
    case Access::Fetch: return "fetch";
  }
  return {};
}

void add_guest_page_fault(const ExplainedWalk& walk, const Fault& fault, std::uint64_t scause,
                          std::vector<std::string>& lines) {
  Exit exit{.scause = scause, .htval = fault.gpa >> 2};
  std::string registers = fmt::format("scause = {:#x}", scause);
  if (!walk.question.g_stage_only) {
    exit.stval = walk.question.address;
    registers += fmt::format(", stval = {:#x}", *exit.stval);
  }
  registers += fmt::format(", htval = {:#x}", *exit.htval);
  if (fault.implicit) {
    exit.htinst = kImplicitLoad;
    registers += fmt::format(", htinst = {:#x}", kImplicitLoad);
  }
  lines.push_back(fmt::format("HS-mode would see: {}: {}.", registers, what_happened(exit)));
  if (!fault.implicit && fault.access != Access::Fetch) {
    lines.emplace_back("htinst depends on the instruction, which is not known.");
  }
}

// Why no table is looked at; empty: tables have been.
std::string out_of_range(const ExplainedWalk& walk, const Fault& fault) {
  const auto& vs = walk.regime.vs;
  const auto& g = walk.regime.g;
  if (fault.kind == FaultKind::Page && !vs.is_canonical(fault.va)) {
    return fmt::format("The {} is not canonical: bits 63:{} are not all as bit {}.",
                       walk.virtual_space(), vs.input_bits, vs.input_bits - 1);
  }
  if (fault.kind == FaultKind::GuestPage && !g.in_range(fault.gpa)) {
    return fmt::format("The GPA has more than {} bits.", g.input_bits);
  }
  return {};
}

std::vector<std::string> fault_lines(const ExplainedWalk& walk, const Fault& fault) {
  const auto scause = static_cast<std::uint64_t>(fault.cause());
  const std::string_view stage = walk.question.one_stage              ? ""
                                 : fault.kind == FaultKind::GuestPage ? " of the G-stage"
                                                                      : " of the VS-stage";
  std::vector<std::string> lines;
  if (fault.kind == FaultKind::Access) {
    lines.push_back(fmt::format("Result: {}: there is no memory where an entry of level {} is.",
                                cause_text(scause), fault.level));
  } else {
    lines.push_back(fmt::format("Result: {} at level {}{}, for a {}.", cause_text(scause),
                                fault.level, stage, access_name(fault.access)));
  }
  if (std::string why = out_of_range(walk, fault); !why.empty()) lines.push_back(std::move(why));
  if (fault.kind == FaultKind::GuestPage) {
    add_guest_page_fault(walk, fault, scause, lines);
  } else if (walk.question.one_stage) {
    lines.push_back(
        fmt::format("S-mode would see, if medeleg lets it: scause = {:#x} ({}), stval = "
                    "{:#x}.",
                    scause, cause_text(scause), walk.question.address));
  } else {
    lines.push_back(
        fmt::format("VS-mode would see, if hedeleg lets it: vscause = {:#x} ({}), "
                    "vstval = {:#x}.",
                    scause, cause_text(scause), walk.question.address));
  }
  return lines;
}

}  // namespace

std::vector<std::string> regime_lines(const ExplainedWalk& walk) {
  if (walk.question.one_stage) return {one_stage_line(walk)};
  std::vector<std::string> lines;
  if (!walk.question.g_stage_only) lines.push_back(vs_stage_line(walk));
  lines.push_back(g_stage_line(walk));
  return lines;
}

std::vector<std::string> result_lines(const ExplainedWalk& walk) {
  std::vector<std::string> lines;
  if (!walk.result) {
    lines = fault_lines(walk, walk.result.error());
  } else {
    const Translation& t = *walk.result;
    const std::string gpa = walk.question.one_stage ? "" : fmt::format("GPA {:#x}, ", t.gpa);
    lines.push_back(
        fmt::format("Result: {}PA {:#x}; {}; the same for {}.", gpa, t.pa,
                    t.uncached ? "NC or IO (Svpbmt)" : "memory type of the memory itself (PMA)",
                    t.page_size >> 48 != 0 ? "all addresses" : hal_sim::format_size(t.page_size)));
  }
  lines.push_back(walk.question.g_stage_only
                      ? fmt::format("The G-stage permits: {}.", walk.permissions)
                      : fmt::format("{}{}-mode may: {}.", walk.question.one_stage ? "" : "V",
                                    walk.question.context.user ? "U" : "S", walk.permissions));
  lines.push_back(fmt::format("Cost: {} entries, {} cycles ({}).", walk.reads.size(), walk.cycles(),
                              walk.cost_model));
  return lines;
}

std::vector<std::string> tlb_lines(const ExplainedWalk& walk) {
  constexpr unsigned kGlobal = 1;
  constexpr unsigned kGStage = 2;
  std::vector<std::string> lines;
  if (!walk.has_tlb) return lines;
  bool answered = false;
  for (const TlbFinding& found : walk.tlb) {
    const unsigned kind = found.tag.kind();
    const std::string tag =
        kind == kGStage   ? fmt::format("G-stage, VMID {}", found.tag.vmid())
        : kind == kGlobal ? fmt::format("VMID {}, global", found.tag.vmid())
                          : fmt::format("VMID {}, ASID {}", found.tag.vmid(), found.tag.asid());
    const std::string from =
        kind == kGStage ? fmt::format("GPA {:#x}", found.entry.input)
                        : fmt::format("GVA {:#x}, GPA {:#x}", found.entry.input, found.entry.ipa);
    std::string_view verdict = "hit";
    if (!found.used) verdict = "no hit: another ASID";
    if (found.stale) verdict = "hit, and stale: the tables say otherwise now";
    answered = answered || (found.used && (kind != kGStage) == walk.vs_stage_enabled());
    lines.push_back(fmt::format("{}: {}, {} of {} to PA {:#x}.", verdict, tag, from,
                                hal_sim::format_size(sim::riscv64::block_bytes(found.entry.block)),
                                found.entry.pa));
  }
  if (!answered) {
    lines.emplace_back(walk.vs_stage_enabled()
                           ? "miss: no translation of this GVA with this VMID and ASID."
                           : "miss: no translation of this GPA with this VMID.");
  }
  return lines;
}

}  // namespace axvm::explain::riscv64
