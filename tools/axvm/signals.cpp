#include <tools/axvm/signals.hpp>

namespace axvm::tool {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kEndingSignals) sigaddset(&set, number);
  return set;
}

SignalActions handle_ending_signals(void (*handler)(int)) {
  SignalActions before{};
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kEndingSignals.size(); ++i) {
    sigaction(kEndingSignals[i], nullptr, &before[i]);
    if (kEndingSignals[i] == SIGHUP && before[i].sa_handler == SIG_IGN) continue;
    sigaction(kEndingSignals[i], &action, nullptr);
  }
  return before;
}

void restore(const SignalActions& before) {
  for (std::size_t i = 0; i < kEndingSignals.size(); ++i) {
    sigaction(kEndingSignals[i], &before[i], nullptr);
  }
}

}  // namespace axvm::tool
