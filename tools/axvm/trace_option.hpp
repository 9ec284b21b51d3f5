#pragma once
// --trace FILE[:FORMAT]

#include <expected>
#include <hal-sim/host/host.hpp>
#include <string>
#include <tools/axvm/output.hpp>

namespace axvm::tool {

enum class TraceFormat { Text, JsonLines, Hash };

struct TraceOption {
  std::string file;  ///< "-" is the standard output
  TraceFormat format = TraceFormat::Text;
};

/// "out.txt", "out.jsonl:jsonl", "-:hash". One line when a word follows the last colon, or anything
/// follows "-:", that is no format's name; other colons belong to the file's name.
[[nodiscard]] std::expected<TraceOption, std::string> parse_trace_option(const std::string& text);

/// Adds a sink that writes to `output`, which outlives the host, to its trace.
void add_trace(hal_sim::Host& host, TraceFormat format, Output& output);

}  // namespace axvm::tool
