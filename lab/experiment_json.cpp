#include <fmt/format.h>

#include <lab/experiment_json.hpp>
#include <lab/metric.hpp>

namespace axvm::lab {

using Json = nlohmann::ordered_json;

Json describe(const Experiment& experiment) {
  Json document;
  document["title"] = experiment.title;
  document["about"] = experiment.about;
  document["fingerprint"] = experiment.fingerprint;
  document["model"] = kModelVersion;
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
                      {"relative_to", table.relative_to},
                      {"published", table.published},
                      {"source", table.source}});
  }
  return document;
}

namespace {

// JSON has no number that is none: what has not been published is null.
std::vector<std::vector<double>> published(const Json& rows) {
  std::vector<std::vector<double>> values;
  for (const Json& row : rows) {
    values.emplace_back();
    for (const Json& value : row) {
      values.back().push_back(value.is_null() ? kNotPublished : value.get<double>());
    }
  }
  return values;
}

}  // namespace

std::optional<std::string> other_version(const Json& description) {
  const auto model = description.is_object() ? description.find("model") : description.end();
  const bool known = model != description.end() && model->is_number_unsigned();
  if (known && model->get<std::uint64_t>() == kModelVersion) return std::nullopt;
  return fmt::format("has results of {} of the models, expected version {}",
                     known ? "version " + model->dump() : "an earlier version", kModelVersion);
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
                                   .relative_to = table.at("relative_to"),
                                   .published = published(table.at("published")),
                                   .source = table.at("source")});
      if (find_metric(experiment.tables.back().metric) == nullptr ||
          !fits(experiment.tables.back(), experiment) ||
          !relative_row(experiment.tables.back(), experiment)) {
        return std::nullopt;
      }
    }
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  return experiment;
}

}  // namespace axvm::lab
