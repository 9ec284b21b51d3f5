#include <fmt/format.h>

#include <hal-sim/record/choices_log.hpp>
#include <tools/axvm/recorder.hpp>
#include <utility>

namespace axvm::tool {

using hal_sim::Host;
using hal_sim::RecordedEnd;
using hal_sim::StopKind;
using hal_sim::StopReason;

std::expected<Recorder, std::string> Recorder::create(const std::string& file,
                                                      const hal_sim::MachineIdentity& machine) {
  auto output = Output::create(file);
  if (!output) return std::unexpected(output.error());
  (*output)->write(hal_sim::recording_head(AXVM_VERSION, machine));
  return Recorder(std::move(*output));
}

std::unique_ptr<hal_sim::Choices> Recorder::record(std::unique_ptr<hal_sim::Choices> choices) {
  return std::make_unique<hal_sim::LoggedChoices>(
      std::move(choices), [&output = *output_](std::string_view line) { output.write(line); });
}

int Recorder::finish(Host& host, StopKind stop, int status) {
  RecordedEnd end;
  if (stop == StopKind::InstructionLimit) end.by = RecordedEnd::By::Limit;
  if (stop == StopKind::Interrupted) end.by = RecordedEnd::By::Interruption;
  end.instructions = host.statistics().instructions;
  end.hash = host.state_hash();
  output_->write(hal_sim::recording_tail(end));
  return settle(*output_, status);
}

std::expected<Replay, std::string> Replay::open(const std::string& file,
                                                const hal_sim::MachineIdentity& machine) {
  auto recording = hal_sim::read_recording(file, AXVM_VERSION);
  if (!recording) return std::unexpected(recording.error());
  if (auto same = hal_sim::check_machine(*recording, machine); !same) {
    return std::unexpected(same.error());
  }
  return Replay(std::move(*recording));
}

std::unique_ptr<hal_sim::Choices> Replay::choices(std::unique_ptr<hal_sim::Choices> rest,
                                                  std::atomic<bool>& stop) {
  auto made = std::make_unique<hal_sim::ReplayedChoices>(
      std::move(rest), recording_.choices, stop,
      recording_.end.by == RecordedEnd::By::Interruption);
  choices_ = made.get();
  return made;
}

std::optional<std::uint64_t> Replay::limit() const {
  if (recording_.end.by != RecordedEnd::By::Limit) return std::nullopt;
  return recording_.end.instructions;
}

std::optional<std::string> Replay::verify(Host& host, StopReason& reason) const {
  const RecordedEnd& end = recording_.end;
  const std::size_t made = choices_->made();
  const auto at = [&](std::size_t choice, const std::string& what) {
    return fmt::format("{}:{}: {}", recording_.file, recording_.line_of(choice), what);
  };
  if (const auto& divergence = choices_->divergence()) {
    return at(divergence->choice, divergence->what + ": this run is another one");
  }
  const std::uint64_t instructions = host.statistics().instructions;
  const bool at_end = made == recording_.choices.size();
  const bool ends_by_wish = end.by == RecordedEnd::By::Interruption && at_end;
  // Stopped before by this run's user.
  if (reason.kind == StopKind::Interrupted && !ends_by_wish) return std::nullopt;
  if (reason.kind == StopKind::InstructionLimit && instructions < end.instructions) {
    return std::nullopt;
  }
  if (!at_end) {
    return at(made, fmt::format("is {}, expected the end: this run has ended",
                                question_of(recording_.choices[made])));
  }
  if (instructions != end.instructions) {
    return at(made, fmt::format("the run has ended after {} instructions, expected {}",
                                instructions, end.instructions));
  }
  if (const std::string hash = host.state_hash(); hash != end.hash) {
    return at(made, fmt::format("the final state is {}, expected {}", hash, end.hash));
  }
  if (ends_by_wish && reason.kind == StopKind::Interrupted) {
    reason.kind = StopKind::PoweredOff;
    reason.text = "ended as it was recorded";
  }
  return std::nullopt;
}

}  // namespace axvm::tool
