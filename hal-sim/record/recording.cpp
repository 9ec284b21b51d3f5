#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/record/recording.hpp>
#include <optional>
#include <system_error>

namespace axvm::hal_sim {
namespace {

constexpr std::array<std::string_view, 3> kEnds{"guest", "limit", "interruption"};
constexpr std::uint64_t kLargestRecording = 1ULL << 30;

std::string as_json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string line_of(const IdentityPart& part) {
  return fmt::format("{{\"machine\":{},\"is\":{}}}\n", as_json(part.what), as_json(part.is));
}

// Takes `expected` off the front.
bool skip(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

// A string as as_json() writes it.
std::optional<std::string> take_string(std::string_view& text) {
  if (!skip(text, "\"")) return std::nullopt;
  std::string value;
  while (!text.empty() && text.front() != '"') {
    unsigned code = 0;
    if (skip(text, "\\u")) {
      const auto [end, error] = std::from_chars(
          text.data(), text.data() + std::min<std::size_t>(4, text.size()), code, 16);
      if (error != std::errc{} || end != text.data() + 4 || code >= 0x20) return std::nullopt;
      value += static_cast<char>(code);
      text.remove_prefix(4);
      continue;
    }
    if (skip(text, "\\") && text.empty()) return std::nullopt;
    value += text.front();
    text.remove_prefix(1);
  }
  if (!skip(text, "\"")) return std::nullopt;
  return value;
}

std::optional<IdentityPart> parse_part(std::string_view line) {
  if (!skip(line, "{\"machine\":")) return std::nullopt;
  auto what = take_string(line);
  if (!what || !skip(line, ",\"is\":")) return std::nullopt;
  auto is = take_string(line);
  if (!is || line != "}") return std::nullopt;
  return IdentityPart{std::move(*what), std::move(*is)};
}

std::optional<RecordedEnd> parse_end(std::string_view line) {
  if (!skip(line, "{\"end\":")) return std::nullopt;
  const auto by = take_string(line);
  const auto known = by ? std::ranges::find(kEnds, *by) : kEnds.end();
  if (known == kEnds.end() || !skip(line, ",\"instructions\":")) return std::nullopt;
  RecordedEnd end{.by = static_cast<RecordedEnd::By>(known - kEnds.begin())};
  const auto [rest, error] =
      std::from_chars(line.data(), line.data() + line.size(), end.instructions);
  if (error != std::errc{}) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(rest - line.data()));
  if (!skip(line, ",\"hash\":")) return std::nullopt;
  auto hash = take_string(line);
  if (!hash || line != "}") return std::nullopt;
  end.hash = std::move(*hash);
  return end;
}

class Parser {
 public:
  Parser(const std::string& file, std::string_view text) : text_(text) { recording_.file = file; }

  std::expected<Recording, std::string> parse(std::string_view version) {
    const std::string head = recording_head(version, {});
    if (!next() || line_ != std::string_view(head).substr(0, head.size() - 1)) {
      return wrong(fmt::format("expected {}, a recording by this version",
                               std::string_view(head).substr(0, head.size() - 1)));
    }
    bool has_choices = false;
    while (next()) {
      if (auto end = parse_end(line_)) {
        recording_.end = std::move(*end);
        if (next()) return wrong("expected nothing behind the end");
        return std::move(recording_);
      }
      if (auto part = has_choices ? std::nullopt : parse_part(line_)) {
        recording_.machine.push_back(std::move(*part));
      } else if (auto choice = parse_choice(line_)) {
        has_choices = true;
        recording_.choices.push_back(std::move(*choice));
      } else {
        return wrong(fmt::format("is none of a recording's lines, expected a {}choice or the end",
                                 has_choices ? "" : "part of the machine, a "));
      }
    }
    return wrong("the recording is cut short, expected its end");
  }

 private:
  // A line that does not end is none.
  bool next() {
    ++number_;
    const std::size_t end = text_.find('\n');
    if (end == std::string_view::npos) return false;
    line_ = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return true;
  }
  [[nodiscard]] std::unexpected<std::string> wrong(std::string_view what) const {
    return std::unexpected(fmt::format("{}:{}: {}", recording_.file, number_, what));
  }

  Recording recording_;
  std::string_view text_;
  std::string_view line_;
  std::size_t number_ = 0;
};

}  // namespace

std::string recording_head(std::string_view version, const MachineIdentity& machine) {
  std::string text =
      fmt::format("{{\"recording\":\"axvm\",\"format\":1,\"version\":{}}}\n", as_json(version));
  for (const IdentityPart& part : machine) text += line_of(part);
  return text;
}

std::string recording_tail(const RecordedEnd& end) {
  return fmt::format("{{\"end\":\"{}\",\"instructions\":{},\"hash\":{}}}\n",
                     kEnds[static_cast<std::size_t>(end.by)], end.instructions, as_json(end.hash));
}

std::expected<Recording, std::string> parse_recording(const std::string& file,
                                                      std::string_view text,
                                                      std::string_view version) {
  return Parser(file, text).parse(version);
}

std::expected<Recording, std::string> read_recording(const std::string& file,
                                                     std::string_view version) {
  const auto bytes = read_file(file, kLargestRecording);
  if (!bytes) return std::unexpected(fmt::format("{} {}", file, bytes.error()));
  return parse_recording(file, {reinterpret_cast<const char*>(bytes->data()), bytes->size()},
                         version);
}

std::expected<void, std::string> check_machine(const Recording& recording,
                                               const MachineIdentity& machine) {
  static const IdentityPart kNone{"nothing more", ""};
  const std::size_t count = std::max(recording.machine.size(), machine.size());
  for (std::size_t i = 0; i < count; ++i) {
    const IdentityPart& was = i < recording.machine.size() ? recording.machine[i] : kNone;
    const IdentityPart& is = i < machine.size() ? machine[i] : kNone;
    if (was == is) continue;
    const auto show = [&](const IdentityPart& part) {
      if (was.what == is.what || part.is.empty()) return part.is.empty() ? part.what : part.is;
      return fmt::format("{} {}", part.what, part.is);
    };
    const std::string what = was.what == is.what ? is.what : "the machine";
    return std::unexpected(fmt::format("{}:{}: {} is {}, expected {}, with which it was recorded",
                                       recording.file, 2 + i, what, show(is), show(was)));
  }
  return {};
}

}  // namespace axvm::hal_sim
