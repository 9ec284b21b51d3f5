#include <algorithm>
#include <cmath>
#include <lab/experiment.hpp>

namespace axvm::lab {

std::optional<std::size_t> axis_number(std::string_view name) {
  const auto* const found = std::ranges::find(kAxes, name);
  if (found == kAxes.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kAxes.begin());
}

std::optional<std::size_t> point_count(const Experiment& experiment) {
  std::size_t count = 1;
  for (const auto& alternatives : experiment.axes) {
    // Both factors are below 2^32: a file has no more alternatives than bytes.
    count *= alternatives.size();
    if (count > kMostPoints) return std::nullopt;
  }
  return count;
}

std::optional<std::size_t> relative_row(const TableSpec& table, const Experiment& experiment) {
  if (table.relative_to.empty()) return 0;
  const auto& rows = experiment.axes.at(table.rows);
  const auto found = std::ranges::find(rows, table.relative_to);
  if (found == rows.end()) return std::nullopt;
  return static_cast<std::size_t>(found - rows.begin());
}

bool fits(const TableSpec& table, const Experiment& experiment) {
  if (table.published.empty()) return true;
  return table.published.size() == experiment.axes.at(table.rows).size() &&
         std::ranges::all_of(table.published, [&](const std::vector<double>& row) {
           return row.size() == column_count(table, experiment) &&
                  std::ranges::all_of(row, [](double value) { return !std::isinf(value); });
         });
}

std::size_t column_count(const TableSpec& table, const Experiment& experiment) {
  return table.rows == table.columns ? 1 : experiment.axes.at(table.columns).size();
}

}  // namespace axvm::lab
