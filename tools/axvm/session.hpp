#pragma once
// A run as its user sees it: the script is done first, then somebody may type.

#include <atomic>
#include <chrono>
#include <hal-sim/host/host.hpp>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/console_input.hpp>
#include <tools/axvm/saver.hpp>
#include <tools/axvm/script_input.hpp>
#include <tools/axvm/stats_file.hpp>

namespace axvm::tool {

/// Set by signals, by keys, and by whoever else wants a run to stop.
extern std::atomic<bool> interrupted;
/// The first signal that asked the run to end, before it set `interrupted`; 0 while none has.
extern std::atomic<int> ended_by;

/// Shows a line about the run's progress while it is long and somebody is watching.
class Progress {
 public:
  /// `before`: instructions that the machine has executed elsewhere.
  Progress(bool enabled, std::uint64_t before) : before_(before), enabled_(enabled) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  [[nodiscard]] bool enabled() const { return enabled_; }
  void disable();
  /// Of real time, since the beginning.
  [[nodiscard]] double seconds() const;
  void show(const hal_sim::Host& host);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point begin_ = Clock::now();
  std::uint64_t before_;
  double last_ = 0;
  bool enabled_;
  bool shown_ = false;
};

/// What a session has, all of it outliving the session; `input` and `terminal` are null when nobody
/// types.
struct Session {
  hal_sim::Host& host;
  const hal_sim::MachineConfig& config;
  const RunOptions& options;
  Output& output;
  Progress& progress;
  Saver& saver;
  ScriptInput& typed;  ///< by the script
  ConsoleInput* input = nullptr;
  Terminal* terminal = nullptr;
  StatsFile* stats = nullptr;  ///< null: nobody wants rows
  /// What has stopped the machine last, whatever is made of it.
  hal_sim::StopKind stopped_by = hal_sim::StopKind::PoweredOff;
  /// How many of options.snapshots have been written.
  std::size_t saved = 0;
};

/// Runs to the end. PoweredOff is also what the user's wish to quit ends in.
[[nodiscard]] hal_sim::StopReason run_session(Session& session);

}  // namespace axvm::tool
