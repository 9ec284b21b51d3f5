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

/// For each Expect that follows.
struct Timeout {
  std::uint64_t instructions = 0;
};

/// A snapshot.
struct Save {
  std::string file;
};

/// --send, --expect and what --script files say, in the order of the command line.
using Script = std::vector<std::variant<Send, Expect, Timeout, Save>>;

/// `text` with \n, \r, \t, \e, \\ and \xNN resolved; one line when it is malformed.
[[nodiscard]] std::expected<std::string, std::string> unescape(std::string_view text);

/// The regular expression (POSIX extended), or one line that says what is wrong with it.
[[nodiscard]] std::expected<Expect, std::string> make_expect(const std::string& pattern);

/// The steps in a file, a line each: `send TEXT`, `expect REGEX`, `timeout INSTRUCTIONS`, `snapshot
/// FILE`. Empty lines and those that begin with # say nothing. Otherwise one line, with the place,
/// that says what is wrong.
[[nodiscard]] std::expected<Script, std::string> read_script(const std::string& file);

/// The last lines of a console, printable, each behind a bar.
[[nodiscard]] std::string last_screen(std::string_view output);

/// Finds a pattern in output that grows, behind what earlier steps have matched.
class Matcher {
 public:
  /// What is before `from` was shown elsewhere.
  explicit Matcher(std::size_t from) : from_(from) {}
  /// True when the pattern occurs in what follows the last match.
  [[nodiscard]] bool matches(const Expect& expect, std::string_view output);

 private:
  std::size_t from_;
};

}  // namespace axvm::tool
