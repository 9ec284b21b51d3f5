#pragma once
// An event of a trace, and the moment at which it happened: the run that the trace is of is run
// again, and compared with it line by line.

#include <cstdint>
#include <expected>
#include <fstream>
#include <functional>
#include <hal-sim/host/host.hpp>
#include <hal-sim/trace/trace_reader.hpp>
#include <hal-sim/trace/trace_sink.hpp>
#include <string>
#include <tools/axvm/configuration.hpp>

namespace axvm::tool {

struct TracedEvent {
  hal_sim::Isa isa = hal_sim::Isa::Aarch64;
  hal_sim::TraceEvent event;
  bool shows_tables = false;  ///< the trace has what stage 2 maps, too
};

/// Opens a file of JSON lines; one line says why it cannot be read.
[[nodiscard]] std::expected<std::ifstream, std::string> open_trace(const std::string& file);

/// The event of that number, counted from the first exit, as `axvm explain trace` does. Otherwise
/// one line says what is wrong with the trace, or that it has fewer.
[[nodiscard]] std::expected<TracedEvent, std::string> find_event(const std::string& file,
                                                                 std::uint64_t number);

/// Called at the event: the VMM has not handled it, and the CPU's registers are the guest's.
using AtEvent = std::function<void(hal_sim::Host& host, const hal_sim::Stamp& stamp)>;

/// Runs the machine up to the event. Otherwise an exit status, and one line on the standard error
/// has said what is wrong with the configuration, or in which line the trace is of another run.
[[nodiscard]] std::expected<void, int> replay_to(const TracedEvent& traced, const std::string& file,
                                                 const ConfigurationOptions& options,
                                                 const AtEvent& then);

}  // namespace axvm::tool
