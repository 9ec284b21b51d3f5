// Recordings as text: what is written is read back, and nothing else is accepted.
#include <doctest/doctest.h>

#include <hal-sim/record/recording.hpp>
#include <string>
#include <vector>

using namespace axvm::hal_sim;
using Kind = Choice::Kind;

namespace {

const std::vector<Choice>& every_kind() {
  static const std::vector<Choice> kChoices{
      {.kind = Kind::NextVcpu, .first = 1, .second = 3, .answer = 2},
      {.kind = Kind::RoundLength, .first = 5'000, .answer = 100'000},
      {.kind = Kind::Migrate, .first = 7, .answer = 1},
      {.kind = Kind::AdmitInput, .first = 1, .second = 12, .answer = 0},
      {.kind = Kind::ArrivingInput, .first = 2, .bytes = std::string("a\n\0\xff", 4)},
      {.kind = Kind::Idle, .first = 9, .second = ~0ULL, .answer = 10},
      {.kind = Kind::Entropy, .answer = ~0ULL},
  };
  return kChoices;
}

const MachineIdentity kMachine{{"vm1 configuration", "00ff"}, {"sim.disk.\"a\\b\"\n", "12"}};
const RecordedEnd kEnd{.by = RecordedEnd::By::Limit, .instructions = 77, .hash = "0123"};

std::string text() {
  std::string written = recording_head("1.2.3", kMachine);
  for (const Choice& choice : every_kind()) written += to_line(choice);
  return written + recording_tail(kEnd);
}

std::string error_of(const std::string& recording) {
  const auto parsed = parse_recording("r", recording, "1.2.3");
  return parsed ? "" : parsed.error();
}

}  // namespace

TEST_CASE("a choice is a line of JSON, and the line is the choice") {
  CHECK(to_line(every_kind()[0]) ==
        "{\"choice\":\"next_vcpu\",\"pcpu\":1,\"count\":3,\"answer\":2}\n");
  CHECK(to_line(every_kind()[4]) ==
        "{\"choice\":\"arriving_input\",\"vm\":2,\"answer\":\"610a00ff\"}\n");
  for (const Choice& choice : every_kind()) {
    const std::string line = to_line(choice);
    const auto parsed = parse_choice(std::string_view(line).substr(0, line.size() - 1));
    REQUIRE(parsed.has_value());
    CHECK(*parsed == choice);
  }
}

TEST_CASE("a line that no choice would be written as is none") {
  for (const char* line : {
           "",
           "{}",
           R"({"choice":"idle","now":1,"until":2})",
           R"({"choice":"idle","now":1,"until":2,"answer":3)",
           R"({"choice":"idle","now":01,"until":2,"answer":3})",
           R"({"choice":"idle","now":-1,"until":2,"answer":3})",
           R"({"choice":"idle","now":1,"until":2,"answer":18446744073709551616})",
           R"({"choice":"idle","now":1,"until":2,"answer":3} )",
           R"({"choice":"migrate","round":1,"answer":1})",
           R"({"choice":"arriving_input","vm":1,"answer":"6"})",
           R"({"choice":"arriving_input","vm":1,"answer":"6G"})",
           R"({"choice":"arriving_input","vm":1,"answer":"6A"})",
           R"({"choice":"arriving_input","vm":1,"answer":"61)",
       }) {
    CAPTURE(line);
    CHECK_FALSE(parse_choice(line).has_value());
  }
}

TEST_CASE("a recording is read back as it was written") {
  const auto recording = parse_recording("r", text(), "1.2.3");
  REQUIRE(recording.has_value());
  CHECK(recording->machine == kMachine);
  CHECK(recording->choices == every_kind());
  CHECK(recording->end == kEnd);
  CHECK(recording->line_of(0) == 4);
  CHECK(check_machine(*recording, kMachine).has_value());
}

TEST_CASE("a recording that is cut short anywhere is refused") {
  const std::string whole = text();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const std::string error = error_of(whole.substr(0, size));
    CHECK(error.starts_with("r:"));
    CHECK(error.find('\n') == std::string::npos);
  }
  const std::string head = recording_head("1.2.3", {});
  CHECK(error_of(head) == "r:2: the recording is cut short, expected its end");
}

TEST_CASE("what is no line of a recording, or not in its place, is named with its line") {
  const std::string head = recording_head("1.2.3", {});
  const std::string part = "{\"machine\":\"vm1\",\"is\":\"2\"}\n";
  const std::string choice = to_line(every_kind()[0]);
  const std::string tail = recording_tail(kEnd);
  CHECK(error_of("hello\n") ==
        "r:1: expected {\"recording\":\"axvm\",\"format\":1,\"version\":\"1.2.3\"}, a recording by "
        "this version");
  CHECK(error_of(recording_head("1.2.4", {}) + tail).starts_with("r:1: expected"));
  CHECK(error_of(head + choice + part + tail).starts_with("r:3: is none of"));
  CHECK(error_of(head + "{\"machine\":\"\\u0041\",\"is\":\"\"}\n" + tail).starts_with("r:2: "));
  CHECK(error_of(head + "{\"end\":\"soon\",\"instructions\":1,\"hash\":\"\"}\n")
            .starts_with("r:2: "));
  CHECK(error_of(head + tail + tail) == "r:3: expected nothing behind the end");
  CHECK(error_of(head + tail + "x").empty());  // a line that was begun when the run died
}

TEST_CASE("a recording of another machine says what differs, and where it says so") {
  auto recording = parse_recording("r", text(), "1.2.3");
  REQUIRE(recording.has_value());
  MachineIdentity other = kMachine;
  other[0].is = "1";
  CHECK(check_machine(*recording, other).error() ==
        "r:2: vm1 configuration is 1, expected 00ff, with which it was recorded");
  other = kMachine;
  other.push_back({"vm2 configuration", "3"});
  CHECK(check_machine(*recording, other).error() ==
        "r:4: the machine has vm2 configuration 3, expected nothing more, with which it was "
        "recorded");
}
