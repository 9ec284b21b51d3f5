#pragma once
// Where events go, and what is known of the moment at which each one happened.

#include <axvm/event.hpp>
#include <cstdint>
#include <functional>
#include <sim/event.hpp>
#include <string_view>

namespace axvm::hal_sim {

/// When and where an event happened. The VM and vCPU are the event's own.
struct Stamp {
  std::uint64_t time_ns = 0;       ///< guest time of the pCPU
  std::uint32_t pcpu = 0;          ///< the CPU on which it happened
  std::uint64_t instructions = 0;  ///< retired by that pCPU so far
  /// Caused by the host (the end of a turn), not by the guest: not part of what runs with other
  /// turn lengths, or another HAL, have in common.
  bool host = false;
};

/// Consumes events. May look at the machine, never changes it.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void event(const Stamp& stamp, const Event& event) = 0;
  /// What the machine noticed, where the VMM sees nothing.
  virtual void unmaintained_code(const sim::UnmaintainedCode& event) = 0;
  /// Nothing follows.
  virtual void finish() {}
};

/// Takes text that a sink wrote; whole lines at a time.
using TextOutput = std::function<void(std::string_view)>;

}  // namespace axvm::hal_sim
