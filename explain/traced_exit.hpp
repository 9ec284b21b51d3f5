#pragma once
// Exits of traces in words, whatever the instruction set of the guests.

#include <cstddef>
#include <cstdint>
#include <hal-sim/isa.hpp>
#include <hal-sim/trace/trace_reader.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::explain {

/// A register by its name in registers(), with what it held.
struct NamedWord {
  std::string_view name;
  std::uint64_t value = 0;
};

struct TracedExit {
  std::string title;         ///< "data abort from a lower Exception level"
  bool interrupted = false;  ///< by what is not the guest's doing
  /// What the guest did and what follows, as the what_happened() and what_follows() of its
  /// instruction set have it; nothing when it was interrupted.
  std::string happened;
  std::vector<std::string> follows;
  std::vector<NamedWord> registers;
  std::span<const std::uint64_t> general;  ///< the event's; none when it has none
};

/// `event` is a TrapTaken and outlives the answer.
[[nodiscard]] TracedExit traced_exit(hal_sim::Isa isa, const hal_sim::TraceEvent& event);

/// What a trace's general register is called: "X0", "ra".
[[nodiscard]] std::string general_register(hal_sim::Isa isa, std::size_t number);

}  // namespace axvm::explain
