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

std::uint64_t LoggedChoices::entropy() {
  const std::uint64_t answer = choices_->entropy();
  write_(fmt::format("{{\"choice\":\"entropy\",\"answer\":{}}}\n", answer));
  return answer;
}

}  // namespace axvm::hal_sim
