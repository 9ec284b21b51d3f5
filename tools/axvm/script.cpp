#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <hal-sim/config/size_text.hpp>
#include <tools/axvm/script.hpp>

namespace axvm::tool {
namespace {

// Each byte of output is a reason to look again: what is looked at is bounded.
constexpr std::size_t kWindow = 16'384;

}  // namespace

std::expected<std::string, std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char c = ++i < text.size() ? text[i] : '\0';
    switch (c) {
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'e': out += '\x1b'; break;
      case '\\': out += '\\'; break;
      case 'x': {
        unsigned value = 0;
        const std::string_view digits = text.substr(i + 1, 2);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        if (error != std::errc{} || end != digits.data() + 2) {
          return std::unexpected(fmt::format("\"{}\": \\x needs two hexadecimal digits", text));
        }
        out += static_cast<char>(value);
        i += 2;
        break;
      }
      default:
        return std::unexpected(fmt::format(
            "\"{}\": unknown escape, expected \\n, \\r, \\t, \\e, \\\\ or \\xNN", text));
    }
  }
  return out;
}

std::expected<Expect, std::string> make_expect(const std::string& pattern) {
  auto regex = std::make_unique<regex_t>();
  if (regcomp(regex.get(), pattern.c_str(), REG_EXTENDED) != 0) {
    return std::unexpected(fmt::format("\"{}\" is not a regular expression", pattern));
  }
  return Expect{pattern, std::shared_ptr<const regex_t>(regex.release(), [](const regex_t* r) {
                  auto* owned = const_cast<regex_t*>(r);
                  regfree(owned);
                  delete owned;
                })};
}

std::expected<Script, std::string> read_script(const std::string& file) {
  std::ifstream stream(file);
  Script script;
  std::string line;
  for (unsigned number = 1; std::getline(stream, line); ++number) {
    const auto wrong = [&](const std::string& what) {
      return std::unexpected(fmt::format("{}:{}: {}", file, number, what));
    };
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    const std::string word = line.substr(begin, end - begin);
    const std::string rest = line.substr(std::min(line.find_first_not_of(" \t", end), line.size()));
    if (rest.empty())
      return wrong("expected send TEXT, expect REGEX, timeout INSTRUCTIONS or snapshot FILE");
    if (word == "send") {
      auto bytes = unescape(rest);
      if (!bytes) return wrong(bytes.error());
      script.emplace_back(Send{std::move(*bytes)});
    } else if (word == "expect") {
      auto expect = make_expect(rest);
      if (!expect) return wrong(expect.error());
      script.emplace_back(std::move(*expect));
    } else if (word == "timeout") {
      const auto value = hal_sim::parse_number(rest);
      if (!value) return wrong(fmt::format("\"{}\" is not a number of instructions", rest));
      script.emplace_back(Timeout{*value});
    } else if (word == "snapshot") {
      script.emplace_back(Save{rest});
    } else {
      return wrong(
          fmt::format("unknown word \"{}\", expected send, expect, timeout or snapshot", word));
    }
  }
  if (!stream.eof()) return std::unexpected(fmt::format("{} cannot be read", file));
  return script;
}

std::string last_screen(std::string_view output) {
  constexpr std::size_t kLines = 24;
  while (!output.empty() && (output.back() == '\n' || output.back() == '\r')) {
    output.remove_suffix(1);
  }
  std::size_t begin = output.size();
  for (std::size_t lines = 0; begin != 0; --begin) {
    if (output[begin - 1] == '\n' && ++lines == kLines) break;
  }
  std::string text = "  | ";
  for (const char c : output.substr(begin)) {
    if (c == '\n') {
      text += "\n  | ";
    } else if (c != '\r') {
      text += static_cast<unsigned char>(c) < ' ' && c != '\t' ? '?' : c;
    }
  }
  return text + '\n';
}

bool Matcher::matches(const Expect& expect, std::string_view output) {
  const std::size_t begin = std::max(from_, output.size() - std::min(output.size(), kWindow));
  regmatch_t match{};
  match.rm_so = static_cast<regoff_t>(begin);
  match.rm_eo = static_cast<regoff_t>(output.size());
  // REG_STARTEND says where the text ends.
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage)
  if (regexec(expect.regex.get(), output.data(), 1, &match, REG_STARTEND) != 0) return false;
  from_ = static_cast<std::size_t>(match.rm_eo);
  return true;
}

}  // namespace axvm::tool
