#pragma once
// The standard input, as a terminal that passes every key on, or as a plain stream of bytes.

#include <termios.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace axvm::tool {

class Terminal {
 public:
  /// The standard input when it is a terminal, or, if `any`, whatever it is; null otherwise.
  [[nodiscard]] static std::unique_ptr<Terminal> open(bool any);
  /// Puts the terminal back as it was.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] bool is_terminal() const noexcept { return is_terminal_; }
  /// True once nothing more will come.
  [[nodiscard]] bool at_end() const noexcept { return at_end_ && unread_.empty(); }

  /// From now on keys come one by one, unseen, and Ctrl-C is a key like others; or lines come as a
  /// whole, and Ctrl-C is a signal.
  void set_raw(bool raw);

  enum class Waited : std::uint8_t { Ready, TimedOut, Interrupted };
  using Limit = std::optional<std::chrono::nanoseconds>;
  /// Until there is something to read, or the end; interrupted by a signal and while `stop` is set.
  /// Without a limit: for as long as it takes.
  [[nodiscard]] Waited wait(Limit limit, const std::atomic<bool>& stop) const;
  /// What has come; does not wait.
  [[nodiscard]] std::string read();
  /// Gives back what `read` has returned too much: it comes again, before anything else.
  void unread(std::string_view keys) { unread_.insert(0, keys); }
  /// Waits for a line; nothing at the end of the input, and once `stop` is set. Keys that
  /// came before lines did end at Return, too; `show` gets those that were given back, which nobody
  /// has seen yet.
  using Show = std::function<void(std::string_view keys)>;
  [[nodiscard]] std::optional<std::string> read_line(const Show& show,
                                                     const std::atomic<bool>& stop);

 private:
  explicit Terminal(bool is_terminal);
  /// False when the line is complete.
  [[nodiscard]] bool add_key(std::string& line, char key) const;

  bool is_terminal_;
  bool at_end_ = false;
  bool is_raw_ = false;
  std::string unread_;
  termios before_{};
};

/// Remembers how the standard input, if it is a terminal, is set, and sets it so again.
class TerminalGuard {
 public:
  TerminalGuard();
  ~TerminalGuard();
  TerminalGuard(const TerminalGuard&) = delete;
  TerminalGuard& operator=(const TerminalGuard&) = delete;

 private:
  bool is_terminal_ = false;
  termios before_{};
};

}  // namespace axvm::tool
