#pragma once
// What somebody types while the guest runs: the one choice that a terminal makes.

#include <atomic>
#include <functional>
#include <hal-sim/host/choices.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <tools/axvm/terminal.hpp>

namespace axvm::tool {

/// Sorts keys into those for the guest and those for us. Ctrl-A begins a command: `x` ends the run,
/// `c` opens the monitor, `h` shows this list, `a` or a second Ctrl-A types a Ctrl-A.
class EscapeKeys {
 public:
  enum class Command : std::uint8_t { None, Quit, Monitor, Help };

  /// Returns what is for the guest, up to the first command; `rest` is what follows it.
  [[nodiscard]] std::string sort(std::string_view keys, Command& command, std::string_view& rest);

 private:
  bool after_escape_ = false;
};

/// All but input is somebody else's decision. The first VM gets what is typed. While the machine
/// has nothing to do, guest time goes no faster than real time and a key ends the wait.
class ConsoleInput final : public hal_sim::ForwardedChoices {
 public:
  /// `interrupt` is set when a command wants the run to stop, and ends waits, whoever sets it; it
  /// and `terminal` outlive this.
  ConsoleInput(std::unique_ptr<hal_sim::Choices> rest, Terminal& terminal, VmId vm,
               std::atomic<bool>& interrupt);

  /// Nothing is read before.
  void start() { started_ = true; }
  /// Called before the machine waits, and once in a round: shows what the guest has written so far.
  void set_refresh(std::function<void()> refresh) { refresh_ = std::move(refresh); }
  /// The command that stopped the run, once.
  [[nodiscard]] EscapeKeys::Command take_command();

  std::string arriving_input(VmId vm) override;
  std::uint64_t idle(std::uint64_t now, std::uint64_t until) override;

 private:
  void fetch();

  Terminal& terminal_;
  VmId vm_;
  std::atomic<bool>& interrupt_;
  std::function<void()> refresh_;
  bool started_ = false;
  EscapeKeys keys_;
  EscapeKeys::Command command_ = EscapeKeys::Command::None;
  std::string arrived_;  // for the guest
};

}  // namespace axvm::tool
