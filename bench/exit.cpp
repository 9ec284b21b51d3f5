// A trap through the VMM's decode and handling and back into the guest, beside what the engine
// charges for a bare stop and restart of the same kind.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "guest_runner.hpp"
#include "plain_unicorn.hpp"

namespace axvm::bench {
namespace {

// --- ours: the guest traps for ever; one iteration is kTraps traps -----------------------------

void through_the_vmm(benchmark::State& state, const Isa& isa, const char* guest,
                     std::uint64_t per_trap) {
  GuestRunner runner(isa, guest);
  constexpr std::uint64_t kTraps = 10'000;
  runner.run(kTraps * per_trap);  // translate, map
  const std::uint64_t before = runner.traps();
  for (auto _ : state) runner.run(kTraps * per_trap);
  state.SetItemsProcessed(static_cast<std::int64_t>(runner.traps() - before));
}

void halted(benchmark::State& state, const Isa& isa) {
  GuestRunner runner(isa, "wfi");
  for (auto _ : state) runner.run_one_exit();
  state.SetItemsProcessed(state.iterations());
}

// --- the engine alone: stop, restart -----------------------------------------------------------

/// Runs until something stops the engine, and goes on behind it, for ever.
void bare(benchmark::State& state, PlainUnicorn& engine, std::uint64_t skip) {
  // An empty set of exits: the engine does no work for an `until`.
  PlainUnicorn::check(uc_ctl_exits_enable(engine.handle()));
  std::uint64_t pc = engine.isa().entry;
  for (auto _ : state) {
    engine.run(pc, 0);
    pc = engine.pc() + skip;
  }
  state.SetItemsProcessed(state.iterations());
}

void bare_call(benchmark::State& state, const Isa& isa, const char* guest) {
  PlainUnicorn engine(isa, guest_image(isa, guest));
  uc_hook hook = 0;
  void (*stop)(uc_engine*, std::uint32_t, void*) = [](uc_engine* uc, std::uint32_t, void*) {
    uc_emu_stop(uc);
  };
  PlainUnicorn::check(uc_hook_add(engine.handle(), &hook, UC_HOOK_INTR,
                                  reinterpret_cast<void*>(stop), nullptr, 1, 0));
  bare(state, engine, 0);
}

void bare_mmio(benchmark::State& state, const Isa& isa) {
  PlainUnicorn engine(isa, guest_image(isa, "mmio_read"));
  PlainUnicorn::check(uc_ctl_tlb_mode(engine.handle(), UC_TLB_VIRTUAL));
  uc_hook hook = 0;
  bool (*fill)(uc_engine*, std::uint64_t, uc_mem_type, uc_tlb_entry*, void*) =
      [](uc_engine*, std::uint64_t va, uc_mem_type, uc_tlb_entry* entry, void* ram) {
        entry->paddr = va;
        entry->perms = UC_PROT_ALL;
        return va >= *static_cast<const std::uint64_t*>(ram);
      };
  std::uint64_t ram = isa.ram;
  PlainUnicorn::check(uc_hook_add(engine.handle(), &hook, UC_HOOK_TLB_FILL,
                                  reinterpret_cast<void*>(fill), &ram, 1, 0));
  bare(state, engine, 4);
}

/// Unicorn's MSR hook does not stop at an instruction that it can execute, ACTLR_EL1's among them:
/// the rest of the block still runs. What stops there is a hook on the instruction.
void bare_sysreg(benchmark::State& state) {
  PlainUnicorn engine(kAArch64, guest_image(kAArch64, "sysreg"));
  constexpr std::uint64_t kMsr = kAArch64.entry + 4;
  uc_hook hook = 0;
  void (*stop)(uc_engine*, std::uint64_t, std::uint32_t,
               void*) = [](uc_engine* uc, std::uint64_t, std::uint32_t, void*) { uc_emu_stop(uc); };
  PlainUnicorn::check(uc_hook_add(engine.handle(), &hook, UC_HOOK_CODE,
                                  reinterpret_cast<void*>(stop), nullptr, kMsr, kMsr));
  bare(state, engine, 4);
}

void bare_wfi(benchmark::State& state, const Isa& isa) {
  PlainUnicorn engine(isa, guest_image(isa, "wfi"));
  bare(state, engine, 0);
}

/// `call`: the guest that makes hypercalls, one in `per_call` instructions.
void add(const Isa& isa, const char* call, std::uint64_t per_call) {
  const auto row = [&](const std::string& rest, auto f, auto... more) {
    benchmark::RegisterBenchmark((std::string("exit/") + isa.name + "/" + rest).c_str(), f, isa,
                                 more...);
  };
  row(std::string(call) + "/axvm", through_the_vmm, call, per_call);
  row(std::string(call) + "/unicorn", bare_call, call);
  row("mmio_read/axvm", through_the_vmm, "mmio_read", 2);
  row("mmio_read/unicorn", bare_mmio);
  row("wfi/axvm", halted);
  row("wfi/unicorn", bare_wfi);
}

const int kRegistered = [] {
  add(kAArch64, "hvc", 3);
  add(kRiscv64, "ecall", 4);
  return 0;
}();

BENCHMARK_CAPTURE(through_the_vmm, sysreg, kAArch64, "sysreg", 2)->Name("exit/aarch64/sysreg/axvm");
BENCHMARK(bare_sysreg)->Name("exit/aarch64/sysreg/unicorn");

}  // namespace
}  // namespace axvm::bench
