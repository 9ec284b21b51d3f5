#include <fmt/format.h>
// NOLINTNEXTLINE(modernize-deprecated-headers): POSIX: sigaction
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <hal-sim/host/choices_log.hpp>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/console_writer.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/summary.hpp>

namespace axvm::tool {
namespace {

using hal_sim::Host;
using hal_sim::StopCondition;
using hal_sim::StopKind;
using hal_sim::StopReason;
using Clock = std::chrono::steady_clock;

// Set by Ctrl-C.
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// Shows a line about the run's progress while it is long and somebody is watching.
class Progress {
 public:
  explicit Progress(bool enabled) : enabled_(enabled) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  [[nodiscard]] bool enabled() const { return enabled_; }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - begin_).count();
  }
  void show(const Host& host) {
    const double now = seconds();
    if (now < last_ + 1) return;
    last_ = now;
    const auto statistics = host.statistics();
    say(fmt::format("\r\x1b[K{:.0f} M instructions, {:.3f} s of guest time, {:.0f} MIPS",
                    static_cast<double>(statistics.instructions) / 1e6,
                    static_cast<double>(statistics.time_ns) / 1e9,
                    static_cast<double>(statistics.instructions) / now / 1e6));
    shown_ = true;
  }
  void clear() {
    if (shown_) say("\r\x1b[K");
    shown_ = false;
  }

 private:
  Clock::time_point begin_ = Clock::now();
  double last_ = 0;
  bool enabled_;
  bool shown_ = false;
};

// As Host::run, with a look at the clock now and then.
StopReason run_showing(Host& host, StopCondition until, Progress& progress) {
  if (!progress.enabled()) return host.run(until);
  constexpr std::uint64_t kSlice = 50'000'000;
  const auto limit = until.instructions;
  for (;;) {
    const std::uint64_t next = host.statistics().instructions + kSlice;
    until.instructions = limit ? std::min(*limit, next) : next;
    StopReason reason = host.run(until);
    const bool is_slice = reason.kind == StopKind::InstructionLimit &&
                          (!limit || host.statistics().instructions < *limit);
    if (!is_slice) return reason;
    progress.show(host);
  }
}

StopReason run_script(Host& host, const RunOptions& options, Progress& progress) {
  const VmId vm = host.vm(0).id();
  Matcher matcher;
  StopCondition until;
  until.instructions = options.max_instructions;
  until.interrupt = &interrupted;
  for (const auto& step : options.script) {
    if (const auto* send = std::get_if<Send>(&step)) {
      host.send(vm, send->bytes);
      continue;
    }
    const Expect& expect = std::get<Expect>(step);
    until.console = StopCondition::Console{
        vm, [&](std::string_view output) { return matcher.matches(expect, output); }};
    StopReason reason = run_showing(host, until, progress);
    until.console.reset();
    if (reason.kind == StopKind::ConsoleMatched) continue;
    reason.text += fmt::format(" before the console matched --expect \"{}\"", expect.pattern);
    if (reason.kind == StopKind::PoweredOff) reason.kind = StopKind::GuestFault;
    return reason;
  }
  return run_showing(host, until, progress);
}

int status_of(StopKind kind) {
  switch (kind) {
    case StopKind::Interrupted: return kSignalled + SIGINT;
    case StopKind::PoweredOff: return kPoweredOff;
    case StopKind::InstructionLimit:
    case StopKind::TimeReached:
    case StopKind::VcpuReached:
    case StopKind::ConsoleMatched: return kLimitReached;
    default: return kGuestFailed;
  }
}

}  // namespace

int run_command(const RunOptions& options, Output& output) {
  signal(SIGINT, [](int) { interrupted = true; });
  const auto config = read_configuration(options.configuration, options.quiet);
  if (!config) return kBadUsage;
  std::vector<std::unique_ptr<Output>> traces;  // the files
  std::unique_ptr<hal_sim::Choices> choices;
  if (options.choices_file) {
    auto file = Output::create(*options.choices_file);
    if (!file) {
      complain("--choices: " + file.error());
      return kBadUsage;
    }
    traces.push_back(std::move(*file));
    choices = std::make_unique<hal_sim::LoggedChoices>(
        std::make_unique<hal_sim::DeterministicChoices>(config->sim.turn_instructions,
                                                        config->sim.migration_rounds),
        [&log = *traces.back()](std::string_view line) { log.write(line); });
  }
  bool shares_output = false;
  bool traced = true;
  const auto host = make_host(
      *config, options.configuration,
      [&](Host& machine) {
        for (const TraceOption& trace : options.traces) {
          if (trace.file == "-") {
            add_trace(machine, trace.format, output);
            shares_output = true;
          } else if (auto file = Output::create(trace.file)) {
            add_trace(machine, trace.format, **file);
            traces.push_back(std::move(*file));
          } else {
            complain("--trace: " + file.error());
            traced = false;
          }
        }
      },
      std::move(choices));
  if (!host || !traced) return kBadUsage;
  ConsoleWriter console(*host, output, shares_output);
  Progress progress(!options.quiet && isatty(STDERR_FILENO) == 1);
  const StopReason reason = run_script(*host, options, progress);
  const double seconds = progress.seconds();
  progress.clear();
  console.finish();
  host->trace().finish();
  int status = status_of(reason.kind);
  if (!options.quiet) {
    say(summary(reason, host->statistics(), seconds));
  } else if (status != kPoweredOff) {
    complain(reason.text);
  }
  if (options.hash) output.print("{}\n", host->state_hash());
  for (const auto& trace : traces) status = settle(*trace, status);
  return status;
}

}  // namespace axvm::tool
