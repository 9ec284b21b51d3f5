#include <fmt/format.h>

#include <algorithm>
#include <tools/axvm/monitor.hpp>
#include <tools/axvm/session.hpp>

namespace axvm::tool {

using hal_sim::Host;
using hal_sim::StopCondition;
using hal_sim::StopKind;
using hal_sim::StopReason;
using Command = EscapeKeys::Command;

std::atomic<bool> interrupted = false;
std::atomic<int> ended_by = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

// --- progress ------------------------------------------------------------------------------------

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

void Progress::disable() {
  clear();
  enabled_ = false;
}

void Progress::show(const Host& host) {
  const double now = seconds();
  if (now < last_ + 1) return;
  last_ = now;
  const auto statistics = host.statistics();
  say(fmt::format("\r\x1b[K{:.0f} M instructions, {:.3f} s of guest time, {:.0f} MIPS",
                  static_cast<double>(statistics.instructions) / 1e6,
                  static_cast<double>(statistics.time_ns) / 1e9,
                  static_cast<double>(statistics.instructions - before_) / now / 1e6));
  shown_ = true;
}

void Progress::clear() {
  if (shown_) say("\r\x1b[K");
  shown_ = false;
}

namespace {

constexpr std::string_view kKeys =
    "Ctrl-A x ends the run, Ctrl-A c opens the monitor, Ctrl-A a types a Ctrl-A, Ctrl-A h shows "
    "this\n";

// As Host::run; writes the rows of statistics that are due on the way.
StopReason run_counting(Session& session, StopCondition until) {
  const auto limit = until.instructions;
  for (;;) {
    const auto next = session.stats != nullptr ? session.stats->next() : std::nullopt;
    const bool is_row = next && (!limit || *next < *limit);
    until.instructions = is_row ? next : limit;
    StopReason reason = session.host.run(until);
    if (!is_row || reason.kind != StopKind::InstructionLimit) return reason;
    session.stats->row(session.host);
  }
}

// As Host::run; writes the snapshots that are due on the way.
StopReason run(Session& session, StopCondition until) {
  const auto& snapshots = session.options.snapshots;
  const auto limit = until.instructions;
  for (;;) {
    const SnapshotAt* next = session.saved < snapshots.size() ? &snapshots[session.saved] : nullptr;
    const bool is_past =
        next != nullptr && session.host.statistics().instructions > next->instructions;
    if (is_past || (next != nullptr && limit && next->instructions > *limit)) next = nullptr;
    until.instructions = next != nullptr ? next->instructions : limit;
    StopReason reason = run_counting(session, until);
    session.stopped_by = reason.kind;
    if (reason.kind != StopKind::InstructionLimit || next == nullptr) return reason;
    if (const auto saved = session.saver.save(next->file); !saved) {
      reason.kind = session.stopped_by = StopKind::HostError;
      reason.text = "--snapshot-at: " + saved.error();
      return reason;
    }
    ++session.saved;
    if (limit == next->instructions) return reason;
  }
}

// As Host::run, with a look at the clock now and then.
StopReason run_showing(Session& session, StopCondition until) {
  Host& host = session.host;
  if (!session.progress.enabled()) return run(session, until);
  constexpr std::uint64_t kSlice = 50'000'000;
  const auto limit = until.instructions;
  for (;;) {
    const std::uint64_t next = host.statistics().instructions + kSlice;
    until.instructions = limit ? std::min(*limit, next) : next;
    StopReason reason = run(session, until);
    const bool is_slice = reason.kind == StopKind::InstructionLimit &&
                          (!limit || host.statistics().instructions < *limit);
    if (!is_slice) return reason;
    session.progress.show(host);
  }
}

// Does the script; the reason for which it could not be done to its end, if so.
class ScriptRun {
 public:
  explicit ScriptRun(Session& session)
      : session_(session),
        vm_(session.host.vm(0).id()),
        timeout_(session.options.timeout),
        matcher_(session.host.console(vm_).output().size()) {}

  std::optional<StopReason> run() {
    for (const auto& step : session_.options.script) {
      if (const auto* send = std::get_if<Send>(&step)) {
        session_.typed.type(send->bytes);
      } else if (const auto* timeout = std::get_if<Timeout>(&step)) {
        timeout_ = timeout->instructions;
      } else if (const auto* wanted = std::get_if<Save>(&step)) {
        if (auto failed = save(*wanted)) return failed;
      } else if (auto failed = expect(std::get<Expect>(step))) {
        return failed;
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<StopReason> save(const Save& wanted) {
    const auto saved = session_.saver.save(wanted.file);
    if (saved) return std::nullopt;
    StopReason reason;
    reason.kind = StopKind::HostError;
    reason.text = "snapshot: " + saved.error();
    return reason;
  }
  std::optional<StopReason> expect(const Expect& expect) {
    const auto most = session_.options.max_instructions;
    StopCondition until;
    until.interrupt = &interrupted;
    until.instructions = most;
    bool is_timeout = false;
    if (timeout_) {
      const std::uint64_t now = session_.host.statistics().instructions;
      const std::uint64_t last = now + std::min(*timeout_, ~now);
      is_timeout = !most || last < *most;
      if (is_timeout) until.instructions = last;
    }
    until.console = StopCondition::Console{
        vm_, [&](std::string_view output) { return matcher_.matches(expect, output); }};
    StopReason reason = run_showing(session_, until);
    if (reason.kind == StopKind::ConsoleMatched) return std::nullopt;
    if (reason.kind == StopKind::InstructionLimit && is_timeout) {
      reason.kind = StopKind::GuestFault;
      reason.text = fmt::format("timeout of {} instructions", *timeout_);
    }
    if (reason.kind == StopKind::PoweredOff) reason.kind = StopKind::GuestFault;
    reason.text += fmt::format(" before the console matched --expect \"{}\"", expect.pattern);
    if (!session_.options.quiet && reason.kind != StopKind::Interrupted) {
      session_.progress.clear();
      session_.output.flush();
      say("\nthe console's last lines:\n" + last_screen(session_.host.console(vm_).output()));
    }
    return reason;
  }

  Session& session_;
  VmId vm_;
  std::optional<std::uint64_t> timeout_;
  Matcher matcher_;
};

// What a key has asked for; nothing: the run goes on.
std::optional<StopReason> obey(Session& session, StopReason reason) {
  const Command command = session.input->take_command();
  interrupted = false;
  if (command == Command::None || ended_by != 0) return reason;
  const bool quits = command == Command::Quit ||
                     (command == Command::Monitor &&
                      Monitor(session.host, session.config, session.saver, session.output)
                              .run(*session.terminal, interrupted) == Monitor::Next::Quit);
  if (ended_by != 0) return reason;
  if (command == Command::Help) say(kKeys);
  if (!quits) return std::nullopt;
  reason.kind = StopKind::PoweredOff;
  reason.text = "ended from the keyboard";
  return reason;
}

}  // namespace

StopReason run_session(Session& session) {
  if (const auto failed = ScriptRun(session).run()) return *failed;
  StopCondition until;
  until.instructions = session.options.max_instructions;
  until.interrupt = &interrupted;
  if (session.input == nullptr) return run_showing(session, until);
  session.progress.disable();
  if (session.terminal->is_terminal() && !session.options.quiet) say(kKeys);
  session.terminal->set_raw(true);
  session.input->start();
  for (;;) {
    StopReason reason = run(session, until);
    std::optional<StopReason> end = reason;
    if (reason.kind == StopKind::Interrupted) end = obey(session, std::move(reason));
    if (!end) continue;
    session.terminal->set_raw(false);
    return *end;
  }
}

}  // namespace axvm::tool
