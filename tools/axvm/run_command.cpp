#include <fmt/format.h>
// NOLINTNEXTLINE(modernize-deprecated-headers): POSIX: sigaction
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <hal-sim/host/choices_log.hpp>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/console_writer.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/session.hpp>
#include <tools/axvm/summary.hpp>

namespace axvm::tool {
namespace {

using hal_sim::Host;
using hal_sim::StopKind;
using hal_sim::StopReason;

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
  std::unique_ptr<hal_sim::Choices> choices = std::make_unique<hal_sim::DeterministicChoices>(
      config->sim.turn_instructions, config->sim.migration_rounds);
  const auto terminal = Terminal::open(options.standard_input);
  ConsoleInput* input = nullptr;
  if (terminal) {
    auto typed = std::make_unique<ConsoleInput>(std::move(choices), *terminal,
                                                VmId(config->vms.front().id), interrupted);
    input = typed.get();
    choices = std::move(typed);
  }
  if (options.choices_file) {
    auto file = Output::create(*options.choices_file);
    if (!file) {
      complain("--choices: " + file.error());
      return kBadUsage;
    }
    traces.push_back(std::move(*file));
    choices = std::make_unique<hal_sim::LoggedChoices>(
        std::move(choices), [&log = *traces.back()](std::string_view line) { log.write(line); });
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
  if (input != nullptr) input->set_refresh([&output] { output.flush(); });
  Session session{*host, *config, options, output, progress, input, terminal.get()};
  const StopReason reason = run_session(session);
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
