#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <lab/report.hpp>
#include <lab/sweep.hpp>
#include <sstream>
#include <string>
#include <tests/support/temporary_folder.hpp>

namespace axvm::lab::test {
namespace {

using axvm::test::TemporaryFolder;
namespace fs = std::filesystem;

constexpr const char* kExperiment = R"(
title = "t"
[sweep]
profile = "small"
stage1 = ["vmsa-4k-39/4K", "sv39/2M"]
stage2 = ["off", "vmsa-4k-40/4K"]
stream = ["random", "chase"]
footprint = "4M"
accesses = 500
[[table]]
title = "all"
rows = "stage1"
columns = "stage2"
metric = "references_per_walk"
)";
constexpr const char* kProfile = R"(
[[l1_tlb]]
entries = 16
[[stage1_walk_cache]]
entries = 8
[memory]
l1 = { size = "16K", ways = 4, cycles = 3 }
cycles = 100
)";

Experiment load(const TemporaryFolder& folder, const std::string& text = kExperiment) {
  static_cast<void>(folder.file("profiles/small.toml", kProfile));
  return *load_experiment(folder.file("e.toml", text));
}

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// All files below a folder, by name.
std::string contents(const fs::path& folder) {
  std::ostringstream all;
  for (const char* name : {"results.csv", "results.json", "tables.txt"}) {
    all << name << ":\n" << text_of(folder / name);
  }
  return all.str();
}

std::string outcome(const std::expected<SweepOutcome, std::string>& done) {
  if (!done) return done.error();
  return done->failures.empty() ? "" : done->failures.front();
}

}  // namespace

TEST_CASE("however an experiment is shared out, what comes out is the same to the byte") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder);
  const auto whole = sweep(experiment, {.shard = {}, .jobs = 1, .folder = {}, .progress = {}});
  REQUIRE(whole.has_value());
  REQUIRE(write_reports(experiment, whole->results, folder.path() / "whole").has_value());
  for (const std::size_t count : {1U, 2U, 3U, 8U, 11U}) {
    CAPTURE(count);
    std::vector<fs::path> shards;
    for (std::size_t index = 1; index <= count; ++index) {
      shards.push_back(folder.path() / (std::to_string(count) + "-" + std::to_string(index)));
      const unsigned jobs = count == 1 ? 4 : 1;
      CHECK(outcome(sweep(experiment, {.shard = {index, count},
                                       .jobs = jobs,
                                       .folder = shards.back(),
                                       .progress = {}}))
                .empty());
    }
    const auto merged = merge(shards);
    REQUIRE_MESSAGE(merged.has_value(), merged.error());
    const fs::path out = folder.path() / ("merged-" + std::to_string(count));
    REQUIRE(write_reports(merged->experiment, merged->results, out).has_value());
    CHECK(contents(out) == contents(folder.path() / "whole"));
  }
}

TEST_CASE("what is finished is not run again; a line that was cut short is") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder);
  const fs::path out = folder.path() / "out";
  std::size_t ran = 0;
  const auto go = [&] {
    ran = 0;
    const SweepOptions options{
        .shard = {}, .jobs = 1, .folder = out, .progress = [&](auto, auto) { ++ran; }};
    return outcome(sweep(experiment, options));
  };
  CHECK(go().empty());
  CHECK(ran == 8);
  const fs::path points = out / "points-1-of-1.jsonl";
  const std::string all = text_of(points);
  CHECK(go().empty());
  CHECK(ran == 0);
  fs::resize_file(points, all.size() - 10);
  CHECK(go().empty());
  CHECK(ran == 1);
  CHECK(text_of(points) == all);
  std::ofstream(points, std::ios::binary) << "nonsense\n";
  CHECK(go().find("points-1-of-1.jsonl:1: is no JSON") != std::string::npos);
  CHECK(text_of(points) == "nonsense\n");
}

