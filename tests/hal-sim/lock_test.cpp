// Locks of the simulation find orders that could deadlock on a machine of several CPUs.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <hal-sim/arch/aarch64/platform.hpp>

using namespace axvm;
using namespace axvm::hal_sim;

namespace {

struct LockFixture {
  DeterministicChoices choices{1000};
  Trace trace;
  std::unique_ptr<sim::aarch64::Machine> machine =
      *sim::aarch64::Machine::create({{.ram = {{0x4000'0000, 1 << 20}}, .pcpus = 2}});
  hal_sim::aarch64::Hal hal{*machine, choices, trace};
  CheckedLock vm{hal, LockRank::Vm};
  CheckedLock other_vm{hal, LockRank::Vm};
  CheckedLock memory{hal, LockRank::AddressSpace};
  CheckedLock device{hal, LockRank::Device};
};

/// Whether `act` ends the process with a report.
template <class F>
bool is_defect(F&& act) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    std::signal(SIGABRT, SIG_DFL);
    act();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace

TEST_CASE("lock order: ascending ranks, any of them, and again") {
  LockFixture f;
  for (int i = 0; i < 2; ++i) {
    f.vm.lock();
    f.device.lock();
    f.memory.lock();
    f.device.unlock();
    f.memory.unlock();
    f.vm.unlock();
    f.device.lock();
    f.device.unlock();
  }
}

TEST_CASE("lock order: a violation is found, whatever the other CPUs do") {
  CHECK(is_defect([] {
    LockFixture f;
    f.memory.lock();
    f.vm.lock();
  }));
  CHECK(is_defect([] {
    LockFixture f;
    f.vm.lock();
    f.other_vm.lock();
  }));
  CHECK(is_defect([] {
    LockFixture f;
    f.vm.lock();
    f.vm.lock();
  }));
  CHECK(is_defect([] {
    LockFixture f;
    f.vm.unlock();
  }));
}

TEST_CASE("lock order: each CPU has its own, and holds none while it waits for another") {
  LockFixture f;
  f.hal.run_on(0);
  f.device.lock();
  f.hal.run_on(1);
  f.memory.lock();
  f.memory.unlock();
  f.hal.run_on(0);
  f.device.unlock();
  unsigned ran_on = 9;
  f.hal.call_on(PcpuId(1), [&] { ran_on = f.hal.current_pcpu().value; });
  CHECK(ran_on == 1);
  CHECK(f.hal.current_pcpu() == PcpuId(0));
  CHECK(is_defect([] {
    LockFixture g;
    g.vm.lock();
    g.hal.call_on(PcpuId(1), [] {});
  }));
}
