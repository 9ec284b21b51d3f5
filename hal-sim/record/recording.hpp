#pragma once
// A file that holds all that a run depended on but its machine, and what identifies that.

#include <cstdint>
#include <expected>
#include <hal-sim/record/choice_line.hpp>
#include <hal-sim/record/machine_identity.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::hal_sim {

/// How a recorded run ended.
struct RecordedEnd {
  enum class By : std::uint8_t {
    Guest,        ///< by what the guests did
    Limit,        ///< after `instructions`, which somebody had set as a limit
    Interruption  ///< between two rounds, by somebody's wish
  };
  By by = By::Guest;
  std::uint64_t instructions = 0;  ///< of all pCPUs together
  std::string hash{};              ///< of the final state

  friend bool operator==(const RecordedEnd&, const RecordedEnd&) = default;
};

/// As text: lines of JSON. The first names the format and the program's version, then comes one per
/// part of the machine's identity, one per choice, and one for the end.
struct Recording {
  std::string file;
  MachineIdentity machine;
  std::vector<Choice> choices;
  RecordedEnd end;

  /// The line of the file that a choice is on, counted from 1; behind the last: the end's.
  [[nodiscard]] std::size_t line_of(std::size_t choice) const noexcept {
    return 2 + machine.size() + choice;
  }
};

/// What a recording begins with, and what it ends with. `version` is the program's.
[[nodiscard]] std::string recording_head(std::string_view version, const MachineIdentity& machine);
[[nodiscard]] std::string recording_tail(const RecordedEnd& end);

/// Takes a recording apart; otherwise one line, with the place, that says what is wrong: not a
/// recording, another version's, a line that is none of the above, no end.
[[nodiscard]] std::expected<Recording, std::string> parse_recording(const std::string& file,
                                                                    std::string_view text,
                                                                    std::string_view version);
/// The same for a file on disk.
[[nodiscard]] std::expected<Recording, std::string> read_recording(const std::string& file,
                                                                   std::string_view version);

/// One line, with the place in the recording, when it is of another machine than `machine`.
[[nodiscard]] std::expected<void, std::string> check_machine(const Recording& recording,
                                                             const MachineIdentity& machine);

}  // namespace axvm::hal_sim
