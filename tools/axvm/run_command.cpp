#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/console_writer.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/recorder.hpp>
#include <tools/axvm/session.hpp>
#include <tools/axvm/signals.hpp>
#include <tools/axvm/stats_file.hpp>
#include <tools/axvm/stream_recorder.hpp>
#include <tools/axvm/summary.hpp>
#include <tools/axvm/timing_profile.hpp>

namespace axvm::tool {
namespace {

using hal_sim::Host;
using hal_sim::StopKind;
using hal_sim::StopReason;

int status_of(StopKind kind) {
  switch (kind) {
    case StopKind::Interrupted: return kSignalled + ended_by;
    case StopKind::PoweredOff: return kPoweredOff;
    case StopKind::InstructionLimit:
    case StopKind::TimeReached:
    case StopKind::VcpuReached:
    case StopKind::ConsoleMatched: return kLimitReached;
    default: return kGuestFailed;
  }
}

// What a guest has written, be it half a line, can be read while it waits.
class ShownWhenIdle final : public hal_sim::ForwardedChoices {
 public:
  ShownWhenIdle(std::unique_ptr<hal_sim::Choices> rest, Output& output)
      : ForwardedChoices(std::move(rest)), output_(output) {}

  std::uint64_t idle(std::uint64_t now, std::uint64_t until) override {
    output_.flush();
    return ForwardedChoices::idle(now, until);
  }

 private:
  Output& output_;
};

// Who makes the choices of a run, and what becomes of them.
class Decisions {
 public:
  // Nothing when the run cannot be recorded or replayed: one line has been printed.
  static std::unique_ptr<Decisions> make(const RunOptions& options,
                                         const hal_sim::MachineConfig& config,
                                         const hal_sim::Snapshot* snapshot) {
    std::unique_ptr<Decisions> made(new Decisions);
    if (!made->open_files(options, config, snapshot)) return nullptr;
    const VmId first(config.vms.front().id);
    std::unique_ptr<hal_sim::Choices> choices = std::make_unique<hal_sim::DeterministicChoices>(
        config.sim.turn_instructions, config.sim.migration_rounds);
    if (made->replay) {
      choices = made->replay->choices(std::move(choices), interrupted);
    } else {
      made->terminal = Terminal::open(options.standard_input);
    }
    if (made->terminal) {
      auto input =
          std::make_unique<ConsoleInput>(std::move(choices), *made->terminal, first, interrupted);
      made->input = input.get();
      choices = std::move(input);
    }
    auto typed = std::make_unique<ScriptInput>(std::move(choices), first);
    made->typed = typed.get();
    choices = std::move(typed);
    if (made->recorder) choices = made->recorder->record(std::move(choices));
    made->choices = std::move(choices);
    return made;
  }

  std::optional<Recorder> recorder;
  std::optional<Replay> replay;
  std::unique_ptr<Terminal> terminal;
  ConsoleInput* input = nullptr;
  ScriptInput* typed = nullptr;
  std::unique_ptr<hal_sim::Choices> choices;

 private:
  Decisions() = default;

  bool open_files(const RunOptions& options, const hal_sim::MachineConfig& config,
                  const hal_sim::Snapshot* snapshot) {
    if (!options.record_file && !options.replay_file) return true;
    auto machine = hal_sim::identify(config, image_search(options.configuration));
    if (!machine) {
      complain(machine.error());
      return false;
    }
    if (snapshot != nullptr) machine->push_back({"restored snapshot", snapshot->digest()});
    if (options.record_file) {
      auto made = Recorder::create(*options.record_file, *machine);
      if (!made) {
        complain("--record: " + made.error());
        return false;
      }
      recorder.emplace(std::move(*made));
    } else {
      auto opened = Replay::open(*options.replay_file, *machine);
      if (!opened) {
        complain("--replay: " + opened.error());
        return false;
      }
      replay.emplace(std::move(*opened));
    }
    return true;
  }
};

// --restore. False when it cannot be: one line has been printed.
bool open_snapshot(const RunOptions& options, const hal_sim::MachineConfig& config,
                   std::unique_ptr<hal_sim::Snapshot>& snapshot) {
  if (!options.restore_file) return true;
  const auto machine = snapshot_identity(config, options.configuration);
  if (!machine) {
    complain(machine.error());
    return false;
  }
  auto opened = hal_sim::Snapshot::open(*options.restore_file, *machine);
  if (!opened) {
    complain("--restore: " + opened.error());
    return false;
  }
  snapshot = std::move(*opened);
  return true;
}

// Snapshots that were asked for and not reached turn success into failure.
int settle_snapshots(const Session& session, int status) {
  const auto& wanted = session.options.snapshots;
  if (session.saved == wanted.size() || session.stopped_by == StopKind::HostError) return status;
  complain(
      fmt::format("--snapshot-at: the run ended after {} instructions, expected {}: {} is not "
                  "written",
                  session.host.statistics().instructions, wanted[session.saved].instructions,
                  wanted[session.saved].file));
  return status == kPoweredOff ? kGuestFailed : status;
}

// The files of traces, as they are asked for.
class Traces {
 public:
  Traces(const std::vector<TraceOption>& wanted, Output& output)
      : wanted_(wanted), output_(output) {}

