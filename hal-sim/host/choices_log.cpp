#include <fmt/format.h>

#include <hal-sim/host/choices_log.hpp>

namespace axvm::hal_sim {

std::size_t LoggedChoices::next_vcpu(PcpuId pcpu, std::size_t count) {
  const std::size_t answer = choices_->next_vcpu(pcpu, count);
  write_(fmt::format("{{\"choice\":\"next_vcpu\",\"pcpu\":{},\"count\":{},\"answer\":{}}}\n",
                     pcpu.value, count, answer));
  return answer;
}

std::uint64_t LoggedChoices::round_length() {
  const std::uint64_t answer = choices_->round_length();
  write_(fmt::format("{{\"choice\":\"round_length\",\"answer\":{}}}\n", answer));
  return answer;
}

bool LoggedChoices::migrate(std::uint64_t round) {
  const bool answer = choices_->migrate(round);
  write_(fmt::format("{{\"choice\":\"migrate\",\"round\":{},\"answer\":{}}}\n", round, answer));
  return answer;
}

bool LoggedChoices::admit_input(VmId vm, std::uint64_t time_ns) {
  const bool answer = choices_->admit_input(vm, time_ns);
  write_(fmt::format("{{\"choice\":\"admit_input\",\"vm\":{},\"time_ns\":{},\"answer\":{}}}\n",
                     vm.value, time_ns, answer));
  return answer;
}

std::string LoggedChoices::arriving_input(VmId vm) {
  std::string answer = choices_->arriving_input(vm);
  if (answer.empty()) return answer;
  std::string digits;
  for (const char c : answer) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  write_(fmt::format("{{\"choice\":\"arriving_input\",\"vm\":{},\"answer\":\"{}\"}}\n", vm.value,
                     digits));
  return answer;
}

std::uint64_t LoggedChoices::idle(std::uint64_t now, std::uint64_t until) {
  const std::uint64_t answer = choices_->idle(now, until);
  if (answer != until) {
    write_(fmt::format("{{\"choice\":\"idle\",\"now\":{},\"until\":{},\"answer\":{}}}\n", now,
                       until, answer));
  }
  return answer;
}

std::uint64_t LoggedChoices::entropy() {
  const std::uint64_t answer = choices_->entropy();
  write_(fmt::format("{{\"choice\":\"entropy\",\"answer\":{}}}\n", answer));
  return answer;
}

}  // namespace axvm::hal_sim
