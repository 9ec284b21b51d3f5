#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <lab/report.hpp>
#include <lab/sweep.hpp>
#include <thread>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/exit_status.hpp>

namespace axvm::tool {
namespace {

constexpr std::size_t kBarWidth = 40;

std::uint64_t host_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// On a terminal, a line that is drawn again and again.
void draw_progress(std::size_t done, std::size_t all) {
  const std::size_t filled = std::min(done * kBarWidth / std::max<std::size_t>(all, 1), kBarWidth);
  fmt::print(stderr, "\r[{:#<{}}{:.<{}}] {} of {} points", "", filled, "", kBarWidth - filled, done,
             all);
  if (done == all) fmt::print(stderr, "\n");
}

int merge(const WalkLabOptions& options, Output& output) {
  const std::vector<std::filesystem::path> folders(options.merge.begin(), options.merge.end());
  const auto merged = lab::merge(folders);
  if (!merged) {
    complain(merged.error());
    return kBadUsage;
  }
  if (options.folder) {
    const auto written = lab::write_reports(merged->experiment, merged->results, *options.folder);
    if (!written) {
      complain(written.error());
      return kBadUsage;
    }
  }
  output.write(lab::table_text(merged->experiment, merged->results));
  return 0;
}

}  // namespace

int walk_lab_command(const WalkLabOptions& options, Output& output) {
  if (!options.merge.empty()) return merge(options, output);
  const auto experiment = lab::load_experiment(options.experiment);
  if (!experiment) {
    for (const auto& diagnostic : experiment.error()) complain(to_string(diagnostic));
    return kBadUsage;
  }
  const unsigned jobs = options.jobs.value_or(std::max(std::thread::hardware_concurrency(), 1U));
  lab::SweepOptions sweep{.shard = {options.shard, options.shards},
                          .jobs = jobs,
                          .folder = options.folder,
                          .memory = options.memory.value_or(host_memory() / 2 / jobs),
                          .progress = {}};
  if (isatty(STDERR_FILENO) != 0) sweep.progress = draw_progress;
  const auto outcome = lab::sweep(*experiment, sweep);
  if (!outcome) {
    complain(outcome.error());
    return kBadUsage;
  }
  for (const std::string& failure : outcome->failures) complain(failure);
  if (!outcome->failures.empty()) return kBadUsage;
  // A shard is a part; what it has to say is said when it is merged.
  if (options.shards > 1) return 0;
  if (options.folder) {
    const auto written = lab::write_reports(*experiment, outcome->results, *options.folder);
    if (!written) {
      complain(written.error());
      return kBadUsage;
    }
  }
  output.write(lab::table_text(*experiment, outcome->results));
  return 0;
}

}  // namespace axvm::tool
