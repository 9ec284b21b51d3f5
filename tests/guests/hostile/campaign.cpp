// axvm_hostile FIRST COUNT [OPTIONS]: runs the programs of COUNT seeds in a child process and says
// how many ended in which way. A seed that ends badly, crashes or hangs its process, or takes too
// much memory is a finding: it is named, and the rest goes on.
//
//   --check            runs each seed again under chaos, traced, and compares
//   --chaos SEED       perturbs the engine
//   --hashes FILE      a line per seed, to compare builds
//   --instructions N   where a seed's run is cut
//   --describe         prints the machine's state at the end; with --check the events, too, of both
//
// Exit status: 0 nothing found, 1 a finding, 2 bad usage.

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "machine.hpp"

namespace {

using namespace axvm::test::hostile;

/// More than any seed takes, even under sanitizers on a busy machine.
constexpr unsigned kSecondsPerSeed = 60;
/// A process that runs many seeds must not grow beyond this, in KiB (sanitizers keep more).
constexpr long kMostMemory = 2'000'000;

struct Arguments {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t chaos = 0;
  bool check = false;
  bool describe = false;
  std::uint64_t instructions = Options{}.instructions;
  std::string hashes;
};

/// What the child tells the parent as it goes; shared memory.
struct Progress {
  std::uint64_t seed;
  std::uint64_t findings;
};

/// The report with N for every number.
std::string kind_of(const Report& report) {
  constexpr std::string_view kDigits = "0123456789abcdefx";
  const std::string& text = report.reason.text;
  std::string kind;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] < '0' || text[at] > '9') {
      kind += text[at++];
    } else {
      kind += 'N';
      at = std::min(text.find_first_not_of(kDigits, at), text.size());
    }
  }
  return kind;
}

int run_seeds(const Arguments& arguments, Progress& progress, std::FILE* hashes) {
  std::map<std::string, std::uint64_t> kinds;
  std::uint64_t instructions = 0;
  for (; progress.seed < arguments.first + arguments.count; ++progress.seed) {
    const std::uint64_t seed = progress.seed;
    const auto find = [&](const std::string& what) {
      fmt::print("FINDING seed {}: {}\n", seed, what);
      ++progress.findings;
    };
    alarm(kSecondsPerSeed);
    try {
      Options options{.chaos = arguments.chaos,
                      .traced = arguments.check,
                      .instructions = arguments.instructions,
                      .described = arguments.describe};
      const Report report = run(seed, options);
      fmt::print("{}", report.state);
      ++kinds[kind_of(report)];
      instructions += report.instructions;
      if (!report.is_guests_doing()) find(report.reason.text);
      if (hashes != nullptr) fmt::print(hashes, "{} {}\n", seed, report.hash);
      if (arguments.check) {
        options.chaos = seed * 2 + 1;
        const Report again = run(seed, options);
        fmt::print("{}", again.state);
        if (!(again == report)) {
          find(fmt::format(
              "chaos shows: {} after {}, {} after {}{}", report.reason.text, report.instructions,
              again.reason.text, again.instructions,
              report.trace_hash == again.trace_hash ? "; the events are the same" : ""));
        }
      }
    } catch (const std::exception& error) {
      find(error.what());
    }
    std::fflush(stdout);
  }
  alarm(0);
  for (const auto& [kind, count] : kinds) fmt::print("{:>8}  {}\n", count, kind);
  fmt::print("{} instructions\n", instructions);
  std::fflush(nullptr);
  return 0;
}

bool parse(int argc, char** argv, Arguments& arguments) {
  const auto number = [](const char* text, std::uint64_t& value) {
    char* end = nullptr;
    value = std::strtoull(text, &end, 10);
    return end != text && *end == '\0';
  };
  if (argc < 3 || !number(argv[1], arguments.first) || !number(argv[2], arguments.count)) {
    return false;
  }
  for (int i = 3; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--check") {
      arguments.check = true;
    } else if (option == "--describe") {
      arguments.describe = true;
    } else if (option == "--instructions" && i + 1 < argc) {
      if (!number(argv[++i], arguments.instructions)) return false;
    } else if (option == "--chaos" && i + 1 < argc) {
      if (!number(argv[++i], arguments.chaos)) return false;
    } else if (option == "--hashes" && i + 1 < argc) {
      arguments.hashes = argv[++i];
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    fmt::print(stderr,
               "usage: {} FIRST COUNT [--check] [--chaos SEED] [--hashes FILE] [--instructions N] "
               "[--describe]\n",
               argv[0]);
    return 2;
  }
  std::FILE* hashes =
      arguments.hashes.empty() ? nullptr : std::fopen(arguments.hashes.c_str(), "w");
  void* shared =
      mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 2;
  Progress& progress = *new (shared) Progress{arguments.first, 0};
  const auto begin = std::chrono::steady_clock::now();
  long memory = 0;
  while (progress.seed < arguments.first + arguments.count) {
    std::fflush(stdout);  // or the child says it, too
    const pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) _exit(run_seeds(arguments, progress, hashes));
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    memory = std::max(memory, usage.ru_maxrss);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    if (WIFSIGNALED(status)) {
      fmt::print("FINDING seed {}: died of {}\n", progress.seed, strsignal(WTERMSIG(status)));
    } else {
      fmt::print("FINDING seed {}: exit status {}\n", progress.seed, WEXITSTATUS(status));
    }
    ++progress.findings;
    ++progress.seed;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{} seeds, {:.0f} seeds/s, {} MiB at most, {} findings\n", arguments.count,
             static_cast<double>(arguments.count) / seconds, memory / 1024, progress.findings);
  if (memory > kMostMemory) {
    fmt::print("FINDING: that is too much memory\n");
    ++progress.findings;
  }
  if (hashes != nullptr) std::fclose(hashes);
  return progress.findings == 0 ? 0 : 1;
}
