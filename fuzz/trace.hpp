#pragma once
// Laws of readers of traces.

#include <fuzz/input.hpp>
#include <lab/trace/trace_reader.hpp>
#include <string>
#include <vector>

namespace axvm::fuzz {

struct ReadTrace {
  std::vector<lab::Reference> references;
  std::string reason;  ///< that ended it; empty at its end
};

/// `batch` accesses at a time.
inline ReadTrace read_all(lab::TraceReader& reader, std::size_t batch) {
  ReadTrace trace;
  std::vector<lab::Reference> references(batch);
  for (;;) {
    const auto count = reader.read(references);
    if (!count) {
      trace.reason = count.error();
      require(!trace.reason.empty(), "a refusal has a reason");
      for (const char c : trace.reason) require(c >= ' ' && c <= '~', "a reason is one line");
      return trace;
    }
    require(*count <= batch, "no more is read than there is room for");
    if (*count == 0) return trace;
    trace.references.insert(trace.references.end(), references.begin(),
                            references.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

/// Any bytes are read to their end or refused with a place, in the same way however many are asked
/// for; an access takes at least `least` bytes.
template <class Make>
void check_trace(std::span<const std::byte> bytes, std::size_t least, Make&& make) {
  const auto one = make("fuzz", lab::from_memory(bytes));
  const ReadTrace trace = read_all(*one, 1);
  require(trace.references.size() * least <= bytes.size(), "accesses are from the file");
  require(trace.reason.empty() || trace.reason.starts_with("fuzz:"), "a refusal has a place");
  const auto many = make("fuzz", lab::from_memory(bytes));
  const ReadTrace again = read_all(*many, 100);
  require(again.reason == trace.reason, "batches change no reason");
  require(!trace.reason.empty() || again.references.size() == trace.references.size(),
          "batches lose nothing");
  for (std::size_t i = 0; i < again.references.size(); ++i) {
    require(again.references[i].offset == trace.references[i].offset &&
                again.references[i].access == trace.references[i].access,
            "batches change nothing");
  }
}

}  // namespace axvm::fuzz
