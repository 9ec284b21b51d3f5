#include <fmt/format.h>

#include <algorithm>
#include <hal-sim/trace/trap_text.hpp>
#include <tools/axvm/summary.hpp>
#include <vector>

namespace axvm::tool {
namespace {

struct ExitRow {
  std::string name;
  std::uint64_t count;
};

std::vector<ExitRow> exit_rows(const hal_sim::ExitCounts& exits, const hal_sim::TrapText& traps) {
  std::vector<ExitRow> rows;
  for (unsigned c = 0; c < exits.by_class.size(); ++c) {
    if (exits.by_class[c] == 0) continue;
    rows.push_back({std::string(traps.exit_name(c)), exits.by_class[c]});
  }
  std::ranges::sort(rows, [](const ExitRow& a, const ExitRow& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  });
  return rows;
}

// What exits cost, beside a call. The guest's accesses to its virtual CPU interface are no exits.
std::string exit_cost_text(const hal_sim::RunStatistics& statistics) {
  using hal_sim::ExitKind;
  struct Line {
    std::string_view name;
    hal_sim::ExitMeter::Row row;
  };
  std::vector<Line> lines;
  std::uint64_t sum = 0;
  for (std::size_t k = 0; k < hal_sim::kExitKinds; ++k) {
    const hal_sim::ExitMeter::Row& row = (*statistics.exit_costs)[k];
    sum += row.cycles;
    if (row.count != 0) lines.push_back({to_string(static_cast<ExitKind>(k)), row});
  }
  const std::uint64_t accesses = statistics.machine.interface_accesses;
  if (accesses != 0) {
    lines.push_back({"(interface, no exit)", {accesses, accesses * statistics.interface_cycles}});
    sum += lines.back().row.cycles;
  }
  std::string text = fmt::format("  exit cycles   {:>15}\n", grouped(sum));
  const hal_sim::ExitMeter::Row& call =
      (*statistics.exit_costs)[static_cast<std::size_t>(ExitKind::Call)];
  for (const Line& line : lines) {
    const double each = static_cast<double>(line.row.cycles) / static_cast<double>(line.row.count);
    text +=
        fmt::format("    {:<20}  {:>10}  {:>7.0f} each", line.name, grouped(line.row.count), each);
    if (call.cycles != 0) {
      const double one = static_cast<double>(call.cycles) / static_cast<double>(call.count);
      text += fmt::format("  {:.2f} of a call", each / one);
    }
    text += '\n';
  }
  return text;
}

std::string bar(std::uint64_t count, std::uint64_t most) {
  constexpr std::uint64_t kWidth = 30;
  const std::uint64_t length = std::max<std::uint64_t>(
      1,
      static_cast<std::uint64_t>(static_cast<double>(count) * kWidth / static_cast<double>(most)));
  std::string text;
  for (std::uint64_t i = 0; i < length; ++i) text += "█";
  return text;
}

}  // namespace

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ' ');
  }
  return text;
}

std::string summary(const hal_sim::StopReason& reason, const hal_sim::RunStatistics& statistics,
                    double seconds, std::uint64_t before) {
  const sim::Statistics& machine = statistics.machine;
  std::string text = fmt::format("{} after {:.6f} s of guest time\n", reason.text,
                                 static_cast<double>(statistics.time_ns) / 1e9);
  text += fmt::format("  instructions  {:>15}", grouped(statistics.instructions));
  if (seconds > 0) {
    text += fmt::format("   {:.1f} MIPS",
                        static_cast<double>(statistics.instructions - before) / seconds / 1e6);
  }
  text += fmt::format("\n  cycles        {:>15}\n", grouped(machine.cycles));
  text += fmt::format("  walks         {:>15}   {} stage-1 and {} stage-2 descriptors read\n",
                      grouped(machine.walks), grouped(machine.stage1_references),
                      grouped(machine.stage2_references));
  text += fmt::format("  TLB hits      {:>15}   of {} translations asked for\n",
                      grouped(machine.tlb_hits), grouped(machine.tlb_hits + machine.tlb_misses));
  const std::vector<ExitRow> rows = exit_rows(statistics.exits, hal_sim::trap_text(statistics.isa));
  std::uint64_t total = 0;
  std::size_t width = 0;
  for (const ExitRow& row : rows) {
    total += row.count;
    width = std::max(width, row.name.size());
  }
  text += fmt::format("  exits         {:>15}\n", grouped(total));
  for (const ExitRow& row : rows) {
    text += fmt::format("    {:<{}}  {:>10}  {}\n", row.name, width, grouped(row.count),
                        bar(row.count, rows.front().count));
  }
  if (statistics.exit_costs) text += exit_cost_text(statistics);
  if (statistics.unmaintained_pc) {
    text += fmt::format("  code run without instruction cache maintenance at {:#x}",
                        *statistics.unmaintained_pc);
    const std::uint64_t others = machine.unmaintained_lines - 1;
    if (others != 0) text += fmt::format(" and in {} other lines", grouped(others));
    text += '\n';
  }
  return text;
}

}  // namespace axvm::tool
