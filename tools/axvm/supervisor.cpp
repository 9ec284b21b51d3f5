#include <fmt/format.h>
// NOLINTNEXTLINE(modernize-deprecated-headers): POSIX: sigaction, sigset_t, strsignal
#include <signal.h>
// NOLINTNEXTLINE(modernize-deprecated-headers)
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <tools/axvm/configuration.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/supervisor.hpp>
#include <tools/axvm/terminal.hpp>

namespace axvm::tool {
namespace {

// The supervisor's child, for its signal handler. There is one per process.
volatile sig_atomic_t child_process = 0;

// The terminal's Ctrl-C reaches the child as well; what somebody sent to this process alone does
// not.
void pass_on(int number, siginfo_t* info, void*) {
  if (info->si_code != SI_KERNEL) kill(child_process, number);
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
  sigset_t interrupt;
  sigset_t before;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, &before);  // until both know what to do about it
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
  struct sigaction action = {};
  action.sa_sigaction = pass_on;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  signal(SIGINT, SIG_DFL);
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  const int number = WTERMSIG(status);
  // The user's doing: Ctrl-C, or a reader of the output who has seen enough.
  if (number == SIGINT || number == SIGTERM || number == SIGPIPE) return kSignalled + number;
  complain(fmt::format("the machine died of SIG{} ({}); this replays it: {}",
                       sigabbrev_np(number) == nullptr ? "?" : sigabbrev_np(number),
                       strsignal(number), command));
  return kGuestFailed;
}

}  // namespace axvm::tool
