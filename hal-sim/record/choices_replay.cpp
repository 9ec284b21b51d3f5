#include <fmt/format.h>

#include <hal-sim/record/choices_replay.hpp>
#include <utility>

namespace axvm::hal_sim {

using Kind = Choice::Kind;

ReplayedChoices::ReplayedChoices(std::unique_ptr<Choices> rest, const std::vector<Choice>& log,
                                 std::atomic<bool>& stop, bool stops_at_end)
    : ForwardedChoices(std::move(rest)), log_(log), stop_(stop), stops_at_end_(stops_at_end) {
  if (stops_at_end_ && log_.empty()) stop_ = true;
}

bool ReplayedChoices::comes_next(const Choice& question) const {
  if (next_ == log_.size()) return false;
  const Choice& logged = log_[next_];
  return logged.kind == question.kind && logged.first == question.first &&
         logged.second == question.second;
}

const Choice* ReplayedChoices::take() {
  const Choice* const taken = &log_[next_++];
  if (stops_at_end_ && next_ == log_.size()) stop_ = true;
  return taken;
}

const Choice* ReplayedChoices::answer(const Choice& question) {
  if (divergence_) return nullptr;
  if (comes_next(question)) return take();
  const std::string is = next_ == log_.size() ? "the end" : question_of(log_[next_]);
  divergence_ = Divergence{next_, fmt::format("is {}, expected {}", is, question_of(question))};
  stop_ = true;
  return nullptr;
}

const Choice* ReplayedChoices::answer_if_logged(const Choice& question) {
  return !divergence_ && comes_next(question) ? take() : nullptr;
}

std::size_t ReplayedChoices::next_vcpu(PcpuId pcpu, std::size_t count) {
  const std::size_t usual = ForwardedChoices::next_vcpu(pcpu, count);
  const Choice* const logged =
      answer({.kind = Kind::NextVcpu, .first = pcpu.value, .second = count});
  return logged != nullptr ? static_cast<std::size_t>(logged->answer) : usual;
}

std::uint64_t ReplayedChoices::round_length(std::uint64_t begin) {
  const std::uint64_t usual = ForwardedChoices::round_length(begin);
  const Choice* const logged = answer({.kind = Kind::RoundLength, .first = begin});
  return logged != nullptr ? logged->answer : usual;
}

bool ReplayedChoices::migrate(std::uint64_t round) {
  const bool usual = ForwardedChoices::migrate(round);
  const Choice* const logged = answer({.kind = Kind::Migrate, .first = round});
  return logged != nullptr ? logged->answer != 0 : usual;
}

bool ReplayedChoices::admit_input(VmId vm, std::uint64_t time_ns) {
  const bool usual = ForwardedChoices::admit_input(vm, time_ns);
  const Choice* const logged =
      answer({.kind = Kind::AdmitInput, .first = vm.value, .second = time_ns});
  return logged != nullptr ? logged->answer != 0 : usual;
}

std::string ReplayedChoices::arriving_input(VmId vm) {
  const Choice* const logged = answer_if_logged({.kind = Kind::ArrivingInput, .first = vm.value});
  return logged != nullptr ? logged->bytes : std::string();
}

std::uint64_t ReplayedChoices::idle(std::uint64_t now, std::uint64_t until) {
  const Choice* const logged =
      answer_if_logged({.kind = Kind::Idle, .first = now, .second = until});
  return logged != nullptr ? logged->answer : until;
}

std::uint64_t ReplayedChoices::entropy() {
  const std::uint64_t usual = ForwardedChoices::entropy();
  const Choice* const logged = answer({.kind = Kind::Entropy});
  return logged != nullptr ? logged->answer : usual;
}

}  // namespace axvm::hal_sim
