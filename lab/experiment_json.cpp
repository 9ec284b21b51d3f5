#include <lab/experiment_json.hpp>
#include <lab/metric.hpp>

namespace axvm::lab {

using Json = nlohmann::ordered_json;

Json describe(const Experiment& experiment) {
  Json document;
  document["title"] = experiment.title;
  document["about"] = experiment.about;
  document["fingerprint"] = experiment.fingerprint;
  Json& axes = document["axes"];
  for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
    axes[std::string(kAxes.at(axis))] = experiment.axes.at(axis);
  }
  Json& tables = document["tables"] = Json::array();
  for (const TableSpec& table : experiment.tables) {
    tables.push_back({{"title", table.title},
                      {"rows", kAxes.at(table.rows)},
                      {"columns", kAxes.at(table.columns)},
                      {"metric", table.metric},
                      {"published", table.published},
                      {"source", table.source}});
  }
  return document;
}

std::optional<Experiment> from_description(const Json& description) {
  Experiment experiment;
  try {
    description.at("title").get_to(experiment.title);
    description.at("about").get_to(experiment.about);
    description.at("fingerprint").get_to(experiment.fingerprint);
    for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
      description.at("axes").at(std::string(kAxes.at(axis))).get_to(experiment.axes.at(axis));
      if (experiment.axes.at(axis).empty()) return std::nullopt;
    }
    if (!point_count(experiment)) return std::nullopt;
    for (const Json& table : description.at("tables")) {
      const auto rows = axis_number(table.at("rows").get<std::string>());
      const auto columns = axis_number(table.at("columns").get<std::string>());
      if (!rows || !columns) return std::nullopt;
      experiment.tables.push_back({.title = table.at("title"),
                                   .rows = *rows,
                                   .columns = *columns,
                                   .metric = table.at("metric"),
                                   .published = table.at("published"),
                                   .source = table.at("source")});
      if (find_metric(experiment.tables.back().metric) == nullptr ||
          !fits(experiment.tables.back(), experiment)) {
        return std::nullopt;
      }
    }
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  return experiment;
}

}  // namespace axvm::lab
