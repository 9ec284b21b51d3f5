#include <fmt/format.h>
// NOLINTNEXTLINE(modernize-deprecated-headers): POSIX: strsignal
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <tools/axvm/configuration.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/signals.hpp>
#include <tools/axvm/supervisor.hpp>
#include <tools/axvm/terminal.hpp>

namespace axvm::tool {
namespace {

// The supervisor's child, for its signal handler. There is one per process.
volatile sig_atomic_t child_process = 0;

// Ctrl-C reaches the child as well; what is sent to this process alone, as the end of its terminal
// is, does not. Twice is as once.
void pass_on(int number) { kill(child_process, number); }

// The user's doing: an ending signal, or a reader of the output who has seen enough.
bool is_wanted(int number) {
  return number == SIGPIPE || std::ranges::find(kEndingSignals, number) != kEndingSignals.end();
}

std::string quoted(std::string_view argument) {
  static constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(argument);
  }
  std::string text = "'";
  for (const char c : argument) {
    if (c == '\'') {
      text += "'\\''";
    } else {
      text += c;
    }
  }
  return text + "'";
}

}  // namespace

std::string shell_command(int argc, const char* const* argv) {
  std::string command;
  for (int i = 0; i < argc; ++i) command += (i == 0 ? "" : " ") + quoted(argv[i]);
  return command;
}

int supervise(const std::string& command, const std::function<int()>& work) {
  std::fflush(nullptr);
  const TerminalGuard guard;  // whatever happens to the child
  const pid_t parent = getpid();
  const sigset_t ending = ending_signals();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &ending, &before);  // until both know what to do about them
  const pid_t child = fork();
  if (child < 0) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    complain(fmt::format("cannot start a process: {}", strerror(errno)));
    return kBadUsage;
  }
  if (child == 0) {
    // The machine does not outlive its supervisor.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(kGuestFailed);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    const int status = work();
    std::fflush(nullptr);
    _exit(status);
  }
  child_process = child;
  const SignalActions actions = handle_ending_signals(pass_on);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  restore(actions);
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  const int number = WTERMSIG(status);
  if (is_wanted(number)) return kSignalled + number;
  complain(fmt::format("the machine died of SIG{} ({}); this replays it: {}",
                       sigabbrev_np(number) == nullptr ? "?" : sigabbrev_np(number),
                       strsignal(number), command));
  return kGuestFailed;
}

}  // namespace axvm::tool
