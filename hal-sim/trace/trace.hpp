#pragma once
// All sinks of a run.

#include <hal-sim/trace/trace_sink.hpp>
#include <memory>
#include <vector>

namespace axvm::hal_sim {

class Trace {
 public:
  void add(std::unique_ptr<TraceSink> sink) { sinks_.push_back(std::move(sink)); }
  /// Has the core tell what stage 2 maps, too (axvm::TablesChanged).
  void show_tables() noexcept { shows_tables_ = true; }
  [[nodiscard]] bool shows_tables() const noexcept { return shows_tables_; }

  /// False when nobody listens: nothing needs to be built or stamped then.
  [[nodiscard]] bool active() const noexcept { return !sinks_.empty(); }

  void event(const Stamp& stamp, const Event& event) {
    for (const auto& sink : sinks_) sink->event(stamp, event);
  }
  void unmaintained_code(const sim::UnmaintainedCode& event) {
    for (const auto& sink : sinks_) sink->unmaintained_code(event);
  }
  void finish() {
    for (const auto& sink : sinks_) sink->finish();
  }

 private:
  std::vector<std::unique_ptr<TraceSink>> sinks_;
  bool shows_tables_ = false;
};

}  // namespace axvm::hal_sim
