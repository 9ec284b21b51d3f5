#include <lab/metric.hpp>
#include <lab/result.hpp>
#include <nlohmann/json.hpp>

namespace axvm::lab {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string to_json(const Result& result) {
  Json line;
  line["point"] = result.number;
  for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
    line[std::string(kAxes.at(axis))] = result.labels.at(axis);
  }
  Json& counters = line["counters"];
  for (const auto& [name, counter] : named_counters()) {
    counters[std::string(name)] = result.counters.*counter;
  }
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
    for (const auto& [name, counter] : named_counters()) {
      const Json& value = counters.at(std::string(name));
      if (!value.is_number_unsigned()) return std::unexpected("is no result");
      value.get_to(result.counters.*counter);
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
