#pragma once
// Separate machines side by side, each in a process of its own.

#include <functional>
#include <string>
#include <vector>

namespace axvm::tool {

/// Does `run` for every file, `jobs` >= 1 at a time, without an input. What each has said on the
/// standard output and error appears whole when it ends, in the order of the files, behind a line
/// with the file's name on the standard error. Returns the greatest exit status.
[[nodiscard]] int run_parallel(const std::vector<std::string>& files, unsigned jobs,
                               const std::function<int(const std::string& file)>& run);

}  // namespace axvm::tool