  void add_to(Host& machine, const sim::timing::ExitCosts& costs) {
    for (const TraceOption& trace : wanted_) {
      if (trace.file == "-") {
        add_trace(machine, trace.format, output_, costs);
        shares_output_ = true;
      } else if (auto file = Output::create(trace.file)) {
        add_trace(machine, trace.format, **file, costs);
        files_.push_back(std::move(*file));
      } else {
        complain("--trace: " + file.error());
        complete_ = false;
      }
    }
  }
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] bool shares_output() const { return shares_output_; }
  [[nodiscard]] int settle(int status) {
    for (const auto& file : files_) status = tool::settle(*file, status);
    return status;
  }

 private:
  const std::vector<TraceOption>& wanted_;
  Output& output_;
  std::vector<std::unique_ptr<Output>> files_;
  bool shares_output_ = false;
  bool complete_ = true;
};

}  // namespace

int run_command(const RunOptions& wanted, Output& output) {
  handle_ending_signals([](int number) {
    int none = 0;
    ended_by.compare_exchange_strong(none, number);
    interrupted = true;
  });
  RunOptions options = wanted;
  const auto config = read_configuration(options.configuration, options.quiet);
  if (!config) return kBadUsage;
  std::unique_ptr<hal_sim::Snapshot> snapshot;
  if (!open_snapshot(options, *config, snapshot)) return kBadUsage;
  const auto decisions = Decisions::make(options, *config, snapshot.get());
  if (!decisions) return kBadUsage;
  if (decisions->replay) {
    if (const auto limit = decisions->replay->limit()) {
      options.max_instructions = std::min(*limit, options.max_instructions.value_or(*limit));
    }
  }
  Traces traces(options.traces, output);
  hal_sim::HostOptions host_options;
  if (options.timing && !read_timing_profile(*options.timing, host_options.timing)) {
    return kBadUsage;
  }
  std::optional<StatsFile> stats;
  if (options.stats) {
    auto file = StatsFile::create(*options.stats, options.stats_interval, host_options.timing);
    if (!file) {
      complain(file.error());
      return kBadUsage;
    }
    stats = std::move(*file);
  }
  std::unique_ptr<StreamRecorder> stream;
  if (options.stream) {
    stream = StreamRecorder::create(*options.stream);
    if (stream == nullptr) return kBadUsage;
  }
  const sim::timing::ExitCosts exit_costs = host_options.timing && host_options.timing->exits
                                                ? *host_options.timing->exits
                                                : sim::timing::ExitCosts{};
  host_options.prepare = [&](Host& machine) {
    if (stream) static_cast<void>(stream->add_to(machine));
    traces.add_to(machine, exit_costs);
    if (options.trace_tables) machine.trace().show_tables();
  };
  host_options.choices = std::make_unique<ShownWhenIdle>(std::move(decisions->choices), output);
  host_options.snapshot = snapshot.get();
  const auto host = make_host(*config, options.configuration, std::move(host_options));
  snapshot.reset();
  if (!host || !traces.complete()) return kBadUsage;
  ConsoleWriter console(*host, output, traces.shares_output());
  const std::uint64_t before = host->statistics().instructions;
  Progress progress(!options.quiet && isatty(STDERR_FILENO) == 1, before);
  Saver saver(*host, *config, options.configuration);
  if (decisions->input != nullptr) decisions->input->set_refresh([&output] { output.flush(); });
  Session session{.host = *host,
                  .config = *config,
                  .options = options,
                  .output = output,
                  .progress = progress,
                  .saver = saver,
                  .typed = *decisions->typed,
                  .input = decisions->input,
                  .terminal = decisions->terminal.get(),
                  .stats = stats ? &*stats : nullptr};
  if (stats) stats->begin(*host);
  StopReason reason = run_session(session);
  const double seconds = progress.seconds();
  progress.clear();
  console.finish();
  host->trace().finish();
  std::optional<std::string> difference;
  if (decisions->replay) difference = decisions->replay->verify(*host, reason);
  int status = difference ? kBadUsage : status_of(reason.kind);
  if (difference) {
    complain("--replay: " + *difference);
  } else if (!options.quiet) {
    say(summary(reason, host->statistics(), seconds, before));
  } else if (status != kPoweredOff) {
    complain(reason.text);
  }
  status = settle_snapshots(session, status);
  if (stats) status = stats->finish(*host, status);
  if (stream) status = stream->finish(status);
  if (options.hash) output.print("{}\n", host->state_hash());
  if (decisions->recorder) status = decisions->recorder->finish(*host, session.stopped_by, status);
  return traces.settle(status);
}

}  // namespace axvm::tool
