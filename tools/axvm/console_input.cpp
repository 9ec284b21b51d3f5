#include <algorithm>
#include <chrono>
#include <tools/axvm/console_input.hpp>
#include <utility>

namespace axvm::tool {

using Clock = std::chrono::steady_clock;

std::string EscapeKeys::sort(std::string_view keys, Command& command, std::string_view& rest) {
  constexpr char kEscape = 0x01;  // Ctrl-A
  std::string text;
  command = Command::None;
  for (std::size_t i = 0; i < keys.size() && command == Command::None; ++i) {
    const char key = keys[i];
    rest = keys.substr(i + 1);
    if (!after_escape_) {
      after_escape_ = key == kEscape;
      if (!after_escape_) text += key;
      continue;
    }
    after_escape_ = false;
    switch (key) {
      case 'x': command = Command::Quit; break;
      case 'c': command = Command::Monitor; break;
      case 'h': command = Command::Help; break;
      case 'a':
      case kEscape: text += kEscape; break;
      default: break;  // no command
    }
  }
  return text;
}

ConsoleInput::ConsoleInput(std::unique_ptr<hal_sim::Choices> rest, Terminal& terminal, VmId vm,
                           std::atomic<bool>& interrupt)
    : ForwardedChoices(std::move(rest)), terminal_(terminal), vm_(vm), interrupt_(interrupt) {}

EscapeKeys::Command ConsoleInput::take_command() {
  return std::exchange(command_, EscapeKeys::Command::None);
}

// What follows a command is for whoever reads next: the monitor, or the guest.
void ConsoleInput::fetch() {
  if (command_ != EscapeKeys::Command::None) return;
  const std::string typed = terminal_.read();
  if (!terminal_.is_terminal()) {  // nobody is there to give commands
    arrived_ += typed;
    return;
  }
  std::string_view rest;
  arrived_ += keys_.sort(typed, command_, rest);
  terminal_.unread(rest);
  if (command_ != EscapeKeys::Command::None) interrupt_ = true;
}

std::string ConsoleInput::arriving_input(VmId vm) {
  if (!started_ || vm != vm_) return {};
  if (refresh_) refresh_();
  fetch();
  return std::exchange(arrived_, {});
}

std::uint64_t ConsoleInput::idle(std::uint64_t now, std::uint64_t until) {
  if (!started_ || terminal_.at_end()) return until;
  if (interrupt_) return now;
  if (refresh_) refresh_();
  const Clock::time_point begin = Clock::now();
  std::optional<std::chrono::nanoseconds> limit;
  if (until != kForever) limit = std::chrono::nanoseconds(until - now);
  const Terminal::Waited waited = terminal_.wait(limit, interrupt_);
  if (waited == Terminal::Waited::TimedOut) return until;
  if (waited == Terminal::Waited::Ready) fetch();
  if (terminal_.at_end() && arrived_.empty()) return until;
  const auto passed = std::chrono::nanoseconds(Clock::now() - begin).count();
  return std::min(until, now + static_cast<std::uint64_t>(passed));
}

}  // namespace axvm::tool
