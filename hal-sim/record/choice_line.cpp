#include <fmt/format.h>

#include <array>
#include <charconv>
#include <hal-sim/record/choice_line.hpp>
#include <system_error>

namespace axvm::hal_sim {
namespace {

struct Form {
  std::string_view name;
  std::string_view first;  // names of the arguments; empty: there is none
  std::string_view second;
  enum class Answer : std::uint8_t { Number, YesOrNo, Bytes } answer;
};

// In the order of Choice::Kind.
constexpr std::array kForms{
    Form{"next_vcpu", "pcpu", "count", Form::Answer::Number},
    Form{"round_length", "begin", "", Form::Answer::Number},
    Form{"migrate", "round", "", Form::Answer::YesOrNo},
    Form{"admit_input", "vm", "time_ns", Form::Answer::YesOrNo},
    Form{"arriving_input", "vm", "", Form::Answer::Bytes},
    Form{"idle", "now", "until", Form::Answer::Number},
    Form{"entropy", "", "", Form::Answer::Number},
};
static_assert(kForms.size() == static_cast<std::size_t>(Choice::Kind::Entropy) + 1);

const Form& form_of(const Choice& choice) { return kForms[static_cast<std::size_t>(choice.kind)]; }

// Takes a line apart from the front.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool literal(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  bool number(std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc{}) return false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }
  bool argument(std::string_view name, std::uint64_t& value) {
    if (name.empty()) return true;
    return literal(",\"") && literal(name) && literal("\":") && number(value);
  }
  bool yes_or_no(std::uint64_t& value) {
    value = literal("true") ? 1 : 0;
    return value == 1 || literal("false");
  }
  bool bytes(std::string& value) {
    if (!literal("\"")) return false;
    while (text_.size() >= 2 && text_.front() != '"') {
      unsigned byte = 0;
      const std::string_view digits = text_.substr(0, 2);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (error != std::errc{} || end != digits.data() + 2) return false;
      value += static_cast<char>(byte);
      text_.remove_prefix(2);
    }
    return literal("\"");
  }
  bool answer(Form::Answer kind, Choice& choice) {
    switch (kind) {
      case Form::Answer::Number: return number(choice.answer);
      case Form::Answer::YesOrNo: return yes_or_no(choice.answer);
      case Form::Answer::Bytes: return bytes(choice.bytes);
    }
    return false;
  }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
};

}  // namespace

std::string to_line(const Choice& choice) {
  const Form& form = form_of(choice);
  std::string line = fmt::format("{{\"choice\":\"{}\"", form.name);
  if (!form.first.empty()) line += fmt::format(",\"{}\":{}", form.first, choice.first);
  if (!form.second.empty()) line += fmt::format(",\"{}\":{}", form.second, choice.second);
  line += ",\"answer\":";
  switch (form.answer) {
    case Form::Answer::Number: line += fmt::format("{}", choice.answer); break;
    case Form::Answer::YesOrNo: line += choice.answer != 0 ? "true" : "false"; break;
    case Form::Answer::Bytes:
      line += '"';
      for (const char c : choice.bytes) {
        line += fmt::format("{:02x}", static_cast<unsigned char>(c));
      }
      line += '"';
      break;
  }
  return line + "}\n";
}

std::optional<Choice> parse_choice(std::string_view line) {
  for (std::size_t kind = 0; kind < kForms.size(); ++kind) {
    const Form& form = kForms[kind];
    Reader reader(line);
    Choice choice{.kind = static_cast<Choice::Kind>(kind)};
    if (reader.literal("{\"choice\":\"") && reader.literal(form.name) && reader.literal("\"") &&
        reader.argument(form.first, choice.first) && reader.argument(form.second, choice.second) &&
        reader.literal(",\"answer\":") && reader.answer(form.answer, choice) &&
        reader.literal("}") && reader.at_end()) {
      const std::string written = to_line(choice);  // "07" is a number, too
      if (std::string_view(written).substr(0, line.size()) == line) return choice;
    }
  }
  return std::nullopt;
}

std::string question_of(const Choice& choice) {
  const Form& form = form_of(choice);
  std::string text(form.name);
  if (!form.first.empty()) text += fmt::format(", {} {}", form.first, choice.first);
  if (!form.second.empty()) text += fmt::format(", {} {}", form.second, choice.second);
  return text;
}

}  // namespace axvm::hal_sim
