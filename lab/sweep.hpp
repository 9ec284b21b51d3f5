#pragma once
// Runs the points of an experiment, on all cores and over many machines, and keeps what is
// finished.

#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <lab/experiment.hpp>
#include <lab/result.hpp>
#include <optional>
#include <string>
#include <vector>

namespace axvm::lab {

/// Every `count`-th point, from `index` on; both count from 1.
struct Shard {
  std::size_t index = 1;
  std::size_t count = 1;
};

struct SweepOptions {
  Shard shard;
  unsigned jobs = 1;                            ///< points at a time, on threads of their own
  std::optional<std::filesystem::path> folder;  ///< where results are kept; none: nowhere
  std::uint64_t memory = ~0ULL;                 ///< bytes that the tables of one point may take
  /// Told after each point how many of how many are done. May be empty.
  std::function<void(std::size_t done, std::size_t all)> progress;
};

struct SweepOutcome {
  std::vector<Result> results;        ///< in the order of points
  std::vector<std::string> failures;  ///< a line for each point that could not be run
};

/// Runs what `folder` does not have yet; each result is there before the next one is told. A shard
/// of a whole experiment is also reported (write_reports). One line of text when the folder cannot
/// be used, or holds another experiment.
[[nodiscard]] std::expected<SweepOutcome, std::string> sweep(const Experiment& experiment,
                                                             const SweepOptions& options);

/// An experiment's results, put together from the folders of its shards.
struct Merged {
  Experiment experiment;  ///< without points
  std::vector<Result> results;
};
/// One line of text when a folder holds no results or another experiment's, or points are missing.
[[nodiscard]] std::expected<Merged, std::string> merge(
    const std::vector<std::filesystem::path>& folders);

/// Writes results.csv, results.json, tables.txt and report.html. They depend on the results only.
/// One line of text when a file cannot be written.
[[nodiscard]] std::expected<void, std::string> write_reports(const Experiment& experiment,
                                                             const std::vector<Result>& results,
                                                             const std::filesystem::path& folder);

}  // namespace axvm::lab
