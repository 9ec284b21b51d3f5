#pragma once
// What a program did, as other tools have written it down.

#include <expected>
#include <filesystem>
#include <lab/reference.hpp>
#include <lab/trace/byte_source.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace axvm::lab {

class TraceReader {
 public:
  virtual ~TraceReader() = default;
  /// The next accesses, by their addresses; how many, 0 at the end only. One line that names the
  /// file and the place when the trace is malformed or ends early.
  /// Precondition: there is room for one.
  [[nodiscard]] virtual std::expected<std::size_t, std::string> read(
      std::span<Reference> references) = 0;
};

/// A kind of trace, known by how the file's name ends.
struct TraceKind {
  std::string_view suffix;  ///< ".lackey"
  std::string_view about;
  /// `name` is what errors call the file.
  std::unique_ptr<TraceReader> (*make)(std::string name, std::unique_ptr<ByteSource> bytes);
};
[[nodiscard]] std::span<const TraceKind> trace_kinds();
/// Of a file with this name, which may end in .gz or .zst behind the suffix; null when it is none.
[[nodiscard]] const TraceKind* trace_kind(std::string_view name);

/// From the beginning. One line of text when it cannot be opened.
[[nodiscard]] std::expected<std::unique_ptr<TraceReader>, std::string> open_trace(
    const std::filesystem::path& file);

/// valgrind --tool=lackey --trace-mem=yes: a line for each fetch, load, store, and for each load
/// and store of the same bytes. Lines of valgrind itself, which begin with "==", are passed over.
[[nodiscard]] std::unique_ptr<TraceReader> read_lackey(std::string name,
                                                       std::unique_ptr<ByteSource> bytes);
/// ChampSim's input_instr, 64 bytes for each instruction (inc/trace_instruction.h): it is fetched,
/// then up to four loads, then up to two stores.
[[nodiscard]] std::unique_ptr<TraceReader> read_champsim(std::string name,
                                                         std::unique_ptr<ByteSource> bytes);
/// What a guest of this program's accessed (guest_trace.hpp).
[[nodiscard]] std::unique_ptr<TraceReader> read_guest_trace(std::string name,
                                                            std::unique_ptr<ByteSource> bytes);

}  // namespace axvm::lab
