#include <poll.h>
// NOLINTNEXTLINE(modernize-deprecated-headers): POSIX: sigset_t, pthread_sigmask
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <tools/axvm/terminal.hpp>
#include <utility>

namespace axvm::tool {
namespace {

// Whether there is something to read, or the end: see ppoll.
int poll_input(Terminal::Limit limit, const sigset_t* blocked) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  timespec time{};
  if (limit) {
    const std::int64_t count = std::max<std::int64_t>(0, limit->count());
    time = {count / 1'000'000'000, count % 1'000'000'000};
  }
  return ppoll(&input, 1, limit ? &time : nullptr, blocked);
}

// Not while another job has the terminal: it has set it for itself, and setting it would stop us.
void put_back(const termios& before) {
  const pid_t foreground = tcgetpgrp(STDIN_FILENO);
  if (foreground != -1 && foreground != getpgrp()) return;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

}  // namespace

std::unique_ptr<Terminal> Terminal::open(bool any) {
  const bool is_terminal = isatty(STDIN_FILENO) == 1;
  if (!is_terminal && !any) return nullptr;
  return std::unique_ptr<Terminal>(new Terminal(is_terminal));
}

Terminal::Terminal(bool is_terminal) : is_terminal_(is_terminal) {
  if (is_terminal_ && tcgetattr(STDIN_FILENO, &before_) != 0) is_terminal_ = false;
}

Terminal::~Terminal() { set_raw(false); }

void Terminal::set_raw(bool raw) {
  if (!is_terminal_ || raw == is_raw_) return;
  is_raw_ = raw;
  if (!raw) return put_back(before_);
  // Output stays as it is: messages of our own have plain ends of line.
  termios wanted = before_;
  wanted.c_iflag &= ~static_cast<tcflag_t>(BRKINT | ICRNL | INLCR | INPCK | ISTRIP | IXON);
  wanted.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN | ISIG);
  wanted.c_cc[VMIN] = 1;
  wanted.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &wanted);
}

Terminal::Waited Terminal::wait(Limit limit, const std::atomic<bool>& stop) const {
  if (!stop && !unread_.empty()) return Waited::Ready;
  // A signal that sets `stop` comes before it is looked at, or ends the wait.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const int ready = stop ? -1 : poll_input(limit, &before);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (ready > 0) return Waited::Ready;
  return ready == 0 ? Waited::TimedOut : Waited::Interrupted;
}

std::string Terminal::read() {
  if (!unread_.empty()) return std::exchange(unread_, {});
  if (at_end_ || poll_input(std::chrono::nanoseconds(0), nullptr) <= 0) return {};
  std::array<char, 256> bytes{};
  const ssize_t n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) at_end_ = true;
  return n > 0 ? std::string(bytes.data(), static_cast<std::size_t>(n)) : std::string();
}

bool Terminal::add_key(std::string& line, char key) const {
  if (key == '\r' || key == '\n') return false;
  if (static_cast<cc_t>(key) != before_.c_cc[VERASE]) {
    line += key;
  } else if (!line.empty()) {
    line.pop_back();
  }
  return true;
}

std::optional<std::string> Terminal::read_line(const Show& show, const std::atomic<bool>& stop) {
  std::string line;
  while (!unread_.empty()) {
    const char key = unread_.front();
    unread_.erase(0, 1);
    if (add_key(line, key)) continue;
    show(line + '\n');
    return line;
  }
  if (!line.empty()) show(line);
  while (!at_end_ && !stop) {
    // A read would begin anew after a signal.
    if (wait(std::nullopt, stop) != Waited::Ready) continue;
    char key = 0;
    const ssize_t n = ::read(STDIN_FILENO, &key, 1);
    if (n == 1) {
      if (!add_key(line, key)) return line;
    } else if (n == 0 || errno != EINTR) {
      at_end_ = true;
    }
  }
  return std::nullopt;
}

TerminalGuard::TerminalGuard() {
  is_terminal_ = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before_) == 0;
}

TerminalGuard::~TerminalGuard() {
  if (is_terminal_) put_back(before_);
}

}  // namespace axvm::tool
