#pragma once
// Results as text: tables for the terminal, CSV, JSON, a page for a browser.

#include <lab/experiment.hpp>
#include <lab/result.hpp>
#include <ostream>
#include <span>
#include <string>

namespace axvm::lab {

/// The experiment's tables, each value with what others have published in brackets behind it. Where
/// further axes have alternatives, there is a table for each combination. `results` are those of
/// all points, in order.
[[nodiscard]] std::string table_text(const Experiment& experiment, std::span<const Result> results);

/// A line per point: its axes, all counters, all metrics.
[[nodiscard]] std::string csv_text(std::span<const Result> results);

/// The same as one JSON document, with the experiment's title and the published values.
void write_json(std::ostream& out, const Experiment& experiment, std::span<const Result> results);

/// A page of HTML that needs no other file: the tables, and plots of all metrics.
[[nodiscard]] std::string page_text(const Experiment& experiment, std::span<const Result> results);

}  // namespace axvm::lab
