// The time CSR and HS-mode's own comparator (Sstc), without which the core does not begin.

#include <hal-hs/board.hpp>
#include <hal-metal/platform.hpp>

namespace axvm::hal_metal {
namespace {

constexpr std::uint64_t kNanosecondsPerTick = 1'000'000'000 / hal_hs::kTimebase;
static_assert(kNanosecondsPerTick * hal_hs::kTimebase == 1'000'000'000);
constexpr std::uint64_t kNever = ~std::uint64_t{0};

/// The first tick at which now_ns() has come to `ns`.
constexpr std::uint64_t ticks_at(std::uint64_t ns) {
  return ns / kNanosecondsPerTick + (ns % kNanosecondsPerTick != 0 ? 1 : 0);
}

void write_comparator(std::uint64_t ticks) {
  asm volatile("csrw 0x14d, %0" ::"r"(ticks) : "memory");  // stimecmp
}

}  // namespace

std::uint64_t now_ns() {
  std::uint64_t ticks = 0;
  asm volatile("csrr %0, 0xc01" : "=r"(ticks)::"memory");  // time
  return ticks * kNanosecondsPerTick;
}

void start_timer(std::uint64_t ns) { write_comparator(ticks_at(ns)); }

void stop_timer() { write_comparator(kNever); }

void start_timer_no_later(std::uint64_t ns) {
  std::uint64_t ticks = 0;
  asm volatile("csrr %0, 0x14d" : "=r"(ticks));  // stimecmp
  if (ticks > ticks_at(ns)) start_timer(ns);
}

void wait_for_interrupt() { asm volatile("fence\n\twfi" ::: "memory"); }

}  // namespace axvm::hal_metal
