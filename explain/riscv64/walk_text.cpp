#include <fmt/format.h>

#include <explain/riscv64/walk_text.hpp>
#include <explain/text.hpp>
#include <set>

namespace axvm::explain::riscv64 {

namespace {

// "GPA [00000000010] 000000001 …": the bits that choose the entry are in brackets.
std::string address_bits(const ExplainedWalk& walk, const WalkRead& read) {
  const WalkStep& step = read.step;
  std::string text(step.stage == WalkStep::Stage::Vs ? walk.virtual_space() : "GPA");
  for (const auto& [high, low] : address_fields(walk, read).ranges) {
    const std::uint64_t value = step.input >> low & ((std::uint64_t{2} << (high - low)) - 1);
    const bool lit = low == step.index_low;
    text += fmt::format(" {}{:0{}b}{}", lit ? "[" : "", value, high - low + 1, lit ? "]" : "");
  }
  return text;
}

std::string read_text(const ExplainedWalk& walk, const WalkRead& read, std::size_t number,
                      bool full) {
  const std::string margin = read.for_vs_level ? "      " : "  ";
  const WalkStep& step = read.step;
  std::string text = fmt::format("{}{:>2}. {}\n", margin, number, read_title(walk, read));
  text += fmt::format("{}    {}\n", margin, address_bits(walk, read));
  text += fmt::format("{}    {}\n", margin, read_choice(walk, read));
  text += fmt::format("{}    {:#018x}: {}\n", margin, step.entry, read_outcome(walk, read));
  text +=
      fields_text(entry_layout(place_of(step), step.entry), step.entry, margin.size() + 4, full);
  if (!read.cost.served_by.empty()) {
    text += fmt::format("{}    {} cycles, served by {}; {} so far\n", margin, read.cost.cycles,
                        read.cost.served_by, read.cost.cycles_so_far);
  }
  return text;
}

std::string sections_text(const ExplainedWalk& walk) {
  std::set<std::string_view> sections;
  for (const WalkRead& read : walk.reads) {
    sections.insert(entry_layout(place_of(read.step), read.step.entry).section);
  }
  std::string text;
  for (const std::string_view section : sections) text += fmt::format("[{}]\n", section);
  return text;
}

}  // namespace

std::string walk_text(const ExplainedWalk& walk, bool full) {
  std::string text;
  for (const std::string& line : regime_lines(walk)) text += wrapped(line, 0);
  std::size_t number = 0;
  for (const WalkRead& read : walk.reads) text += read_text(walk, read, ++number, full);
  for (const std::string& line : result_lines(walk)) text += wrapped(line, 0);
  for (const std::string& line : tlb_lines(walk)) text += wrapped("TLB " + line, 0);
  return text + sections_text(walk);
}

}  // namespace axvm::explain::riscv64
