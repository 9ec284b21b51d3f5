#include <fmt/format.h>

#include <hal-sim/trace/hash_sink.hpp>
#include <hal-sim/trace/json_sink.hpp>

namespace axvm::hal_sim {

void HashSink::event(const Stamp& stamp, const Event& event) {
  if (stamp.host) return;
  ++events_;
  hasher_.add(to_json(stamp, event));
}

void HashSink::unmaintained_code(const sim::UnmaintainedCode& event) {
  ++events_;
  hasher_.add(to_json(event));
}

void HashSink::finish() { output_(fmt::format("{} {}\n", hasher_.hex(), events_)); }

}  // namespace axvm::hal_sim
