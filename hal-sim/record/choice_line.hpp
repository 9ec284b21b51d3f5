#pragma once
// A choice as one line of JSON.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace axvm::hal_sim {

/// A question that a host has asked its Choices, and the answer. As text
/// `{"choice":"next_vcpu","pcpu":0,"count":2,"answer":1}`: the keys between `choice` and `answer`
/// are the question's arguments.
struct Choice {
  enum class Kind : std::uint8_t {
    NextVcpu,       ///< pcpu, count
    RoundLength,    ///< begin
    Migrate,        ///< round
    AdmitInput,     ///< vm, time_ns
    ArrivingInput,  ///< vm; the answer is bytes, in hexadecimal
    Idle,           ///< now, until
    Entropy,
  };
  Kind kind{};
  std::uint64_t first = 0;  ///< arguments, as above; 0 where there is none
  std::uint64_t second = 0;
  std::uint64_t answer = 0;  ///< of a yes or no: 1 or 0
  std::string bytes{};       ///< ArrivingInput

  friend bool operator==(const Choice&, const Choice&) = default;
};

/// The line, with its end.
[[nodiscard]] std::string to_line(const Choice& choice);
/// The choice of a line without its end; nothing when it is not exactly what to_line would write.
[[nodiscard]] std::optional<Choice> parse_choice(std::string_view line);
/// The question alone, for reports: "next_vcpu, pcpu 0, count 2".
[[nodiscard]] std::string question_of(const Choice& choice);

}  // namespace axvm::hal_sim
