// The lives of VMs and vCPUs between threads: who may run, where, and with which registers.
#include <tests/core/concurrency/threaded_vm.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

constexpr unsigned kVcpus = 3;

bool any_inside(ThreadedHal& hal) {
  for (unsigned n = 1; n <= kVcpus; ++n) {
    if (hal.cpu(n).is_inside()) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("threads: vCPUs that move between CPUs lose neither registers nor an entry") {
  constexpr unsigned kCpus = 4;
  constexpr unsigned kEntries = 4000;  // by each CPU
  ThreadedHal hal(kCpus + 1);
  const Ref<ThreadedVm> vm = make_vm(hal, 1, kVcpus);
  std::atomic<std::uint64_t> entries = 0;
  hal.run(1, kCpus + 1, [&](unsigned n) {
    Dice dice(n);
    hal.cpu(n).guest = [&](ThreadedCpu& cpu) {
      ++entries;
      cpu.set_gpr(5, cpu.gpr(5) + 1);
      cpu.set(SysReg::TPIDR_EL1, cpu.get(SysReg::TPIDR_EL1) + 1);
      cpu.set_vreg(7, {cpu.vreg(7).low + 1, 0});
      return cpu.interrupt(ThreadedCpu::kKick);
    };
    for (unsigned i = 0; i < kEntries; ++i) {
      const VcpuId id(static_cast<std::uint32_t>(dice.below(kVcpus)));
      const Result<> refused = dice.below(8) == 0 ? vm->unload_vcpu(id) : [&]() -> Result<> {
        const auto exit = vm->run_vcpu(id);
        return exit ? Result<>() : std::unexpected(exit.error());
      }();
      if (!refused) CHECK(refused.error().kind == ErrorKind::BadState);
    }
  });
  std::uint64_t general = 0;
  std::uint64_t system = 0;
  std::uint64_t vectors = 0;
  for (std::uint32_t n = 0; n < kVcpus; ++n) {
    do_once(hal, *vm, [](ThreadedCpu& cpu) { return cpu.interrupt(ThreadedCpu::kKick); });
    hal.cpu(0).guest = [&](ThreadedCpu& cpu) {
      general += cpu.gpr(5);
      system += cpu.get(SysReg::TPIDR_EL1);
      vectors += cpu.vreg(7).low;
      return cpu.interrupt(ThreadedCpu::kKick);
    };
    REQUIRE(vm->run_vcpu(VcpuId(n)).has_value());
  }
  CHECK(entries.load() > 0);
  CHECK(general == entries.load());
  CHECK(system == entries.load());
  CHECK(vectors == entries.load());
}

TEST_CASE("threads: a pause, a stop and a reset end however vCPUs are just being run") {
  constexpr unsigned kRounds = 2000;
  ThreadedHal hal(kVcpus + 2);
  const Ref<ThreadedVm> vm = make_vm(hal, 1, kVcpus);
  std::atomic<bool> end = false;
  unsigned done = 0;
  hal.run(1, kVcpus + 2, [&](unsigned n) {
    if (n <= kVcpus) {
      // They take each other's vCPUs after a while.
      for (unsigned turn = n; !end.load(); ++turn) {
        std::atomic<bool> enough = false;
        hal.cpu(n).guest = [&](ThreadedCpu& cpu) {
          enough = true;
          return spin(cpu);
        };
        while (!end.load() && !enough.load()) {
          if (!vm->running() || !vm->run_vcpu(VcpuId(turn % kVcpus))) hal.serve();
        }
      }
      return;
    }
    const auto wait_for = [&](VmStatus status) {
      return wait_until(hal, [&] { return vm->status() == status; });
    };
    for (; done < kRounds; ++done) {
      for (unsigned i = 0; i < done % 7; ++i) std::this_thread::yield();
      if (!vm->pause() || !wait_for(VmStatus::Paused) || any_inside(hal)) break;
      CHECK(vm->vcpu_status(VcpuId(0))->state == VCpuState::Blocked);
      if (!vm->resume()) break;
      if (done % 5 != 0) continue;
      if (!vm->stop(VmStopReason::Forced)) break;
      CHECK(vm->stop_reason() == VmStopReason::Forced);
      if (!wait_for(VmStatus::Stopped) || any_inside(hal)) break;
      if (!vm->reset([](VmBase&) { return Result<>(); }) || !vm->start()) break;
    }
    CHECK(done == kRounds);
    end = true;
    CHECK(vm->stop(VmStopReason::Forced).has_value());
  });
}

TEST_CASE("threads: of all who power a vCPU on, one does, and it begins where that one says") {
  constexpr unsigned kRounds = 400;
  ThreadedHal hal(kVcpus + 1);
  const Ref<ThreadedVm> vm = make_vm(hal, 1, kVcpus);
  std::atomic<unsigned> successes = 0;
  std::atomic<unsigned> starts = 0;
  std::atomic<unsigned> wrong = 0;
  std::atomic<bool> end = false;
  hal.run(1, kVcpus + 1, [&](unsigned n) {
    if (n == kVcpus) {  // runs the last vCPU, which goes off whenever it is on
      hal.cpu(n).guest = [&](ThreadedCpu& cpu) {
        if (cpu.gpr(9) == 0) {  // has just begun
          ++starts;
          const std::uint64_t entry = cpu.get(SysReg::ELR_EL2);
          if (cpu.gpr(0) != entry + 1 && starts.load() != 1) ++wrong;
          cpu.set_gpr(9, 1);
          return cpu.interrupt(ThreadedCpu::kKick);
        }
        return cpu.hvc(std::array<std::uint64_t, 1>{0x8400'0002});  // CPU_OFF
      };
      while (!end.load()) {
        if (!vm->run_vcpu(VcpuId(kVcpus - 1))) hal.serve();
      }
      return;
    }
    std::uint64_t attempt = 0;
    hal.cpu(n).guest = [&](ThreadedCpu& cpu) {
      if (attempt % 8 == 7) {
        ++attempt;
        return cpu.interrupt(ThreadedCpu::kKick);
      }
      if (cpu.gpr(9) == 1 && cpu.gpr(0) == 0) ++successes;
      cpu.set_gpr(9, 1);
      const std::uint64_t entry = kRam + 0x1000 * n + 4 * (++attempt % 16);
      return cpu.hvc(std::array<std::uint64_t, 4>{0xc400'0003, kVcpus - 1, entry, entry + 1});
    };
    while (successes.load() < kRounds) {
      REQUIRE(vm->run_vcpu(VcpuId(n - 1)).has_value());
      hal.serve();
    }
    end = true;
  });
  CHECK(wrong.load() == 0);
  // The last one may not have begun when the threads ended.
  CHECK(starts.load() >= kRounds);
}
