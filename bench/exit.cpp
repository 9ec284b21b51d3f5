// A trap through the VMM's decode and handling and back into the guest, beside what the engine
// charges for a bare stop and restart of the same kind.

#include <benchmark/benchmark.h>

#include <cstdint>

#include "guest_runner.hpp"
#include "plain_unicorn.hpp"

namespace axvm::bench {
namespace {

// --- ours: the guest traps for ever; one iteration is kTraps traps -----------------------------

void through_the_vmm(benchmark::State& state, const char* guest, std::uint64_t per_trap) {
  GuestRunner runner(guest);
  constexpr std::uint64_t kTraps = 10'000;
  runner.run(kTraps * per_trap);  // translate, map
  const std::uint64_t before = runner.traps();
  for (auto _ : state) runner.run(kTraps * per_trap);
  state.SetItemsProcessed(static_cast<std::int64_t>(runner.traps() - before));
}

void halted(benchmark::State& state) {
  GuestRunner runner("wfi");
  for (auto _ : state) runner.run_one_exit();
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(through_the_vmm, hvc, "hvc", 3)->Name("exit/hvc/axvm");
BENCHMARK_CAPTURE(through_the_vmm, mmio_read, "mmio_read", 2)->Name("exit/mmio_read/axvm");
BENCHMARK_CAPTURE(through_the_vmm, sysreg, "sysreg", 2)->Name("exit/sysreg/axvm");
BENCHMARK(halted)->Name("exit/wfi/axvm");

// --- the engine alone: stop, restart -----------------------------------------------------------

/// Runs until something stops the engine, and goes on behind it, for ever.
void bare(benchmark::State& state, PlainUnicorn& engine, std::uint64_t skip) {
  // An empty set of exits: the engine does no work for an `until`.
  PlainUnicorn::check(uc_ctl_exits_enable(engine.handle()));
  std::uint64_t pc = PlainUnicorn::kEntry;
  for (auto _ : state) {
    engine.run(pc, 0);
    pc = engine.pc() + skip;
  }
  state.SetItemsProcessed(state.iterations());
}

void bare_hvc(benchmark::State& state) {
  PlainUnicorn engine(guest_image("hvc"));
  uc_hook hook = 0;
  void (*stop)(uc_engine*, std::uint32_t, void*) = [](uc_engine* uc, std::uint32_t, void*) {
    uc_emu_stop(uc);
  };
  PlainUnicorn::check(uc_hook_add(engine.handle(), &hook, UC_HOOK_INTR,
                                  reinterpret_cast<void*>(stop), nullptr, 1, 0));
  bare(state, engine, 0);
}

void bare_mmio(benchmark::State& state) {
  PlainUnicorn engine(guest_image("mmio_read"));
  PlainUnicorn::check(uc_ctl_tlb_mode(engine.handle(), UC_TLB_VIRTUAL));
  uc_hook hook = 0;
  bool (*fill)(uc_engine*, std::uint64_t, uc_mem_type, uc_tlb_entry*,
               void*) = [](uc_engine*, std::uint64_t va, uc_mem_type, uc_tlb_entry* entry, void*) {
    entry->paddr = va;
    entry->perms = UC_PROT_ALL;
    return va >= PlainUnicorn::kRam;
  };
  PlainUnicorn::check(uc_hook_add(engine.handle(), &hook, UC_HOOK_TLB_FILL,
                                  reinterpret_cast<void*>(fill), nullptr, 1, 0));
  bare(state, engine, 4);
}

/// Unicorn's MSR hook does not stop at an instruction that it can execute, ACTLR_EL1's among them:
/// the rest of the block still runs. What stops there is a hook on the instruction.
void bare_sysreg(benchmark::State& state) {
  PlainUnicorn engine(guest_image("sysreg"));
  constexpr std::uint64_t kMsr = PlainUnicorn::kEntry + 4;
  uc_hook hook = 0;
  void (*stop)(uc_engine*, std::uint64_t, std::uint32_t,
               void*) = [](uc_engine* uc, std::uint64_t, std::uint32_t, void*) { uc_emu_stop(uc); };
  PlainUnicorn::check(uc_hook_add(engine.handle(), &hook, UC_HOOK_CODE,
                                  reinterpret_cast<void*>(stop), nullptr, kMsr, kMsr));
  bare(state, engine, 4);
}

void bare_wfi(benchmark::State& state) {
  PlainUnicorn engine(guest_image("wfi"));
  bare(state, engine, 0);
}

BENCHMARK(bare_hvc)->Name("exit/hvc/unicorn");
BENCHMARK(bare_mmio)->Name("exit/mmio_read/unicorn");
BENCHMARK(bare_sysreg)->Name("exit/sysreg/unicorn");
BENCHMARK(bare_wfi)->Name("exit/wfi/unicorn");

}  // namespace
}  // namespace axvm::bench
