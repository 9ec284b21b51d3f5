#pragma once
// A running hash of all events: two runs are the same when their last line is.

#include <hal-sim/state/hasher.hpp>
#include <hal-sim/trace/trace_sink.hpp>

namespace axvm::hal_sim {

/// XXH3 over the JSON lines, stamps included, of everything the guest caused. Writes one line at
/// the end: "<16 hexadecimal digits> <number of events>".
class HashSink final : public TraceSink {
 public:
  explicit HashSink(TextOutput output) : output_(std::move(output)) {}
  void event(const Stamp& stamp, const Event& event) override;
  void unmaintained_code(const sim::UnmaintainedCode& event) override;
  void finish() override;

 private:
  Hasher hasher_;
  std::uint64_t events_ = 0;
  TextOutput output_;
};

}  // namespace axvm::hal_sim
