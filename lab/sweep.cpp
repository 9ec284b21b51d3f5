#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <iterator>
#include <lab/experiment_json.hpp>
#include <lab/report.hpp>
#include <lab/sweep.hpp>
#include <map>
#include <mutex>
#include <ranges>
#include <thread>

namespace axvm::lab {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Results = std::map<std::size_t, Result>;

constexpr std::string_view kDescription = "experiment.json";

std::expected<std::string, std::string> read(const fs::path& file) {
  std::error_code error;
  if (fs::exists(file, error) && !fs::is_regular_file(file, error)) {
    return std::unexpected(fmt::format("{}: is not a regular file", file.string()));
  }
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  if (stream) text.assign(std::istreambuf_iterator<char>(stream), {});
  if (!stream) return std::unexpected(fmt::format("{}: cannot be read", file.string()));
  return text;
}

// Whole or not at all, whoever else writes the same file.
std::expected<void, std::string> write(const fs::path& file,
                                       const std::function<void(std::ostream&)>& text) {
  fs::path partial = file;
  partial += fmt::format(".{}.partial", getpid());
  std::ofstream stream(partial, std::ios::binary);
  text(stream);
  stream.close();
  std::error_code error;
  if (stream) fs::rename(partial, file, error);
  if (!stream || error) {
    return std::unexpected(fmt::format("{}: cannot be written", file.string()));
  }
  return {};
}

std::expected<void, std::string> write(const fs::path& file, const std::string& text) {
  return write(file, [&](std::ostream& out) { out << text; });
}

// What the experiment calls this point.
bool is_point(const Result& result, const Experiment& experiment) {
  std::size_t rest = result.number;
  for (std::size_t axis = kAxisCount; axis-- > 0;) {
    const auto& alternatives = experiment.axes.at(axis);
    if (result.labels.at(axis) != alternatives[rest % alternatives.size()]) return false;
    rest /= alternatives.size();
  }
  return rest == 0;
}

// Adds the results of a file of lines. A last line without an end was being written when its run
// died.
std::expected<std::size_t, std::string> read_results(const fs::path& file,
                                                     const Experiment& experiment, Shard shard,
                                                     Results& results) {
  const auto text = read(file);
  if (!text) return std::unexpected(text.error());
  std::size_t begin = 0;
  std::size_t number = 0;
  for (std::size_t end = 0; (end = text->find('\n', begin)) != std::string::npos; begin = end + 1) {
    ++number;
    auto result = from_json(std::string_view(*text).substr(begin, end - begin));
    if (!result || !is_point(*result, experiment) ||
        result->number % shard.count != shard.index - 1) {
      return std::unexpected(fmt::format(
          "{}:{}: {}, expected a result of this experiment{}", file.string(), number,
          result ? "is of another point" : result.error(), shard.count > 1 ? " and shard" : ""));
    }
    results.insert_or_assign(result->number, std::move(*result));
  }
  return begin;
}

// Memory that is not to be had is the point's failure, not the program's end.
std::expected<Result, std::string> run_or_fail(const Point& point, std::uint64_t memory) {
  try {
    return run(point, memory);
  } catch (const std::exception& error) {
    return std::unexpected(std::string(error.what()));
  }
}

// The file that a shard's results are kept in.
class Keeper {
 public:
  static std::expected<Keeper, std::string> open(const fs::path& folder, Shard shard,
                                                 const Experiment& experiment, Results& known) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return std::unexpected(fmt::format("{}: {}", folder.string(), error.message()));
    const std::string description = describe(experiment).dump(1) + "\n";
    const fs::path file = folder / kDescription;
    if (fs::exists(file, error)) {
      const auto there = read(file);
      if (!there) return std::unexpected(there.error());
      if (const auto other = other_version(Json::parse(*there, nullptr, false))) {
        return std::unexpected(fmt::format("{}: {}", file.string(), *other));
      }
      if (*there != description) {
        return std::unexpected(fmt::format(
            "{}: is of another experiment, expected this one's or an empty folder", file.string()));
      }
    } else if (auto written = write(file, description); !written) {
      return std::unexpected(written.error());
    }
    Keeper keeper;
    keeper.file_ = folder / fmt::format("points-{}-of-{}.jsonl", shard.index, shard.count);
    if (fs::exists(keeper.file_, error)) {
      const auto size = read_results(keeper.file_, experiment, shard, known);
      if (!size) return std::unexpected(size.error());
      fs::resize_file(keeper.file_, *size, error);
    }
    keeper.stream_.open(keeper.file_, std::ios::binary | std::ios::app);
    if (error || !keeper.stream_) {
      return std::unexpected(fmt::format("{}: cannot be written", keeper.file_.string()));
    }
    return keeper;
  }
  void add(const Result& result) {
    stream_ << to_json(result) << '\n';
    stream_.flush();
  }
  [[nodiscard]] std::expected<void, std::string> finish() {
    stream_.close();
    if (stream_) return {};
    return std::unexpected(fmt::format("{}: cannot be written", file_.string()));
  }

