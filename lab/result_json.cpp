#include <algorithm>
#include <array>
#include <lab/result.hpp>
#include <nlohmann/json.hpp>
#include <utility>

namespace axvm::lab {
namespace {

using Json = nlohmann::ordered_json;
using sim::timing::Counters;
using sim::timing::References;

constexpr std::array<std::pair<const char*, std::uint64_t Counters::*>, 14> kScalars{{
    {"accesses", &Counters::accesses},
    {"fetches", &Counters::fetches},
    {"l1_tlb_refills", &Counters::l1_tlb_refills},
    {"l2_tlb_accesses", &Counters::l2_tlb_accesses},
    {"l2_tlb_refills", &Counters::l2_tlb_refills},
    {"walks", &Counters::walks},
    {"faults", &Counters::faults},
    {"stage1_walk_cache_hits", &Counters::stage1_walk_cache_hits},
    {"stage2_walk_cache_hits", &Counters::stage2_walk_cache_hits},
    {"ipa_cache_hits", &Counters::ipa_cache_hits},
    {"ipa_cache_misses", &Counters::ipa_cache_misses},
    {"walk_cycles", &Counters::walk_cycles},
    {"translation_cycles", &Counters::translation_cycles},
    {"cycles", &Counters::cycles},
}};

}  // namespace

std::string to_json(const Result& result) {
  Json line;
  line["point"] = result.number;
  for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
    line[std::string(kAxes.at(axis))] = result.labels.at(axis);
  }
  Json& counters = line["counters"];
  for (const auto& [name, member] : kScalars) counters[name] = result.counters.*member;
  // By height of the table from the last level on, and by L1, L2, L3, memory.
  counters["stage1_references"] = result.counters.stage1;
  counters["stage2_references"] = result.counters.stage2;
  counters["data"] = result.counters.data;
  return line.dump();
}

std::expected<Result, std::string> from_json(std::string_view text) {
  const Json line = Json::parse(text, nullptr, false);
  if (line.is_discarded()) return std::unexpected("is no JSON");
  Result result;
  try {
    if (!line.at("point").is_number_unsigned()) return std::unexpected("is no result");
    line.at("point").get_to(result.number);
    for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
      line.at(std::string(kAxes.at(axis))).get_to(result.labels.at(axis));
    }
    const Json& counters = line.at("counters");
    for (const auto& [name, member] : kScalars) {
      if (!counters.at(name).is_number_unsigned()) return std::unexpected("is no result");
      counters.at(name).get_to(result.counters.*member);
    }
    counters.at("stage1_references").get_to(result.counters.stage1);
    counters.at("stage2_references").get_to(result.counters.stage2);
    counters.at("data").get_to(result.counters.data);
  } catch (const Json::exception&) {
    return std::unexpected("is no result");
  }
  return result;
}

}  // namespace axvm::lab
