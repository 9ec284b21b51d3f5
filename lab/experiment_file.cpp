#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <hal-sim/config/toml_file.hpp>
#include <lab/alternative.hpp>
#include <lab/experiment.hpp>
#include <lab/metric.hpp>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace axvm::lab {
namespace {

using hal_sim::FieldReader;
using hal_sim::Location;
using hal_sim::ReadContext;

class ExperimentReader {
 public:
  ExperimentReader(ReadContext& context, std::filesystem::path folder, hal_sim::Hasher& fingerprint)
      : context_(context), values_(std::move(folder), context.diagnostics.errors, fingerprint) {}

  Experiment read(const toml::table& root) {
    FieldReader reader(context_, root, "");
    Experiment experiment;
    experiment.title = reader.required_string("title");
    experiment.about = reader.string("about").value_or("");
    if (const toml::table* const sweep = reader.table("sweep", true)) {
      read_axes(*sweep, experiment);
    }
    reader.rows("table", false, [&](const toml::node& node, const std::string& path) {
      if (node.is_table()) {
        experiment.tables.push_back(read_table(*node.as_table(), path, experiment));
      } else {
        context_.error(FieldReader::location_of(node), path, "is no table", "[[table]]");
      }
    });
    reader.finish();
    if (context_.diagnostics.errors.empty()) combine(experiment);
    check_shadows(experiment);
    return experiment;
  }

 private:
  void wrong(FieldReader& reader, std::string_view name, const Wrong& wrong) {
    const std::string key = reader.path_of(name);
    const auto at = context_.locations.find(key);
    context_.error(at == context_.locations.end() ? Location{} : at->second, key, wrong.what,
                   wrong.expected);
  }

  void read_axes(const toml::table& sweep, Experiment& experiment) {
    FieldReader reader(context_, sweep, "sweep");
    for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
      auto& alternatives = experiment.axes.at(axis);
      alternatives = reader.alternatives(kAxes.at(axis));
      if (alternatives.empty()) alternatives.emplace_back(default_alternative(axis));
      for (const std::string& text : alternatives) {
        Point tried;
        if (auto done = values_.set(tried, axis, text); !done) {
          wrong(reader, kAxes.at(axis), done.error());
        }
      }
    }
    reader.finish();
  }

  std::size_t read_axis(FieldReader& reader, std::string_view name) {
    const std::string axis = reader.required_string(name);
    const auto number = axis_number(axis);
    if (!number && !axis.empty()) {
      wrong(reader, name,
            {fmt::format("is \"{}\"", axis), fmt::format("one of {}", fmt::join(kAxes, ", "))});
    }
    return number.value_or(0);
  }

  TableSpec read_table(const toml::table& table, const std::string& path,
                       const Experiment& experiment) {
    FieldReader reader(context_, table, path);
    TableSpec spec;
    spec.title = reader.required_string("title");
    spec.rows = read_axis(reader, "rows");
    spec.columns = read_axis(reader, "columns");
    spec.metric = reader.required_string("metric");
    spec.source = reader.string("source").value_or("");
    spec.relative_to = reader.string("relative_to").value_or("");
    if (!relative_row(spec, experiment)) {
      wrong(reader, "relative_to",
            {fmt::format("is \"{}\"", spec.relative_to), "an alternative of the rows"});
    }
    if (!spec.metric.empty() && find_metric(spec.metric) == nullptr) {
      std::vector<std::string_view> names;
      for (const Metric& metric : metrics()) names.push_back(metric.name);
      wrong(reader, "metric",
            {fmt::format("is \"{}\"", spec.metric),
             fmt::format("one of {}", fmt::join(names, ", "))});
    }
    reader.rows("published", false, [&](const toml::node& node, const std::string& key) {
      spec.published.emplace_back();
      const toml::array* const row = node.as_array();
      for (std::size_t i = 0; row != nullptr && i < row->size(); ++i) {
        if (const auto value = (*row)[i].value<double>()) {
          // What is no number is not left out by that; fits() refuses infinite ones.
          spec.published.back().push_back(
              std::isnan(*value) ? std::numeric_limits<double>::infinity() : *value);
        } else if ((*row)[i].value<std::string_view>() == "") {
          spec.published.back().push_back(kNotPublished);
        }
      }
      if (row == nullptr || spec.published.back().size() != row->size()) {
        context_.error(FieldReader::location_of(node), key, "is no row",
                       "an array of numbers, or \"\" where there is none");
      }
    });
    if (!fits(spec, experiment)) {
      wrong(reader, "published",
            {"does not fit the axes",
             fmt::format("{} rows of {} numbers", experiment.axes.at(spec.rows).size(),
                         column_count(spec, experiment))});
    }
    reader.finish();
    return spec;
  }

  void combine(Experiment& experiment) {
    const auto count = point_count(experiment);
    if (!count) {
      context_.error(context_.locations["sweep"], "sweep", "has too many combinations",
                     fmt::format("at most {}", kMostPoints));
      return;
    }
    for (std::size_t number = 0; number < *count; ++number) {
      Point point;
      point.number = number;
      std::size_t rest = number;
      for (std::size_t axis = kAxisCount; axis-- > 0;) {
        const auto& alternatives = experiment.axes.at(axis);
        // Each has been tried.
        if (!values_.set(point, axis, alternatives[rest % alternatives.size()])) return;
        rest /= alternatives.size();
      }
      experiment.points.push_back(std::move(point));
    }
  }

  // An update of a shadow is an exit.
  void check_shadows(const Experiment& experiment) {
    std::set<std::string> unpriced;
    for (const Point& point : experiment.points) {
      if (point.shadow && !point.profile->exits) unpriced.insert(point.profile->name);
    }
    if (unpriced.empty()) return;
    context_.error(context_.locations["sweep.profile"], "sweep.profile",
                   fmt::format("names {}, without [exits]", fmt::join(unpriced, ", ")),
                   "[exits] in each profile where stage2 is \"shadow\"");
  }

  ReadContext& context_;
  Alternatives values_;
};

}  // namespace

std::expected<Experiment, std::vector<hal_sim::Diagnostic>> load_experiment(
    const std::filesystem::path& file) {
  return hal_sim::load_toml(
      file, "an experiment in TOML",
      [&](ReadContext& context, const toml::table& root, const std::string& text) {
        hal_sim::Hasher fingerprint;
        fingerprint.add(text);
        ExperimentReader reader(context, file.parent_path() / "profiles", fingerprint);
        Experiment experiment = reader.read(root);
        experiment.fingerprint = fingerprint.hex();
        return experiment;
      });
}

}  // namespace axvm::lab