 private:
  fs::path file_;
  std::ofstream stream_;
};

}  // namespace

std::expected<SweepOutcome, std::string> sweep(const Experiment& experiment,
                                               const SweepOptions& options) {
  Results results;
  std::optional<Keeper> keeper;
  if (options.folder) {
    auto opened = Keeper::open(*options.folder, options.shard, experiment, results);
    if (!opened) return std::unexpected(opened.error());
    keeper.emplace(std::move(*opened));
  }
  std::vector<const Point*> wanted;
  std::size_t all = 0;
  for (const Point& point : experiment.points) {
    if (point.number % options.shard.count != options.shard.index - 1) continue;
    ++all;
    if (!results.contains(point.number)) wanted.push_back(&point);
  }
  std::map<std::size_t, std::string> failures;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  const auto work = [&] {
    for (std::size_t i = next++; i < wanted.size(); i = next++) {
      auto result = run_or_fail(*wanted[i], options.memory);
      const std::scoped_lock lock(mutex);
      if (result) {
        if (keeper) keeper->add(*result);
        results.insert_or_assign(result->number, std::move(*result));
      } else {
        failures.emplace(wanted[i]->number, std::move(result.error()));
      }
      if (options.progress) options.progress(results.size() + failures.size(), all);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < options.jobs; ++i) threads.emplace_back(work);
    work();
  }
  if (keeper) {
    if (auto finished = keeper->finish(); !finished) return std::unexpected(finished.error());
  }
  SweepOutcome outcome;
  std::ranges::move(results | std::views::values, std::back_inserter(outcome.results));
  for (const auto& [number, text] : failures) {
    outcome.failures.push_back(fmt::format("point {}: {}", number, text));
  }
  return outcome;
}

std::expected<Merged, std::string> merge(const std::vector<fs::path>& folders) {
  Merged merged;
  Results results;
  std::string description;
  for (const fs::path& folder : folders) {
    const auto text = read(folder / kDescription);
    if (!text) return std::unexpected(text.error());
    if (description.empty()) {
      description = *text;
      const Json json = Json::parse(*text, nullptr, false);
      if (const auto other = other_version(json); other && json.is_object()) {
        return std::unexpected(fmt::format("{}: {}", (folder / kDescription).string(), *other));
      }
      auto experiment = from_description(json);
      if (!experiment) {
        return std::unexpected(
            fmt::format("{}: describes no experiment", (folder / kDescription).string()));
      }
      merged.experiment = std::move(*experiment);
    } else if (const auto other = other_version(Json::parse(*text, nullptr, false))) {
      return std::unexpected(fmt::format("{}: {}", (folder / kDescription).string(), *other));
    } else if (*text != description) {
      return std::unexpected(fmt::format("{}: is of another experiment than {}",
                                         (folder / kDescription).string(),
                                         (folders.front() / kDescription).string()));
    }
    std::error_code error;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("points-") && name.ends_with(".jsonl")) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) {
      if (auto size = read_results(file, merged.experiment, {}, results); !size) {
        return std::unexpected(size.error());
      }
    }
  }
  const std::size_t count = point_count(merged.experiment).value_or(0);
  for (std::size_t number = 0; number < count; ++number) {
    if (results.contains(number)) continue;
    return std::unexpected(fmt::format("{} of {} points are missing, the first is {}",
                                       count - results.size(), count, number));
  }
  std::ranges::move(results | std::views::values, std::back_inserter(merged.results));
  return merged;
}

std::expected<void, std::string> write_reports(const Experiment& experiment,
                                               const std::vector<Result>& results,
                                               const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return std::unexpected(fmt::format("{}: {}", folder.string(), error.message()));
  const std::array<std::pair<const char*, std::function<void(std::ostream&)>>, 4> files{{
      {"results.csv", [&](std::ostream& out) { out << csv_text(results); }},
      {"results.json", [&](std::ostream& out) { write_json(out, experiment, results); }},
      {"tables.txt", [&](std::ostream& out) { out << table_text(experiment, results); }},
      {"report.html", [&](std::ostream& out) { out << page_text(experiment, results); }},
  }};
  for (const auto& [name, text] : files) {
    if (auto written = write(folder / name, text); !written) return written;
  }
  return {};
}

}  // namespace axvm::lab
