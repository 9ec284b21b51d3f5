#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <explain/aarch64/walk_page.hpp>
#include <explain/page_json.hpp>

namespace axvm::explain::aarch64 {

namespace {

constexpr PageWords kWords{.first_stage = "stage 1",
                           .second_stage = "stage 2",
                           .first_space = "VA",
                           .second_space = "IPA",
                           .entry = "descriptor",
                           .block = "block",
                           .levels_ascend = true};

std::uint64_t word_at(const sim::PhysicalMemory& memory, std::uint64_t pa, bool big_endian) {
  std::uint64_t word = 0;
  const std::uint8_t* const bytes = memory.at(pa);
  if (bytes == nullptr) return 0;
  std::memcpy(&word, bytes, sizeof word);
  return big_endian ? std::byteswap(word) : word;
}

constexpr std::uint64_t kShown = 512;

// The table that was read, or of a root of several the one of them: what each entry is, in a
// letter, and the entries that are not 0.
Json table_json(const WalkStep& step, const sim::PhysicalMemory& memory, bool big_endian) {
  const std::uint64_t entries =
      std::min(kShown, std::uint64_t{2} << (step.index_high - step.index_low));
  const std::uint64_t first = step.index / entries * entries;
  const std::uint64_t begin = step.descriptor_pa - (step.index - first) * 8;
  std::string kinds;
  Json values = Json::object();
  for (std::uint64_t n = 0; n < entries; ++n) {
    const std::uint64_t word = word_at(memory, begin + n * 8, big_endian && step.stage == 1);
    constexpr std::string_view kLetters = ".TBP";
    kinds += kLetters[static_cast<std::size_t>(descriptor_kind(place_of(step), word))];
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
  Json json = {{"stage", step.stage},
               {"level", step.level},
               {"title", read_title(read)},
               {"choice", read_choice(read)},
               {"outcome", read_outcome(walk, read)},
               {"input", hex(step.input)},
               {"ranges", std::move(ranges)},
               {"lit", lit},
               {"table", hex(step.table)},
               {"index", step.index},
               {"descriptor",
                word_json(descriptor_layout(place_of(step), step.descriptor), step.descriptor)},
               {"cycles", read.cost.cycles},
               {"cyclesSoFar", read.cost.cycles_so_far}};
  if (read.for_stage1_level) json["forLevel"] = *read.for_stage1_level;
  if (!read.cost.served_by.empty()) json["servedBy"] = read.cost.served_by;
  return json;
}

Json registers_json(const Registers& r) {
  return {register_json("SCTLR_EL1", r.sctlr_el1), register_json("TCR_EL1", r.tcr_el1),
          register_json("TTBR0_EL1", r.ttbr0_el1), register_json("TTBR1_EL1", r.ttbr1_el1),
          register_json("MAIR_EL1", r.mair_el1),   register_json("HCR_EL2", r.hcr_el2),
          register_json("VTCR_EL2", r.vtcr_el2),   register_json("VTTBR_EL2", r.vttbr_el2)};
}

Json walk_json(const ExplainedWalk& walk, const std::string& title,
               const sim::PhysicalMemory& memory) {
  const bool big_endian = (walk.registers.sctlr_el1 >> 25 & 1) != 0;
  Json reads = Json::array();
  Json tables = Json::object();
  for (const WalkRead& read : walk.reads) {
    Json json = read_json(walk, read);
    Json table = table_json(read.step, memory, big_endian);
    const std::string key = fmt::format("{}-{}-{:#x}-{}", read.step.stage, read.step.level,
                                        read.step.table, table["first"].get<std::uint64_t>());
    tables[key] = std::move(table);
    json["entries"] = key;
    reads.push_back(std::move(json));
  }
  return {{"title", title},
          {"words", to_json(kWords)},
          {"space", walk.question.stage2_only ? "IPA" : "VA"},
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
          {"registers", registers_json(walk.registers)}};
}

}  // namespace

std::string walk_page(const ExplainedWalk& walk, const std::string& title,
                      const sim::PhysicalMemory& memory) {
  return filled_page(title, walk_json(walk, title, memory));
}

}  // namespace axvm::explain::aarch64
