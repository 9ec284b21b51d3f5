#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <hal-sim/trace/hash_sink.hpp>
#include <hal-sim/trace/json_sink.hpp>
#include <hal-sim/trace/text_sink.hpp>
#include <string_view>
#include <tools/axvm/trace_option.hpp>

namespace axvm::tool {

namespace {

// Letters and digits: what looks like the name of a format rather than a part of a file's name.
bool is_word(std::string_view text) {
  if (text.empty() || std::isalpha(static_cast<unsigned char>(text[0])) == 0) return text.empty();
  return std::ranges::all_of(
      text, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

}  // namespace

std::expected<TraceOption, std::string> parse_trace_option(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return TraceOption{text, TraceFormat::Text};
  const std::string file = text.substr(0, colon);
  const std::string format = text.substr(colon + 1);
  if (format == "text") return TraceOption{file, TraceFormat::Text};
  if (format == "jsonl") return TraceOption{file, TraceFormat::JsonLines};
  if (format == "hash") return TraceOption{file, TraceFormat::Hash};
  if (file != "-" && !is_word(format)) return TraceOption{text, TraceFormat::Text};
  return std::unexpected(
      fmt::format("unknown trace format '{}', expected text, jsonl or hash", format));
}

void add_trace(hal_sim::Host& host, TraceFormat format, Output& output) {
  const hal_sim::TextOutput write = [&output](std::string_view text) { output.write(text); };
  switch (format) {
    case TraceFormat::Text:
      host.trace().add(std::make_unique<hal_sim::TextSink>(
          write,
          [&host](std::uint32_t pcpu, std::uint64_t va) { return host.instruction_at(pcpu, va); }));
      break;
    case TraceFormat::JsonLines:
      host.trace().add(std::make_unique<hal_sim::JsonSink>(write));
      break;
    case TraceFormat::Hash: host.trace().add(std::make_unique<hal_sim::HashSink>(write)); break;
  }
}

}  // namespace axvm::tool
