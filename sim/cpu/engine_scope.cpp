#include <dlfcn.h>
#include <sys/time.h>

#include <cstdint>
#include <sim/cpu/engine_scope.hpp>

constinit thread_local unsigned axvm::sim::EngineScope::depth = 0;

namespace {

using SearchTlb = void(void* cpu, std::uint64_t start, std::uint64_t length);

/// What `name` would be if this process had none of its own.
template <class Function>
Function* next(const char* name) noexcept {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how dlsym gives functions
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// They take the place of the shared objects' for the whole process, the engine included.

extern "C" int gettimeofday(struct timeval* tv, void* tz) noexcept {
  if (axvm::sim::EngineScope::entered()) {
    *tv = {};
    return 0;
  }
  static const auto host = next<int(struct timeval*, void*)>("gettimeofday");
  return host != nullptr ? host(tv, tz) : -1;
}

extern "C" void tlb_reset_dirty_by_vaddr_aarch64(void* cpu, std::uint64_t start,
                                                 std::uint64_t length) noexcept {
  if (axvm::sim::EngineScope::entered()) return;
  static const auto engine = next<SearchTlb>("tlb_reset_dirty_by_vaddr_aarch64");
  if (engine != nullptr) engine(cpu, start, length);
}

extern "C" void tlb_reset_dirty_by_vaddr_riscv64(void* cpu, std::uint64_t start,
                                                 std::uint64_t length) noexcept {
  if (axvm::sim::EngineScope::entered()) return;
  static const auto engine = next<SearchTlb>("tlb_reset_dirty_by_vaddr_riscv64");
  if (engine != nullptr) engine(cpu, start, length);
}

extern "C" void tlb_reset_dirty_by_vaddr_x86_64(void* cpu, std::uint64_t start,
                                                std::uint64_t length) noexcept {
  if (axvm::sim::EngineScope::entered()) return;
  static const auto engine = next<SearchTlb>("tlb_reset_dirty_by_vaddr_x86_64");
  if (engine != nullptr) engine(cpu, start, length);
}
