#pragma once
// What is typed at the guest's console, and what it is expected to say.

#include <regex.h>

#include <expected>
#include <hal-sim/host/host.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace axvm::tool {

struct Send {
  std::string bytes;
};
struct Expect {
  std::string pattern;  ///< as given
  std::shared_ptr<const regex_t> regex;
};

/// --send and --expect in the order of the command line.
using Script = std::vector<std::variant<Send, Expect>>;

/// `text` with \n, \r, \t, \e, \\ and \xNN resolved; one line when it is malformed.
[[nodiscard]] std::expected<std::string, std::string> unescape(std::string_view text);

/// The regular expression (POSIX extended), or one line that says what is wrong with it.
[[nodiscard]] std::expected<Expect, std::string> make_expect(const std::string& pattern);

/// Finds a pattern in output that grows, behind what earlier steps have matched.
class Matcher {
 public:
  /// True when the pattern occurs in what follows the last match.
  [[nodiscard]] bool matches(const Expect& expect, std::string_view output);

 private:
  std::size_t from_ = 0;
};

}  // namespace axvm::tool
