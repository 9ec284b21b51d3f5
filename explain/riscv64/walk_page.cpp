#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <explain/page_json.hpp>
#include <explain/riscv64/walk_page.hpp>

namespace axvm::explain::riscv64 {

namespace {

constexpr PageWords kWords{.first_stage = "VS-stage",
                           .second_stage = "G-stage",
                           .first_space = "GVA",
                           .second_space = "GPA",
                           .entry = "entry",
                           .block = "larger page",
                           .levels_ascend = false};

constexpr PageWords kWordsOfOneStage{.first_stage = "translation",
                                     .second_stage = "G-stage",
                                     .first_space = "VA",
                                     .second_space = "GPA",
                                     .entry = "entry",
                                     .block = "larger page",
                                     .levels_ascend = false};

// The page's numbers of the stages.
unsigned number_of(WalkStep::Stage stage) { return stage == WalkStep::Stage::Vs ? 1 : 2; }

std::uint64_t word_at(const sim::PhysicalMemory& memory, std::uint64_t pa) {
  std::uint64_t word = 0;
  const std::uint8_t* const bytes = memory.at(pa);
  if (bytes != nullptr) std::memcpy(&word, bytes, sizeof word);
  return word;
}

constexpr std::uint64_t kShown = 512;

// The table that was read, or of a root of 16 KiB a quarter: what each entry is, in a letter, and
// the entries that are not 0.
Json table_json(const WalkStep& step, const sim::PhysicalMemory& memory) {
  const std::uint64_t entries =
      std::min(kShown, std::uint64_t{2} << (step.index_high - step.index_low));
  const std::uint64_t first = step.index / entries * entries;
  const std::uint64_t begin = step.entry_pa - (step.index - first) * 8;
  std::string kinds;
  Json values = Json::object();
  for (std::uint64_t n = 0; n < entries; ++n) {
    const std::uint64_t word = word_at(memory, begin + n * 8);
    char kind = '.';
    switch (entry_kind(place_of(step), word)) {
      case EntryKind::Invalid: break;
      case EntryKind::Table: kind = 'T'; break;
      case EntryKind::Leaf: kind = step.level == 0 ? 'P' : 'B'; break;
    }
    kinds += kind;
    if (word != 0) values[std::to_string(n)] = hex(word);
  }
  return {{"first", first}, {"kinds", std::move(kinds)}, {"values", std::move(values)}};
}

Json read_json(const ExplainedWalk& walk, const WalkRead& read) {
  const WalkStep& step = read.step;
  Json ranges = Json::array();
  std::size_t lit = 0;
  for (const auto& [high, low] : address_fields(walk, read).ranges) {
    if (low == step.index_low) lit = ranges.size();
    ranges.push_back({high, low});
  }
  Json json = {{"stage", number_of(step.stage)},
               {"level", step.level},
               {"title", read_title(walk, read)},
               {"choice", read_choice(walk, read)},
               {"outcome", read_outcome(walk, read)},
               {"input", hex(step.input)},
               {"ranges", std::move(ranges)},
               {"lit", lit},
               {"table", hex(step.table)},
               {"index", step.index},
               {"descriptor", word_json(entry_layout(place_of(step), step.entry), step.entry)},
               {"cycles", read.cost.cycles},
               {"cyclesSoFar", read.cost.cycles_so_far}};
  if (read.for_vs_level) json["forLevel"] = *read.for_vs_level;
  if (!read.cost.served_by.empty()) json["servedBy"] = read.cost.served_by;
  return json;
}

Json registers_json(const ExplainedWalk& walk) {
  const Registers& r = walk.registers;
  if (walk.question.one_stage) return {register_json("satp", r.vsatp)};
  return {register_json("vsatp", r.vsatp), register_json("hgatp", r.hgatp),
          register_json("henvcfg", r.henvcfg)};
}

Json walk_json(const ExplainedWalk& walk, const std::string& title,
               const sim::PhysicalMemory& memory) {
  Json reads = Json::array();
  Json tables = Json::object();
  for (const WalkRead& read : walk.reads) {
    Json json = read_json(walk, read);
    Json table = table_json(read.step, memory);
    const std::string key =
        fmt::format("{}-{}-{:#x}-{}", number_of(read.step.stage), read.step.level, read.step.table,
                    table["first"].get<std::uint64_t>());
    tables[key] = std::move(table);
    json["entries"] = key;
    reads.push_back(std::move(json));
  }
  const PageWords& words = walk.question.one_stage ? kWordsOfOneStage : kWords;
  return {{"title", title},
          {"words", to_json(words)},
          {"space", walk.question.g_stage_only ? words.second_space : words.first_space},
          {"address", hex(walk.question.address)},
          {"found", walk.result.has_value()},
          {"target", walk.result ? hex(walk.result->pa) : ""},
          {"regime", regime_lines(walk)},
          {"result", result_lines(walk)},
          {"tlb", tlb_lines(walk)},
          {"costModel", walk.cost_model},
          {"cyclesBefore", walk.cycles_before},
          {"reads", std::move(reads)},
          {"tables", std::move(tables)},
          {"registers", registers_json(walk)}};
}

}  // namespace

std::string walk_page(const ExplainedWalk& walk, const std::string& title,
                      const sim::PhysicalMemory& memory) {
  return filled_page(title, walk_json(walk, title, memory));
}

}  // namespace axvm::explain::riscv64
