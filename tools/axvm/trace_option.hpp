#pragma once
// --trace FILE[:FORMAT]

#include <expected>
#include <hal-sim/host/host.hpp>
#include <memory>
#include <string>

namespace axvm::tool {

enum class TraceFormat { Text, JsonLines, Hash };

struct TraceOption {
  std::string file;  ///< "-" is the standard output
  TraceFormat format = TraceFormat::Text;
};

/// "out.txt", "out.jsonl:jsonl", "-:hash". What follows the last colon is a format only if it is
/// the name of one.
[[nodiscard]] TraceOption parse_trace_option(const std::string& text);

/// Adds the sink to the host's trace; one line when the file cannot be written.
[[nodiscard]] std::expected<void, std::string> add_trace(hal_sim::Host& host,
                                                         const TraceOption& option);

}  // namespace axvm::tool
