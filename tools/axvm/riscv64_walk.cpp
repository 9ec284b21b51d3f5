#include <fmt/format.h>

#include <explain/text.hpp>
#include <tools/axvm/riscv64_walk.hpp>

namespace axvm::tool {

namespace {

using explain::riscv64::ExplainedWalk;
using explain::riscv64::WalkQuestion;
using explain::riscv64::WalkRead;
using sim::riscv64::Access;
using sim::riscv64::Csr;

namespace status = sim::riscv64::status;

std::string read_text(const ExplainedWalk& walk, const WalkRead& read) {
  const auto& step = read.step;
  const bool of_vs_stage = step.stage == sim::riscv64::WalkStep::Stage::Vs;
  const std::size_t indent = read.for_vs_level ? 6 : 2;
  const std::string margin(indent, ' ');
  std::string text =
      fmt::format("{}{}-stage level {}: table {:#x}, {}[{}:{}] of {:#x} = {:#x}\n", margin,
                  of_vs_stage ? "VS" : "G", step.level, step.table, of_vs_stage ? "GVA" : "GPA",
                  step.index_high, step.index_low, step.input, step.index);
  std::string place = fmt::format("{:#x}", step.entry_pa);
  if (step.entry_gpa != step.entry_pa) {
    place = fmt::format("GPA {:#x} = PA {:#x}", step.entry_gpa, step.entry_pa);
  }
  text += fmt::format("{}  entry at {} is {:#018x}: {}\n", margin, place, step.entry,
                      read_outcome(walk, read));
  const auto& layout = explain::riscv64::entry_layout(explain::riscv64::place_of(step), step.entry);
  return text + explain::fields_text(layout, step.entry, indent + 2, false);
}

}  // namespace

WalkQuestion question_of(sim::riscv64::Pcpu& hart, std::uint64_t gva, bool user_mode,
                         Access access) {
  const std::uint64_t vsstatus = hart.read(Csr::vsstatus);
  return {.address = gva,
          .context = {.access = access,
                      .user = user_mode,
                      .sum = (vsstatus & status::SUM) != 0,
                      .mxr = (vsstatus & status::MXR) != 0,
                      .hs_mxr = (hart.read(Csr::sstatus) & status::MXR) != 0}};
}

WalkQuestion question_of(std::uint64_t gpa, Access access) {
  return {.address = gpa, .g_stage_only = true, .context = {.access = access}};
}

std::string drawn(const ExplainedWalk& walk) {
  std::string text;
  for (const std::string& line : regime_lines(walk)) text += explain::wrapped(line, 2);
  for (const WalkRead& read : walk.reads) text += read_text(walk, read);
  for (const std::string& line : result_lines(walk)) text += line + "\n";
  return text;
}

}  // namespace axvm::tool
