#include <dlfcn.h>
#include <doctest/doctest.h>
#include <sys/time.h>

#include <sim/cpu/engine_scope.hpp>
#include <string_view>

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

/// The file that a symbol is found in by whoever calls it through the dynamic linker.
std::string_view home_of(const char* symbol) {
  Dl_info info{};
  if (dladdr(dlsym(RTLD_DEFAULT, symbol), &info) == 0) return "";
  return info.dli_fname;
}

TEST_CASE("the engine finds this program's functions in place of its own") {
  // Nothing here refers to the second one: the linker must have kept it all the same.
  CHECK(home_of("tlb_reset_dirty_by_vaddr_aarch64") == home_of("gettimeofday"));
  CHECK(home_of("gettimeofday").find(".so") == std::string_view::npos);
  CHECK(home_of("uc_open").find("libunicorn") != std::string_view::npos);
}

}  // namespace
}  // namespace axvm::sim
