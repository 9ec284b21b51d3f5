#pragma once
// JSON-lines traces read back, to be compared: those of JsonSink and those of the EL2 image's log.

#include <axvm/event.hpp>
#include <cstdint>
#include <expected>
#include <hal-sim/isa.hpp>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace axvm::hal_sim {

/// A member of an event: a flag, a number (however it was written), a text, or a list of numbers.
using TraceValue = std::variant<bool, std::uint64_t, std::string, std::vector<std::uint64_t>>;

/// "true", "0x2a", the text or "none", "0x1 0x2".
[[nodiscard]] std::string value_text(const TraceValue& value);

struct TraceField {
  std::string name;
  TraceValue value;

  friend bool operator==(const TraceField&, const TraceField&) = default;
};

/// An event as far as it is the guest's doing: when and on which CPU it happened, host-physical
/// addresses and members without meaning are left out, and htinst is 0 unless it tells of a walk.
struct TraceEvent {
  std::uint64_t line = 0;  ///< of its file, from 1
  std::string kind;        ///< "TrapTaken"
  std::vector<TraceField> fields;

  [[nodiscard]] const TraceValue* find(std::string_view name) const;
  /// The number in a field; 0 when it has none.
  [[nodiscard]] std::uint64_t number(std::string_view name) const;
};

/// The members of a TrapTaken that are numbers.
[[nodiscard]] TrapTaken trap_of(const TraceEvent& event);

/// How much of a trace is read.
enum class TraceContent : std::uint8_t {
  /// Whatever was recorded.
  Everything,
  /// What two machines agree about: htinst only where hardware may not leave it 0.
  All,
  /// Of a guest that looks at clocks: without interrupts and waiting, which come when time is due,
  /// and without what may hold times: the general registers and the state at each trap, and the
  /// arguments of calls that set a timer.
  UpToTime,
};

/// The core's events of one trace, in order, from the first trap on: what was before is the host's
/// doing, and whoever listens late misses it. Other lines (those marked as the host's, the
/// machine's own, the console) are left out.
class TraceReader {
 public:
  /// `name` is what readers know the trace by. With `vm`, only what happened to this VM is read.
  TraceReader(std::string name, std::istream& input, TraceContent content = TraceContent::All,
              std::optional<std::uint32_t> vm = std::nullopt);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Of the guests, as the trace's first line says; nothing when that is no heading.
  [[nodiscard]] std::optional<Isa> named_isa() const noexcept { return named_isa_; }
  /// The same; without a heading, what assume() has said last, or AArch64.
  [[nodiscard]] Isa isa() const noexcept { return named_isa_.value_or(isa_); }
  void assume(Isa isa) noexcept { isa_ = isa; }

  /// The next event; nothing at the end; one line, "NAME:12: is no JSON object", when the text is
  /// no trace, cannot be read, or has no trap at all.
  [[nodiscard]] std::expected<std::optional<TraceEvent>, std::string> next();

 private:
  /// False at the end.
  bool next_line(std::string& text);
  [[nodiscard]] std::expected<std::optional<TraceEvent>, std::string> next_of_any_time();
  [[nodiscard]] std::unexpected<std::string> wrong(std::string_view what) const;

  std::string name_;
  std::istream& input_;
  TraceContent content_;
  std::optional<std::uint32_t> vm_;
  Isa isa_ = Isa::Aarch64;
  std::optional<Isa> named_isa_;
  std::optional<std::string> first_line_;  // read, and not a heading
  std::uint64_t line_ = 0;
  bool begun_ = false;
};

}  // namespace axvm::hal_sim
