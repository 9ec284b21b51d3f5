#pragma once
// Other programs.

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::tool {

/// Runs a program (looked for in PATH) to its end, with this process' standard input and error, and
/// gives each line that it writes to the standard output, without its end, to `line`. Returns its
/// exit status, 128 + n when signal n ended it; or one line when it could not be started.
[[nodiscard]] std::expected<int, std::string> run_program(
    const std::vector<std::string>& command, const std::function<void(std::string_view)>& line);

}  // namespace axvm::tool
