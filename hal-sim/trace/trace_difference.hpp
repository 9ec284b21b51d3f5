#pragma once
// Where two traces part, for readers.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <hal-sim/trace/trace_reader.hpp>
#include <hal-sim/trace/trap_text.hpp>
#include <optional>
#include <string>

namespace axvm::hal_sim {

/// The instruction of a VM at an address of its code; nothing when it is not known.
using CodeReader =
    std::function<std::optional<std::uint32_t>(std::uint64_t vm, std::uint64_t address)>;

/// An event in one line: "data abort from EL0/EL1, ELR_EL2=0x40081c60 …".
[[nodiscard]] std::string event_text(const TraceEvent& event, const TrapText& traps);

/// Whether two events that differ may.
using PermittedDifference = std::function<bool(const TraceEvent& a, const TraceEvent& b)>;

/// Whether one of both traces may lack an event.
using PermittedAbsence = std::function<bool(const TraceEvent& event)>;

struct TraceComparison {
  std::uint64_t agreed = 0;     ///< events, from the first on
  std::uint64_t permitted = 0;  ///< of them those that differ, and may
  std::uint64_t absent = 0;     ///< besides, only in one of both
  std::string difference;       ///< lines that explain the first difference; empty: there is none
};

/// Compares event by event, to the first difference or to both ends; or the line that says what is
/// wrong with a trace. Both are of one architecture. Without `code` no instructions are shown;
/// without `permitted` nothing may differ. Events that `absent` lets pass may all be missing in one
/// and the same trace.
[[nodiscard]] std::expected<TraceComparison, std::string> compare_traces(
    TraceReader& a, TraceReader& b, const CodeReader& code,
    const PermittedDifference& permitted = {}, const PermittedAbsence& absent = {});

}  // namespace axvm::hal_sim
