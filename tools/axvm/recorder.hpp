#pragma once
// --record and --replay.

#include <atomic>
#include <hal-sim/host/host.hpp>
#include <hal-sim/record/choices_replay.hpp>
#include <hal-sim/record/recording.hpp>
#include <memory>
#include <optional>
#include <string>
#include <tools/axvm/output.hpp>

namespace axvm::tool {

/// Writes a run down as it happens.
class Recorder {
 public:
  /// Begins a recording; one line when `file` cannot be written.
  [[nodiscard]] static std::expected<Recorder, std::string> create(
      const std::string& file, const hal_sim::MachineIdentity& machine);

  /// Choices that answer as `choices` do and are written down; this outlives them.
  [[nodiscard]] std::unique_ptr<hal_sim::Choices> record(std::unique_ptr<hal_sim::Choices> choices);
  /// The run has ended, by `stop`. Returns `status`, or failure when something could not be
  /// written.
  [[nodiscard]] int finish(hal_sim::Host& host, hal_sim::StopKind stop, int status);

 private:
  explicit Recorder(std::unique_ptr<Output> output) : output_(std::move(output)) {}

  std::unique_ptr<Output> output_;
};

/// Repeats a run that was written down, and tells when it does not come out the same.
class Replay {
 public:
  /// One line when `file` is no recording, damaged or of another machine.
  [[nodiscard]] static std::expected<Replay, std::string> open(
      const std::string& file, const hal_sim::MachineIdentity& machine);

  /// Choices as they were made; `rest` as when they were. `stop` is set where the run has to end.
  /// This and `stop` outlive them.
  [[nodiscard]] std::unique_ptr<hal_sim::Choices> choices(std::unique_ptr<hal_sim::Choices> rest,
                                                          std::atomic<bool>& stop);
  /// The instructions after which the recorded run was stopped by a limit.
  [[nodiscard]] std::optional<std::uint64_t> limit() const;
  /// What is wrong about the run that has ended with `reason`, in one line. When the recorded run
  /// was ended by its user and this one there, `reason` becomes PoweredOff.
  [[nodiscard]] std::optional<std::string> verify(hal_sim::Host& host,
                                                  hal_sim::StopReason& reason) const;

 private:
  explicit Replay(hal_sim::Recording recording) : recording_(std::move(recording)) {}

  hal_sim::Recording recording_;
  hal_sim::ReplayedChoices* choices_ = nullptr;
};

}  // namespace axvm::tool
