#pragma once
// The time of day as the engine sees it: none.

namespace axvm::sim {

/// While one exists on a thread, gettimeofday answers 0 there. Unicorn sizes its TLB by the time of
/// day. Guests cannot see the size (that TLB only caches the strict one), but with the host's clock
/// in the loop the number of fills, and so every profile, would differ from run to run. Other
/// callers of the process get the host's time as ever.
class EngineClock {
 public:
  EngineClock() noexcept { ++depth; }
  ~EngineClock() { --depth; }
  EngineClock(const EngineClock&) = delete;
  EngineClock& operator=(const EngineClock&) = delete;

  [[nodiscard]] static bool stands_still() noexcept { return depth != 0; }

 private:
  static inline thread_local unsigned depth = 0;
};

}  // namespace axvm::sim
