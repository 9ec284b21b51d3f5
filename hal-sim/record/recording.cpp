#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/record/json_text.hpp>
#include <hal-sim/record/recording.hpp>
#include <optional>
#include <system_error>

namespace axvm::hal_sim {
namespace {

constexpr std::array<std::string_view, 3> kEnds{"guest", "limit", "interruption"};
constexpr std::uint64_t kLargestRecording = 1ULL << 30;

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
      if (auto part = has_choices ? std::nullopt : parse_identity_part(line_)) {
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
  const std::string text =
      fmt::format("{{\"recording\":\"axvm\",\"format\":1,\"version\":{}}}\n", as_json(version));
  return text + to_lines(machine);
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
  const auto difference = first_difference(recording.machine, machine);
  if (!difference) return {};
  return std::unexpected(fmt::format("{}:{}: {}, with which it was recorded", recording.file,
                                     2 + difference->part, difference->what));
}

}  // namespace axvm::hal_sim
