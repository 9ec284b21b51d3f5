#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <lab/experiment_json.hpp>
#include <lab/metric.hpp>
#include <lab/report.hpp>
#include <vector>

namespace axvm::lab {
namespace {

using Json = nlohmann::ordered_json;
using Cells = std::vector<std::vector<std::string>>;

// Up to three decimals, none that say nothing.
std::string number(double value) {
  std::string text = fmt::format("{:.{}f}", value, value < 10 ? 3 : value < 1000 ? 2 : 1);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// The first column to the left, the others to the right.
std::string aligned(const Cells& cells) {
  std::vector<std::size_t> widths;
  for (const auto& row : cells) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += i == 0 ? fmt::format("  {:<{}}", row[i], widths[i])
                     : fmt::format("  {:>{}}", row[i], widths[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

// A field of CSV (RFC 4180). A mix of leaves has commas.
std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\n") == std::string::npos) return field;
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

using Choice = std::array<std::size_t, kAxisCount>;

// All alternatives of the axes that a table does not show.
std::vector<Choice> others(const Experiment& experiment, const TableSpec& table) {
  std::vector<Choice> choices{{}};
  for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
    if (axis == table.rows || axis == table.columns) continue;
    std::vector<Choice> more;
    for (const Choice& choice : choices) {
      for (std::size_t i = 0; i < experiment.axes.at(axis).size(); ++i) {
        more.push_back(choice);
        more.back().at(axis) = i;
      }
    }
    choices = std::move(more);
  }
  return choices;
}

std::size_t point_number(const Experiment& experiment, const Choice& choice) {
  std::size_t number = 0;
  for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
    number = number * experiment.axes.at(axis).size() + choice.at(axis);
  }
  return number;
}

// "stream chase, footprint 1G": what has alternatives and is not shown.
std::string subtitle(const Experiment& experiment, const TableSpec& table, const Choice& choice) {
  std::string text;
  for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
    const auto& alternatives = experiment.axes.at(axis);
    if (axis == table.rows || axis == table.columns || alternatives.size() == 1) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kAxes.at(axis),
                        alternatives[choice.at(axis)]);
  }
  return text;
}

std::string one_table(const Experiment& experiment, std::span<const Result> results,
                      const TableSpec& table, Choice choice) {
  const Metric& metric = *find_metric(table.metric);
  const auto& rows = experiment.axes.at(table.rows);
  const auto& columns = experiment.axes.at(table.columns);
  const bool one_axis = table.rows == table.columns;
  const auto base = table.relative_to.empty() ? std::nullopt : relative_row(table, experiment);
  Cells cells{{fmt::format("{} \\ {}", kAxes.at(table.rows), kAxes.at(table.columns))}};
  if (one_axis) {
    cells = {{std::string(kAxes.at(table.rows)), base ? "times" : table.metric}};
  } else {
    std::ranges::copy(columns, std::back_inserter(cells.front()));
  }
  for (std::size_t row = 0; row < rows.size(); ++row) {
    choice.at(table.rows) = row;
    cells.push_back({rows[row]});
    for (std::size_t column = 0; column < (one_axis ? 1 : columns.size()); ++column) {
      if (!one_axis) choice.at(table.columns) = column;
      const auto value = [&](std::size_t of_row) {
        Choice at = choice;
        at.at(table.rows) = of_row;
        return metric.of(results[point_number(experiment, at)].counters);
      };
      const double own = value(row);
      std::string cell = number(!base ? own : own == 0 ? 0 : value(*base) / own);
      if (!table.published.empty() && !std::isnan(table.published[row][column])) {
        cell += fmt::format(" ({})", number(table.published[row][column]));
      }
      cells.back().push_back(std::move(cell));
    }
  }
  return aligned(cells);
}

}  // namespace

std::string table_text(const Experiment& experiment, std::span<const Result> results) {
  std::string text = experiment.title + "\n";
  if (!experiment.about.empty()) text += experiment.about + "\n";
  for (const TableSpec& table : experiment.tables) {
    text += fmt::format("\n{}: {}\n", table.title, find_metric(table.metric)->about);
    if (!table.relative_to.empty()) {
      text += fmt::format("how many times it goes into that of {}\n", table.relative_to);
    }
    if (!table.published.empty()) text += fmt::format("in brackets: {}\n", table.source);
    for (const Choice& choice : others(experiment, table)) {
      const std::string fixed = subtitle(experiment, table, choice);
      if (!fixed.empty()) text += fixed + "\n";
      text += one_table(experiment, results, table, choice);
    }
  }
  return text;
}

std::string csv_text(std::span<const Result> results) {
  std::string text = "point";
  for (const std::string_view axis : kAxes) text += fmt::format(",{}", axis);
  for (const NamedCounter& counter : named_counters()) {
    if (!axis_number(counter.name)) text += fmt::format(",{}", counter.name);  // accesses are both
  }
  for (const NamedSum& sum : named_sums()) text += fmt::format(",{}", sum.name);
  for (const NamedReads& reads : named_reads()) text += fmt::format(",{}", reads.name);
  for (const Metric& metric : metrics()) text += fmt::format(",{}", metric.name);
  text += '\n';
  for (const Result& result : results) {
    text += std::to_string(result.number);
    for (const std::string& label : result.labels) {
      text += ',' + quoted(label);
    }
    for (const NamedCounter& counter : named_counters()) {
      if (axis_number(counter.name)) continue;
      text += fmt::format(",{}", result.counters.*counter.counter);
    }
    for (const NamedSum& sum : named_sums()) text += fmt::format(",{}", sum.of(result.counters));
    for (const NamedReads& reads : named_reads()) {
      text += fmt::format(",{}", (result.counters.*reads.stage).at(reads.height).at(reads.level));
    }
    for (const Metric& metric : metrics()) {
      text += fmt::format(",{:.6g}", metric.of(result.counters));
    }
    text += '\n';
  }
  return text;
}

void write_json(std::ostream& out, const Experiment& experiment, std::span<const Result> results) {
  // One point at a time: all of them as one document would take many times their size.
  const std::string head = describe(experiment).dump(1);
  out << std::string_view(head).substr(0, head.size() - 2) << ",\n \"points\": [";
  std::string_view separator = "\n";
  for (const Result& result : results) {
    Json point = Json::parse(to_json(result));
    for (const Metric& metric : metrics()) {
      point["metrics"][std::string(metric.name)] = metric.of(result.counters);
    }
    out << separator << "  " << point.dump();
    separator = ",\n";
  }
  out << (results.empty() ? "]\n}\n" : "\n ]\n}\n");
}

}  // namespace axvm::lab
