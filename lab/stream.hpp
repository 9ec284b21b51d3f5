#pragma once
// Address streams: what a program does, as far as translation is concerned.

#include <cstdint>
#include <expected>
#include <filesystem>
#include <lab/random.hpp>
#include <lab/reference.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace axvm::lab {

enum class StreamKind : std::uint8_t {
  Sequential,  ///< one line of 64 bytes after the other, again and again
  Strided,     ///< the same with another distance
  Random,      ///< a load and a store of a word anywhere, as GUPS does (HPC Challenge RandomAccess)
  PointerChase,  ///< each line once in an order without pattern; each waits for the one before
  Zipf,          ///< pages by popularity: the n-th is asked for in proportion to 1/n
  Graph,  ///< a list of edges in order, and for each a vertex somewhere, popular ones more often
  Trace,  ///< what a program did, from a file (lab/trace); offsets are its addresses
};

struct StreamSpec {
  StreamKind kind = StreamKind::Random;
  std::uint64_t footprint = 0;  ///< bytes, a multiple of 4 KiB
  std::uint64_t stride = 64;    ///< bytes, of Strided
  std::uint64_t seed = 1;
  std::filesystem::path trace = {};  ///< of Trace; footprint, stride and seed are not asked for
};

/// The name in experiments: "sequential", "strided", "random", "chase", "zipf", "graph".
[[nodiscard]] std::string_view to_string(StreamKind kind);
/// Nothing for other names: those of traces are files.
[[nodiscard]] std::optional<StreamKind> stream_kind(std::string_view name);

class Stream {
 public:
  virtual ~Stream() = default;
  /// The next accesses. It has no end. One line of text when a trace cannot be read.
  virtual std::expected<void, std::string> next(std::span<Reference> references) = 0;
};

[[nodiscard]] std::unique_ptr<Stream> make_stream(const StreamSpec& spec);

}  // namespace axvm::lab
