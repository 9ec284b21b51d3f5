#include <dlfcn.h>
#include <sys/time.h>

#include <sim/cpu/engine_clock.hpp>

// Takes the place of the C library's for the whole process, the engine's shared object included.
extern "C" int gettimeofday(struct timeval* tv, void* tz) noexcept {
  if (axvm::sim::EngineClock::stands_still()) {
    *tv = {};
    return 0;
  }
  using Function = int (*)(struct timeval*, void*);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how dlsym gives functions
  static const auto host = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "gettimeofday"));
  return host != nullptr ? host(tv, tz) : -1;
}
