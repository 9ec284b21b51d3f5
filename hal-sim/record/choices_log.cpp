#include <hal-sim/record/choice_line.hpp>
#include <hal-sim/record/choices_log.hpp>

namespace axvm::hal_sim {

using Kind = Choice::Kind;

void LoggedChoices::log(const Choice& choice) { write_(to_line(choice)); }

std::size_t LoggedChoices::next_vcpu(PcpuId pcpu, std::size_t count) {
  const std::size_t answer = ForwardedChoices::next_vcpu(pcpu, count);
  log({.kind = Kind::NextVcpu, .first = pcpu.value, .second = count, .answer = answer});
  return answer;
}

std::uint64_t LoggedChoices::round_length(std::uint64_t begin) {
  const std::uint64_t answer = ForwardedChoices::round_length(begin);
  log({.kind = Kind::RoundLength, .first = begin, .answer = answer});
  return answer;
}

bool LoggedChoices::migrate(std::uint64_t round) {
  const bool answer = ForwardedChoices::migrate(round);
  log({.kind = Kind::Migrate, .first = round, .answer = answer ? 1U : 0U});
  return answer;
}

bool LoggedChoices::admit_input(VmId vm, std::uint64_t time_ns) {
  const bool answer = ForwardedChoices::admit_input(vm, time_ns);
  log({.kind = Kind::AdmitInput, .first = vm.value, .second = time_ns, .answer = answer ? 1U : 0U});
  return answer;
}

std::string LoggedChoices::arriving_input(VmId vm) {
  std::string answer = ForwardedChoices::arriving_input(vm);
  if (!answer.empty()) log({.kind = Kind::ArrivingInput, .first = vm.value, .bytes = answer});
  return answer;
}

std::uint64_t LoggedChoices::idle(std::uint64_t now, std::uint64_t until) {
  const std::uint64_t answer = ForwardedChoices::idle(now, until);
  if (answer != until) {
    log({.kind = Kind::Idle, .first = now, .second = until, .answer = answer});
  }
  return answer;
}

std::uint64_t LoggedChoices::entropy() {
  const std::uint64_t answer = ForwardedChoices::entropy();
  log({.kind = Kind::Entropy, .answer = answer});
  return answer;
}

}  // namespace axvm::hal_sim
