#pragma once
// Choices that were made before.

#include <atomic>
#include <hal-sim/host/choices.hpp>
#include <hal-sim/record/choice_line.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// Answers each question as a log says, which LoggedChoices has written. When a question is not
/// the one that comes next there, the run is another one: it is told to stop, and answers don't
/// matter any more.
class ReplayedChoices final : public ForwardedChoices {
 public:
  struct Divergence {
    std::size_t choice = 0;  ///< its index in the log; the log's size: behind its end
    std::string what;        ///< "is migrate, round 3, expected idle, now 0, until 5"
  };

  /// `rest` was behind the log; it is asked along, so that it ends up where it was then. `stop` is
  /// set when the run diverges, and when the log ends if `stops_at_end`. `log` and `stop` outlive
  /// this.
  ReplayedChoices(std::unique_ptr<Choices> rest, const std::vector<Choice>& log,
                  std::atomic<bool>& stop, bool stops_at_end);

  /// What was asked instead of what is in the log, if it was.
  [[nodiscard]] const std::optional<Divergence>& divergence() const noexcept { return divergence_; }
  /// How many choices of the log have been made.
  [[nodiscard]] std::size_t made() const noexcept { return next_; }

  std::size_t next_vcpu(PcpuId pcpu, std::size_t count) override;
  std::uint64_t round_length(std::uint64_t begin) override;
  bool migrate(std::uint64_t round) override;
  bool admit_input(VmId vm, std::uint64_t time_ns) override;
  std::string arriving_input(VmId vm) override;
  std::uint64_t idle(std::uint64_t now, std::uint64_t until) override;
  std::uint64_t entropy() override;

 private:
  /// The logged choice that answers `question`; null, and a divergence, when another comes next.
  const Choice* answer(const Choice& question);
  /// The same for questions that are not in the log when the answer is the usual one: null then.
  const Choice* answer_if_logged(const Choice& question);
  [[nodiscard]] bool comes_next(const Choice& question) const;
  const Choice* take();

  const std::vector<Choice>& log_;
  std::atomic<bool>& stop_;
  bool stops_at_end_;
  std::size_t next_ = 0;
  std::optional<Divergence> divergence_;
};

}  // namespace axvm::hal_sim
