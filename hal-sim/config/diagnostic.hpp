#pragma once
// What is wrong with a configuration file, and where.

#include <cstdint>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// A place in a text file; both count from 1, and line 0 means "the file as a whole".
struct Location {
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  friend bool operator==(const Location&, const Location&) = default;
};

/// One finding: `file:line:column: key: what, expected expected`.
struct Diagnostic {
  std::string file;
  Location at;
  std::string key;   ///< dotted, with row numbers: "kernel.memory_regions[1].size"; may be empty
  std::string what;  ///< "is a string"
  std::string expected;  ///< "an integer"; may be empty when `what` says it all
};

[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

/// Everything found in one go: a file with three mistakes reports all three.
struct Diagnostics {
  std::vector<Diagnostic> errors;
  std::vector<Diagnostic> warnings;  ///< accepted, but probably not what was meant
};

}  // namespace axvm::hal_sim
