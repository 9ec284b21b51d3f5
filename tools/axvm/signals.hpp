#pragma once
// The signals that ask a run to end, with all that belongs to its end: Ctrl-C, what `kill` and a
// shutting down host send, and a terminal that goes away.

// NOLINTNEXTLINE(modernize-deprecated-headers): POSIX: sigaction, sigset_t
#include <signal.h>

#include <array>

namespace axvm::tool {

inline constexpr std::array kEndingSignals = {SIGINT, SIGTERM, SIGHUP};

[[nodiscard]] sigset_t ending_signals();

/// What the process did about each of them.
using SignalActions = std::array<struct sigaction, kEndingSignals.size()>;

/// Calls `handler` at each of them from now on, and restarts what it interrupts. A hang-up that is
/// ignored (nohup) stays so.
SignalActions handle_ending_signals(void (*handler)(int));
void restore(const SignalActions& before);

}  // namespace axvm::tool
