#include <fmt/format.h>

#include <explain/aarch64/walk_text.hpp>
#include <explain/decode.hpp>
#include <explain/text.hpp>
#include <set>

namespace axvm::explain::aarch64 {

namespace {

// "IPA [00000] 000000001 000000000 …": the bits that choose the entry are in brackets.
std::string address_bits(const ExplainedWalk& walk, const WalkRead& read) {
  const WalkStep& step = read.step;
  std::string text(step.stage == 1 ? "VA " : "IPA");
  for (const auto& [high, low] : address_fields(walk, read).ranges) {
    const std::uint64_t value = step.input >> low & ((std::uint64_t{2} << (high - low)) - 1);
    const bool lit = low == step.index_low;
    text += fmt::format(" {}{:0{}b}{}", lit ? "[" : "", value, high - low + 1, lit ? "]" : "");
  }
  return text;
}

std::string read_text(const ExplainedWalk& walk, const WalkRead& read, std::size_t number,
                      bool full) {
  const std::string margin = read.for_stage1_level ? "      " : "  ";
  const WalkStep& step = read.step;
  const Layout& layout = descriptor_layout(place_of(step), step.descriptor);
  std::string text = fmt::format("{}{:>2}. {}\n", margin, number, read_title(read));
  text += fmt::format("{}    {}\n", margin, address_bits(walk, read));
  text += fmt::format("{}    {}\n", margin, read_choice(read));
  text += fmt::format("{}    {:#018x}: {}\n", margin, step.descriptor, read_outcome(walk, read));
  text += fields_text(layout, step.descriptor, margin.size() + 4, full);
  if (!read.cost.served_by.empty()) {
    text += fmt::format("{}    {} cycles, served by {}; {} so far\n", margin, read.cost.cycles,
                        read.cost.served_by, read.cost.cycles_so_far);
  }
  return text;
}

std::string sections_text(const ExplainedWalk& walk) {
  std::set<std::string_view> sections;
  for (const WalkRead& read : walk.reads) {
    const WalkStep& step = read.step;
    sections.insert(descriptor_layout(place_of(step), step.descriptor).section);
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

}  // namespace axvm::explain::aarch64
