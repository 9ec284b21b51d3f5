#pragma once
// --stats: what was counted, at the end of a run or in intervals.

#include <cstdint>
#include <expected>
#include <hal-sim/host/host.hpp>
#include <memory>
#include <optional>
#include <sim/timing/profile.hpp>
#include <string>
#include <tools/axvm/event_counts.hpp>
#include <tools/axvm/output.hpp>
#include <vector>

namespace axvm::tool {

/// Each row says what has been counted since the one before, by pCPU. The file's suffix says how:
/// .csv (a line per row and pCPU), .json (an array of rows), anything else is text for people.
class StatsFile {
 public:
  /// A row every `interval` instructions of all pCPUs together; nothing: one at the end. `profile`
  /// is null in functional fidelity. Errors are one line.
  static std::expected<StatsFile, std::string> create(const std::string& file,
                                                      std::optional<std::uint64_t> interval,
                                                      std::optional<sim::timing::Profile> profile);

  /// The run has begun: what has been counted until now belongs to no row.
  void begin(hal_sim::Host& host);
  /// The instruction at which the next row is due; nothing: the end.
  [[nodiscard]] std::optional<std::uint64_t> next() const noexcept { return next_; }
  void row(hal_sim::Host& host);
  /// The last row. Returns the run's status, or that the file could not be written.
  [[nodiscard]] int finish(hal_sim::Host& host, int status);

 private:
  enum class Format : std::uint8_t { Text, Csv, Json };
  using Row = std::vector<std::vector<EventCount>>;  // by pCPU

  explicit StatsFile(std::unique_ptr<Output> file) : file_(std::move(file)) {}
  [[nodiscard]] Row read(hal_sim::Host& host) const;
  void write_text(const Row& row, std::uint64_t instructions, std::uint64_t time_ns);
  void write_csv(const Row& row, std::uint64_t instructions, std::uint64_t time_ns);
  void write_json(const Row& row, std::uint64_t instructions, std::uint64_t time_ns);

  std::unique_ptr<Output> file_;
  Format format_ = Format::Text;
  std::optional<std::uint64_t> interval_;
  std::optional<std::uint64_t> next_;
  std::optional<sim::timing::Profile> profile_;
  Row last_;
  std::uint64_t written_up_to_ = 0;  // instructions
  bool first_ = true;
};

}  // namespace axvm::tool
