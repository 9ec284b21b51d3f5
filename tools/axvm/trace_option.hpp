#pragma once
// --trace FILE[:FORMAT]

#include <expected>
#include <hal-sim/host/host.hpp>
#include <string>
#include <tools/axvm/output.hpp>

namespace axvm::tool {

enum class TraceFormat { Text, JsonLines, Hash, Chrome };

struct TraceOption {
  std::string file;  ///< "-" is the standard output
  TraceFormat format = TraceFormat::Text;
};

/// "out.txt", "out.jsonl:jsonl", "-:hash", "out.json:chrome". One line when a word follows the last
/// colon, or anything follows "-:", that is no format's name; other colons belong to the file's
/// name.
[[nodiscard]] std::expected<TraceOption, std::string> parse_trace_option(const std::string& text);

/// Adds a sink that writes to `output`, which outlives the host, to its trace. `costs` are what
/// exits cost where a format shows that.
void add_trace(hal_sim::Host& host, TraceFormat format, Output& output,
               const sim::timing::ExitCosts& costs);

}  // namespace axvm::tool
