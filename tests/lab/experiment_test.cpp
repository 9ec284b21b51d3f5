#include <doctest/doctest.h>

#include <lab/experiment.hpp>
#include <string>
#include <tests/support/temporary_folder.hpp>

namespace axvm::lab::test {
namespace {

using axvm::test::TemporaryFolder;

constexpr const char* kProfile = "walkers = 1\n[memory]\ncycles = 1\n";

std::string errors_of(const std::string& text, const std::string& profile = kProfile) {
  const TemporaryFolder folder;
  static_cast<void>(folder.file("profiles/bare.toml", profile));
  const auto experiment = load_experiment(folder.file("e.toml", text));
  if (experiment) return "accepted";
  std::string lines;
  for (const auto& diagnostic : experiment.error()) {
    std::string line = to_string(diagnostic);
    // Without the folder's name.
    for (std::size_t at = 0; (at = line.find(folder.path().string())) != std::string::npos;) {
      line.erase(at, folder.path().string().size() + 1);
    }
    lines += line + "\n";
  }
  return lines;
}

std::string sweep(const std::string& line) {
  return "title = \"t\"\n[sweep]\nprofile = \"bare\"\n" + line + "\n";
}

}  // namespace

TEST_CASE("an experiment is every combination of its alternatives, the last axis the fastest") {
  const TemporaryFolder folder;
  static_cast<void>(folder.file("profiles/bare.toml", kProfile));
  const auto experiment = load_experiment(folder.file("e.toml", R"(
title = "t"
[sweep]
profile = "bare"
stage1 = ["vmsa-4k-48/4K", "vmsa-4k-48/2M:75,4K:25"]
stage2 = "ept-5/1G"
stream = ["chase", "zipf"]
footprint = "16M"
accesses = [10, 20]
)"));
  REQUIRE(experiment.has_value());
  REQUIRE(experiment->points.size() == 8);
  const Point& point = experiment->points[6];
  CHECK(point.number == 6);
  CHECK(point.labels[0] == "bare");
  CHECK(point.labels[1] == "vmsa-4k-48/2M:75,4K:25");
  CHECK(point.tables.guest->format->name == "vmsa-4k-48");
  CHECK(point.tables.guest_leaves == std::vector<LeafShare>{{1, 75}, {0, 25}});
  CHECK(point.tables.nested->format->name == "ept-5");
  CHECK(point.tables.nested_height == 2);
  CHECK(point.tables.footprint == 16 << 20);
  CHECK(point.stream.kind == StreamKind::Zipf);
  CHECK(point.accesses == 10);
  CHECK(experiment->points[7].accesses == 20);
  CHECK(experiment->points[3].stream.kind == StreamKind::Zipf);
}

TEST_CASE("what is wrong with an experiment is said with its place and what was expected") {
  CHECK(errors_of("title = ") != "accepted");
  CHECK(errors_of("title = \"t\"\n") == "e.toml:1:1: sweep: is missing, expected a table\n");
  CHECK(
      errors_of(sweep("stage1 = \"vmsa-4k-47/4K\""))
          .starts_with(
              "e.toml:4:10: sweep.stage1: is \"vmsa-4k-47/4K\", expected \"off\" or FORMAT/LEAF"));
  CHECK(errors_of(sweep("stage1 = \"vmsa-4k-48/64K\"")) ==
        "e.toml:4:10: sweep.stage1: names leaves of \"64K\", expected for vmsa-4k-48 one of 4K, "
        "2048K, 1048576K\n");
  CHECK(errors_of(sweep("stage1 = \"vmsa-4k-48/4K:50,2M:49\"")) ==
        "e.toml:4:10: sweep.stage1: shares out 99 percent, expected 100 percent\n");
  CHECK(errors_of(sweep("stage2 = \"sv39/4K\"")).find("formats are \"vmsa-4k-39\"") !=
        std::string::npos);
  CHECK(errors_of(sweep("stream = \"radnom\"")).find("is \"radnom\", expected one of") !=
        std::string::npos);
  CHECK(errors_of(sweep("footprint = \"3G\"\nfoot = 1")) ==
        "e.toml:5:1: sweep.foot: is an unknown key\n");
  CHECK(errors_of(sweep("footprint = \"64\"")) ==
        "e.toml:4:13: sweep.footprint: is \"64\", expected a size such as \"64M\", a multiple of "
        "8192, at most 4 TiB\n");
  CHECK(errors_of(sweep("accesses = 0")) ==
        "e.toml:4:12: sweep.accesses: is \"0\", expected a number from 1 to 1099511627776\n");
  CHECK(errors_of(sweep("accesses = []")) ==
        "e.toml:4:12: sweep.accesses: is an array, expected at least one alternative\n");
  CHECK(errors_of(sweep("profile = 1")).find("e.toml:4:") == 0);
  CHECK(errors_of("title = \"t\"\n[sweep]\nprofile = \"none\"\n") ==
        "e.toml:3:11: sweep.profile: is \"none\", expected the name of a file in profiles\n");
}

TEST_CASE("shadow tables are refused where a profile does not say what an exit costs") {
  const std::string shadow = sweep("stage1 = \"vmsa-4k-48/4K\"\nstage2 = [\"off\", \"shadow\"]");
  CHECK(errors_of(shadow) ==
        "e.toml:3:11: sweep.profile: names bare, without [exits], expected [exits] in each "
        "profile where stage2 is \"shadow\"\n");
  const std::string exits =
      "[exits]\nworld_switch = 1\ncall = 1\nregister = 1\ndevice = 1\nprocess = 1\npage = 1\n"
      "exception = 1\ninterrupt = 1\ninterrupt_sent = 1\ninterface_access = 1\n";
  CHECK(errors_of(shadow, kProfile + exits) == "accepted");
  CHECK(errors_of(sweep("stage2 = \"off\"")) == "accepted");
}

TEST_CASE("tables name axes and metrics that there are, and publish a number for each cell") {
  const auto table = [](const std::string& lines) {
    return errors_of(sweep("seed = [1, 2]") + "[[table]]\ntitle = \"x\"\n" + lines);
  };
  CHECK(table("rows = \"seed\"\ncolumns = \"profile\"\nmetric = \"walks_per_access\"\n"
              "published = [[1], [2]]\n") == "accepted");
  CHECK(table("rows = \"seed\"\ncolumns = \"profile\"\nmetric = \"walks_per_access\"\n"
              "published = [[1, 2]]\n") ==
        "e.toml:10:13: table[0].published: does not fit the axes, expected 2 rows of 1 numbers\n");
  CHECK(table("rows = \"seed\"\ncolumns = \"profile\"\nmetric = \"walks_per_access\"\n"
              "published = [[\"\"], [2]]\n") == "accepted");
  CHECK(table("rows = \"seed\"\ncolumns = \"profile\"\nmetric = \"walks_per_access\"\n"
              "relative_to = \"3\"\n") ==
        "e.toml:10:15: table[0].relative_to: is \"3\", expected an alternative of the rows\n");
  CHECK(table("rows = \"seed\"\ncolumns = \"profile\"\nmetric = \"walks_per_access\"\n"
              "published = [[nan], [2]]\n")
            .find("does not fit the axes") != std::string::npos);
  CHECK(table("rows = \"seeds\"\ncolumns = \"profile\"\nmetric = \"walks\"\n")
            .find("table[0].rows: is \"seeds\", expected one of profile, stage1") !=
        std::string::npos);
  CHECK(table("rows = \"seed\"\ncolumns = \"profile\"\nmetric = \"walks\"\n")
            .find("table[0].metric: is \"walks\", expected one of references_per_walk") !=
        std::string::npos);
}

TEST_CASE("a profile may be named with other sizes than its file has") {
  const TemporaryFolder folder;
  static_cast<void>(folder.file("profiles/bare.toml",
                                "[[l1_tlb]]\nentries = 16\n[[l2_tlb]]\nentries = 64\nways = 4\n"
                                "[[ipa_cache]]\nentries = 8\n"));
  const auto profile_of = [&](const std::string& settings) {
    const auto experiment = load_experiment(
        folder.file("e.toml", "title = \"t\"\n[sweep]\nprofile = \"bare" + settings + "\"\n"));
    REQUIRE_MESSAGE(experiment.has_value(), to_string(experiment.error().front()));
    return *experiment->points.front().profile;
  };
  const auto changed = profile_of(" l1_tlb=32 l2_tlb=128 ipa_cache=0 coalesce=4");
  CHECK(changed.l1_tlbs[0].shape.entries == 32);
  CHECK(changed.l1_tlbs[0].shape.ways == 32);
  CHECK(changed.l2_tlbs[0].shape.entries == 128);
  CHECK(changed.l2_tlbs[0].shape.ways == 4);
  CHECK(changed.l2_tlbs[0].coalesce == 4);
  CHECK(changed.ipa_caches.empty());
  CHECK(profile_of("").ipa_caches.size() == 1);
  CHECK(profile_of(" l2_tlb=2").l2_tlbs[0].shape.ways == 2);
  const auto wrong = [](const std::string& settings) {
    const std::string all = errors_of(sweep("seed = 1").replace(35, 0, settings));
    return all.substr(all.find("profile: ") + 9);
  };
  CHECK(wrong(" l1_tlb=3") == "sets l1_tlb, expected what the profile has\n");
  CHECK(wrong(" coalesce=3") == "sets coalesce to 3, expected 1, 2, 4 or 8 pages\n");
  for (const char* const setting : {" l1=3", " l1_tlb", " l1_tlb=x", " =", " "}) {
    CHECK(wrong(setting).find("expected l1_tlb, l2_tlb, stage1_walk_cache") != std::string::npos);
  }
}

TEST_CASE("what is wrong with a profile is said with its place") {
  const auto profile = [](const std::string& text) { return errors_of(sweep("seed = 1"), text); };
  CHECK(profile("[[l1_tlb]]\nentries = 12\nways = 4\n") ==
        "profiles/bare.toml:2:11: l1_tlb[0].entries: is 12 with 4 ways, expected a power of two of "
        "sets, each of at most 65535 ways\n");
  CHECK(profile("[[l1_tlb]]\nways = 4\n") ==
        "profiles/bare.toml:1:1: l1_tlb[0].entries: is missing, expected an integer\n");
  CHECK(profile("[[l1_tlb]]\nentries = 4\nserves = \"code\"\n")
            .find("expected one of \"all\", \"fetches\", \"data\"") != std::string::npos);
  CHECK(profile("[[l1_tlb]]\nentries = 4\npages = [\"5K\"]\n").find("has \"5K\"") !=
        std::string::npos);
  CHECK(profile("l1_tlb = [1]\n").find("l1_tlb[0]: is no table, expected [[l1_tlb]]") !=
        std::string::npos);
  CHECK(profile("[[stage1_walk_cache]]\nentries = 4\nheights = [5]\n").find("has 5, expected 0") !=
        std::string::npos);
  CHECK(profile("[memory]\nl1 = { size = \"1K\", ways = 4, cycles = 1 }\n")
            .find("is 16 lines with 4 ways, expected a power of two of sets, at least 64") !=
        std::string::npos);
  CHECK(profile("[memory]\nl1 = { ways = 4, cycles = 1 }\n").find("memory.l1.size: is missing") !=
        std::string::npos);
  std::string rows;
  for (int i = 0; i < 40; ++i) rows += "[[l1_tlb]]\nentries = 1048576\nways = 1\n";
  CHECK(profile(rows) ==
        "profiles/bare.toml: has 41943040 entries in all caches, expected at most 33554432\n");
  CHECK(profile("walkers = 0\n").find("an integer from 1 to 64") != std::string::npos);
  CHECK(profile("walker = 1\n").find("perhaps \"walkers\"") != std::string::npos);
}

TEST_CASE("every experiment and profile that comes with the lab can be read") {
  for (const auto& entry :
       std::filesystem::directory_iterator(AXVM_SOURCE_DIR "/configs/walk-lab")) {
    if (!entry.is_regular_file()) continue;
    CAPTURE(entry.path().string());
    const auto experiment = load_experiment(entry.path());
    REQUIRE(experiment.has_value());
    CHECK_FALSE(experiment->points.empty());
  }
}

}  // namespace axvm::lab::test
