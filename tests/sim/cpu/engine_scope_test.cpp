#include <doctest/doctest.h>
#include <sys/time.h>

#include <sim/cpu/engine_scope.hpp>

namespace axvm::sim {
namespace {

TEST_CASE("the clock stands still for the engine, and for nobody else") {
  timeval now{};
  {
    const EngineScope outer;
    {
      const EngineScope inner;
    }
    now.tv_sec = 1;
    CHECK(gettimeofday(&now, nullptr) == 0);
    CHECK(now.tv_sec == 0);
  }
  CHECK(gettimeofday(&now, nullptr) == 0);
  CHECK(now.tv_sec > 1'000'000'000);
}

}  // namespace
}  // namespace axvm::sim
