#pragma once
// Machines run in a process of their own: whatever happens there ends in a report here.

#include <functional>
#include <string>

namespace axvm::tool {

/// Runs `work` in a child process and returns its exit status. When the child dies of a signal,
/// prints one line that names the signal and `command`, which replays it, and returns kGuestFailed.
[[nodiscard]] int supervise(const std::string& command, const std::function<int()>& work);

/// The command line as one would type it into a shell.
[[nodiscard]] std::string shell_command(int argc, const char* const* argv);

}  // namespace axvm::tool
