#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <hal-sim/trace/hash_sink.hpp>
#include <hal-sim/trace/json_sink.hpp>
#include <hal-sim/trace/text_sink.hpp>
#include <tools/axvm/trace_option.hpp>

namespace axvm::tool {

TraceOption parse_trace_option(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos) {
    const std::string file = text.substr(0, colon);
    const std::string format = text.substr(colon + 1);
    if (format == "text") return {file, TraceFormat::Text};
    if (format == "jsonl") return {file, TraceFormat::JsonLines};
    if (format == "hash") return {file, TraceFormat::Hash};
  }
  return {text, TraceFormat::Text};
}

std::expected<void, std::string> add_trace(hal_sim::Host& host, const TraceOption& option) {
  std::shared_ptr<std::FILE> file;
  if (option.file == "-") {
    file = std::shared_ptr<std::FILE>(stdout, [](std::FILE*) {});
  } else {
    std::FILE* opened = std::fopen(option.file.c_str(), "wb");
    if (opened == nullptr) {
      return std::unexpected(
          fmt::format("--trace: cannot write {}: {}", option.file, std::strerror(errno)));
    }
    file = std::shared_ptr<std::FILE>(opened, [](std::FILE* f) { std::fclose(f); });
  }
  const hal_sim::TextOutput output = [file](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), file.get());
  };
  switch (option.format) {
    case TraceFormat::Text:
      host.trace().add(std::make_unique<hal_sim::TextSink>(
          output,
          [&host](std::uint32_t pcpu, std::uint64_t va) { return host.instruction_at(pcpu, va); }));
      break;
    case TraceFormat::JsonLines:
      host.trace().add(std::make_unique<hal_sim::JsonSink>(output));
      break;
    case TraceFormat::Hash: host.trace().add(std::make_unique<hal_sim::HashSink>(output)); break;
  }
  return {};
}

}  // namespace axvm::tool
