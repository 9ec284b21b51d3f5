#pragma once
// An experiment: every combination of the alternatives that it names, and the tables that show what
// came out.

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <hal-sim/config/diagnostic.hpp>
#include <lab/stream.hpp>
#include <lab/translation_tables.hpp>
#include <limits>
#include <memory>
#include <optional>
#include <sim/timing/profile.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::lab {

/// Another number when a model counts something else for the same experiment: results of two
/// versions are not put together.
inline constexpr unsigned kModelVersion = 2;

/// What an experiment may vary. Results name their points by these.
inline constexpr std::array<std::string_view, 11> kAxes{
    "profile",   "stage1", "stage2",   "fragmentation", "updates", "stream",
    "footprint", "stride", "accesses", "warm_up",       "seed"};
inline constexpr std::size_t kAxisCount = kAxes.size();
[[nodiscard]] std::optional<std::size_t> axis_number(std::string_view name);

/// One combination.
struct Point {
  std::size_t number = 0;  ///< in the order of the sweep; the last axis is fastest
  std::array<std::string, kAxisCount> labels;  ///< as the file writes them
  std::shared_ptr<const sim::timing::Profile> profile;
  TablesSpec tables;
  bool shadow = false;        ///< stage 1 is the hypervisor's shadow of the guest's tables
  std::uint64_t updates = 0;  ///< of the guest's tables, in a million accesses
  StreamSpec stream;
  std::uint64_t accesses = 0;  ///< that are counted
  std::uint64_t warm_up = 0;   ///< accesses before those
};

/// Stands for what has not been published.
inline constexpr double kNotPublished = std::numeric_limits<double>::quiet_NaN();

/// A table of results: one axis down, one across.
struct TableSpec {
  std::string title;
  std::size_t rows = 0;     ///< axis
  std::size_t columns = 0;  ///< axis; that of the rows for a table of one column
  std::string metric;
  /// When not empty, the label of a row: each cell is how many times its value goes into that of
  /// this row.
  std::string relative_to;
  /// What others have found, a row each, in the order of the axes; may be empty.
  std::vector<std::vector<double>> published;
  std::string source;  ///< of what was published
};

struct Experiment {
  std::string title;
  std::string about;
  std::string fingerprint;  ///< of the file and its profiles: another text, another experiment
  std::array<std::vector<std::string>, kAxisCount> axes;  ///< the alternatives
  std::vector<Point> points;
  std::vector<TableSpec> tables;
};

inline constexpr std::size_t kMostPoints = 1'000'000;
/// How many combinations there are; nothing when there are more than kMostPoints.
[[nodiscard]] std::optional<std::size_t> point_count(const Experiment& experiment);
/// Columns of numbers that a table has.
[[nodiscard]] std::size_t column_count(const TableSpec& table, const Experiment& experiment);
/// The row that the others are relative to: 0 where none is; nothing when no row is called so.
[[nodiscard]] std::optional<std::size_t> relative_row(const TableSpec& table,
                                                      const Experiment& experiment);
/// True when what was published has a finite number, or kNotPublished, for each cell, or is empty.
[[nodiscard]] bool fits(const TableSpec& table, const Experiment& experiment);

/// Reads an experiment, and the profiles that it names from the folder "profiles" beside it. All
/// that is wrong is reported, each with its place.
[[nodiscard]] std::expected<Experiment, std::vector<hal_sim::Diagnostic>> load_experiment(
    const std::filesystem::path& file);

}  // namespace axvm::lab