TEST_CASE("a folder of another experiment is left alone") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder);
  const fs::path out = folder.path() / "out";
  CHECK(
      outcome(sweep(experiment, {.shard = {}, .jobs = 1, .folder = out, .progress = {}})).empty());
  const std::string before = text_of(out / "points-1-of-1.jsonl");
  const Experiment other = load(folder, std::string(kExperiment) + "# another text\n");
  CHECK(outcome(sweep(other, {.shard = {}, .jobs = 1, .folder = out, .progress = {}}))
            .find("experiment.json: is of another experiment") != std::string::npos);
  CHECK(text_of(out / "points-1-of-1.jsonl") == before);
}

TEST_CASE("results of another version of the models are neither gone on with nor put together") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder);
  const fs::path out = folder.path() / "out";
  const auto go = [&] {
    return outcome(sweep(experiment, {.shard = {}, .jobs = 1, .folder = out, .progress = {}}));
  };
  REQUIRE(go().empty());
  const std::string version = std::to_string(kModelVersion);
  const std::string ours = "\n \"model\": " + version + ",";
  const std::string description = text_of(out / "experiment.json");
  const std::size_t at = description.find(ours);
  REQUIRE(at != std::string::npos);
  for (const auto& [there, said] :
       {std::pair<std::string, std::string>{"\n \"model\": 1,", "version 1"},
        {"", "an earlier version"}}) {
    std::string other = description;
    std::ofstream(out / "experiment.json") << other.replace(at, ours.size(), there);
    const std::string expected = (out / "experiment.json").string() + ": has results of " + said +
                                 " of the models, expected version " + version;
    CHECK(go() == expected);
    const auto merged = merge({out});
    REQUIRE_FALSE(merged.has_value());
    CHECK(merged.error() == expected);
  }
}

TEST_CASE("tables that would take more memory than they may are not begun") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder, R"(
title = "t"
[sweep]
profile = "small"
stage1 = "vmsa-4k-48/4K"
stage2 = ["off", "vmsa-4k-48/4K"]
fragmentation = [0, 50]
footprint = "4T"
accesses = 10
)");
  const auto done = sweep(
      experiment, {.shard = {}, .jobs = 1, .folder = {}, .memory = 1ULL << 30, .progress = {}});
  REQUIRE(done.has_value());
  CHECK(done->results.empty());
  REQUIRE(done->failures.size() == 4);
  // 2^30 pages: 8 GiB of tables of pages, and those above them; a plan of them is larger.
  CHECK(done->failures[0] ==
        "point 0: its tables take 8208 MiB of memory, expected at most 1024 MiB");
  CHECK(done->failures[1] ==
        "point 1: its tables take 49152 MiB of memory, expected at most 1024 MiB");
}

TEST_CASE("tables may say how many times a value goes into that of a row") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder, R"(
title = "t"
[sweep]
profile = "small"
stage1 = ["vmsa-4k-48/4K", "vmsa-4k-48/2M"]
stage2 = ["off", "vmsa-4k-48/4K"]
footprint = "64M"
accesses = 1000
[[table]]
title = "x"
rows = "stage1"
columns = "stage2"
metric = "references_per_walk"
relative_to = "vmsa-4k-48/4K"
published = [["", 1], ["", 1.5]]
)");
  const auto done = sweep(experiment, {.shard = {}, .jobs = 1, .folder = {}, .progress = {}});
  REQUIRE(done.has_value());
  const auto reads = [&](std::size_t point) {
    const auto& counters = done->results[point].counters;
    return static_cast<double>(counters.references()) / static_cast<double>(counters.walks);
  };
  const std::string text = table_text(experiment, done->results);
  CHECK(text.find("how many times it goes into that of vmsa-4k-48/4K\n") != std::string::npos);
  const std::size_t line = text.find("\n  vmsa-4k-48/2M") + 1;
  std::istringstream row(text.substr(line, text.find('\n', line) - line));
  std::string label;
  std::string beside;
  double native = 0;
  double nested = 0;
  row >> label >> native >> nested >> beside;
  CHECK(native == doctest::Approx(reads(0) / reads(2)).epsilon(0.001));
  CHECK(nested == doctest::Approx(reads(1) / reads(3)).epsilon(0.001));
  CHECK(native > 1);
  CHECK(beside == "(1.5)");
}

TEST_CASE("shards that are missing, or do not belong together, are named") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder);
  const fs::path one = folder.path() / "one";
  CHECK(outcome(sweep(experiment, {.shard = {1, 2}, .jobs = 1, .folder = one, .progress = {}}))
            .empty());
  CHECK(merge({one}).error() == "4 of 8 points are missing, the first is 1");
  CHECK(merge({folder.path() / "nowhere"}).error().find("cannot be read") != std::string::npos);
  const fs::path other = folder.path() / "other";
  const Experiment changed = load(folder, std::string(kExperiment) + "# another text\n");
  CHECK(outcome(sweep(changed, {.shard = {2, 2}, .jobs = 1, .folder = other, .progress = {}}))
            .empty());
  CHECK(merge({one, other}).error().find("is of another experiment than") != std::string::npos);
}

TEST_CASE("results that are of other points than they say, or of another shard, are refused") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder);
  const fs::path out = folder.path() / "out";
  const auto go = [&](Shard shard) {
    return outcome(sweep(experiment, {.shard = shard, .jobs = 1, .folder = out, .progress = {}}));
  };
  CHECK(go({}).empty());
  const std::string all = text_of(out / "points-1-of-1.jsonl");
  std::ofstream(out / "points-1-of-2.jsonl", std::ios::binary) << all;
  CHECK(go({1, 2}).find("points-1-of-2.jsonl:2: is of another point, expected a result of this "
                        "experiment and shard") != std::string::npos);
  std::string lie = all;
  lie.replace(lie.find("\"sv39/2M\""), 9, "\"sv39/1G\"");
  fs::remove(out / "points-1-of-2.jsonl");
  std::ofstream(out / "points-1-of-1.jsonl", std::ios::binary) << lie;
  CHECK(go({}).find("is of another point") != std::string::npos);
  CHECK(merge({out}).error().find("is of another point") != std::string::npos);
  lie = all;
  lie.replace(lie.find("\"point\":0"), 9, "\"point\":1e300");
  std::ofstream(out / "points-1-of-1.jsonl", std::ios::binary) << lie;
  CHECK(merge({out}).error().find("jsonl:1: is no result") != std::string::npos);
  fs::remove(out / "experiment.json");
  fs::create_directory(out / "experiment.json");
  CHECK(merge({out}).error().find("experiment.json: is not a regular file") != std::string::npos);
}

TEST_CASE("more points than there can be are no experiment") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder);
  const fs::path out = folder.path() / "out";
  CHECK(
      outcome(sweep(experiment, {.shard = {}, .jobs = 1, .folder = out, .progress = {}})).empty());
  std::string many = "[\"1\"";
  for (int i = 0; i < 1'100'000; ++i) many += ",\"1\"";
  std::string description = text_of(out / "experiment.json");
  const std::size_t seed = description.find("\"seed\": [");
  description.replace(seed + 8, description.find(']', seed) - seed - 8, many);
  std::ofstream(out / "experiment.json", std::ios::binary) << description;
  CHECK(merge({out}).error().find("describes no experiment") != std::string::npos);
}

TEST_CASE("a point that cannot be run is named, and the others are kept") {
  const TemporaryFolder folder;
  const Experiment experiment = load(folder, R"(
title = "t"
[sweep]
profile = "small"
stage1 = ["vmsa-4k-48/4K", "vmsa-4k-30/4K"]
footprint = "512M"
accesses = 10
)");
  const auto done = sweep(experiment, {.shard = {}, .jobs = 2, .folder = {}, .progress = {}});
  REQUIRE(done.has_value());
  CHECK(done->results.size() == 1);
  REQUIRE(done->failures.size() == 1);
  CHECK(done->failures[0].starts_with("point 1: footprint is too large for vmsa-4k-30"));
}

}  // namespace axvm::lab::test
