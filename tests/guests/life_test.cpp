// What may be done to VMs between runs: pause, reset, interrupts; and vCPUs that share or change
// their pCPU.
#include <doctest/doctest.h>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::Host;
using hal_sim::Isa;
using hal_sim::StopKind;

namespace {

constexpr VmId kVm{1};

Outcome run_on(Isa isa, const char* name, unsigned pcpus, std::uint64_t migration_rounds,
               std::uint64_t turn = 5'000, std::uint64_t chaos = 0) {
  GuestRun guest{
      .name = name, .chaos = chaos, .traced = true, .turn_instructions = turn, .isa = isa};
  guest.pcpus = pcpus;
  auto config = config_of(guest);
  config.sim.migration_rounds = migration_rounds;
  Outcome outcome;
  const auto host = boot(config, guest, outcome);
  REQUIRE(host != nullptr);
  collect(*host, host->run({.instructions = 50'000'000}), outcome);
  return outcome;
}

}  // namespace

TEST_CASE("oversubscribed: four vCPUs share one or two pCPUs and say the same") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const Outcome own = run_on(isa, "ipi", 4, 0);
    REQUIRE(own.reason.kind == StopKind::PoweredOff);
    for (const unsigned pcpus : {1U, 2U}) {
      CAPTURE(pcpus);
      const Outcome shared = run_on(isa, "ipi", pcpus, 0);
      CHECK(shared.reason.kind == StopKind::PoweredOff);
      CHECK(shared.console == own.console);
    }
  }
}

TEST_CASE("migrating: vCPUs that move from pCPU to pCPU say the same") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    for (const char* name :
         {"ipi", isa == Isa::Aarch64 ? "its" : "aia", "smp", "timer", "paging"}) {
      CAPTURE(name);
      const Outcome still = run_on(isa, name, 4, 0);
      REQUIRE(still.reason.kind == StopKind::PoweredOff);
      for (const unsigned pcpus : {2U, 3U}) {
        CAPTURE(pcpus);
        const Outcome moving = run_on(isa, name, pcpus, 1, 1'000);
        CHECK(moving.reason.kind == StopKind::PoweredOff);
        CHECK(moving.console == still.console);
      }
    }
  }
}

TEST_CASE("determinism: migration and sharing hide from chaos") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    for (const unsigned pcpus : {1U, 3U}) {
      CAPTURE(pcpus);
      const Outcome quiet = run_on(isa, "ipi", pcpus, 1, 1'000);
      const Outcome chaotic = run_on(isa, "ipi", pcpus, 1, 1'000, 9);
      CHECK(quiet.hash == chaotic.hash);
      CHECK(quiet.trace_hash == chaotic.trace_hash);
    }
  }
}

TEST_CASE("migrating: every pCPU of the mask has its share, no other one") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    GuestRun guest{.name = "paging", .turn_instructions = 1'000, .pcpus = 4, .isa = isa};
    auto config = config_of(guest);
    config.sim.migration_rounds = 1;
    config.vms.front().phys_cpu_sets = {0b1010};
    Outcome outcome;
    const auto host = boot(config, guest, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->run({.instructions = 50'000'000}).kind == StopKind::PoweredOff);
    CHECK(host->machine().pcpu(0).instructions() == 0);
    CHECK(host->machine().pcpu(1).instructions() > 0);
    CHECK(host->machine().pcpu(2).instructions() == 0);
    CHECK(host->machine().pcpu(3).instructions() > 0);
  }
}

TEST_CASE("pause: a paused VM retires nothing, and goes on as if nothing had been") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const Outcome whole = run({.name = "ipi", .isa = isa});
    Outcome outcome;
    const auto host = boot({.name = "ipi", .isa = isa}, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->run({.instructions = 20'000}).kind == StopKind::InstructionLimit);
    REQUIRE(host->pause(kVm).has_value());
    for (std::uint32_t i = 0; i < 4; ++i) {
      CHECK(host->vm(0).vcpu_status(VcpuId(i))->state == VCpuState::Blocked);
    }
    CHECK(host->pause(kVm).error() == "pause: the VM is paused");
    CHECK(host->run().kind == StopKind::Paused);
    CHECK(host->statistics().instructions == 20'000);
    REQUIRE(host->resume(kVm).has_value());
    collect(*host, host->run({.instructions = 50'000'000}), outcome);
    CHECK(outcome.reason.kind == StopKind::PoweredOff);
    CHECK(outcome.console == whole.console);
  }
}

TEST_CASE("reset: the guest begins again, from its image, any number of times") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const Outcome whole = run({.name = "paging", .isa = isa});
    Outcome outcome;
    const auto host = boot({.name = "paging", .isa = isa}, outcome);
    REQUIRE(host != nullptr);
    std::string expected;
    for (int i = 0; i < 3; ++i) {
      CHECK(host->run({.instructions = 50'000'000}).kind == StopKind::PoweredOff);
      expected += whole.console;
      CHECK(host->console(kVm).output() == expected);
      REQUIRE(host->reset(kVm).has_value());
    }
    CHECK(host->statistics().instructions == 3 * whole.instructions);
  }
}

TEST_CASE("reset: what a guest asks for is granted without a limit, unless one is configured") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    GuestRun alone{.name = "smp",
                   .isa = isa};  // which fails without a second vCPU, and asks for a reset
    auto config = config_of(alone);
    config.vms.front().cpu_num = 1;
    config.sim = {};
    config.sim.isa = isa;
    config.sim.memory_base = hal_sim::default_memory_base(isa);
    Outcome outcome;
    const auto host = boot(config, alone, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->run({.instructions = 1'000'000}).kind == StopKind::InstructionLimit);
    const std::string& said = host->console(kVm).output();
    // What a life says it says again, to the letter.
    const std::string life = said.substr(0, said.find("this guest needs") + 1);
    REQUIRE(life.size() > 1);
    const std::size_t next = said.find(life, 1);
    REQUIRE(next != std::string::npos);
    REQUIRE(said.size() > 20 * next);
    for (std::size_t at = next; at + next <= said.size(); at += next) {
      REQUIRE(said.compare(at, next, said, 0, next) == 0);
    }
  }
}

TEST_CASE("reset: what a guest asks for is granted as often as configured") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    GuestRun alone{.name = "smp",
                   .isa = isa};  // which fails without a second vCPU, and asks for a reset
    auto config = config_of(alone);
    config.vms.front().cpu_num = 1;
    config.sim.max_resets = 2;
    Outcome outcome;
    const auto host = boot(config, alone, outcome);
    REQUIRE(host != nullptr);
    const auto reason = host->run({.instructions = 50'000'000});
    CHECK(reason.kind == StopKind::ResetRequested);
    CHECK(reason.text == "vm1: guest asked for reset after 2 resets");
    std::size_t lives = 0;
    const std::string& said = host->console(kVm).output();
    for (std::size_t at = 0; (at = said.find("this guest needs", at)) != std::string::npos; ++at) {
      ++lives;
    }
    CHECK(lives == 3);
  }
}

TEST_CASE("stop: the other VM goes on") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    GuestRun both{.name = "hello", .isa = isa};
    auto config = config_of(both);
    config.vms.push_back(config_of({.name = "ipi", .isa = isa}).vms.front());
    config.vms.back().id = 2;
    Outcome outcome;
    const auto host = boot(config, both, outcome);
    REQUIRE(host != nullptr);
    REQUIRE(host->stop_vm(VmId(2)).has_value());
    CHECK(host->run({.instructions = 50'000'000}).kind == StopKind::PoweredOff);
    CHECK(host->console(kVm).output().starts_with("Hello"));
    CHECK(host->console(VmId(2)).output().empty());
    CHECK(host->stop_vm(VmId(3)).error() == "there is no VM 3");
  }
}

TEST_CASE("interrupts from outside end WFI, across VMs") {
  GuestRun waiting{.name = "hello", .kernel = "guests/aarch64/bench/wfi.bin"};
  auto config = config_of(waiting);
  config.vms.push_back(config_of(waiting).vms.front());
  config.vms.back().id = 2;
  Outcome outcome;
  const auto host = boot(config, waiting, outcome);
  REQUIRE(host != nullptr);
  CHECK(host->run().kind == StopKind::WaitsForever);
  const std::uint64_t before = host->instructions_of(VmId(2), VcpuId(0));
  REQUIRE(host->inject_interrupt(VmId(2), VcpuId(0), 40).has_value());
  CHECK(host->run().kind == StopKind::WaitsForever);
  CHECK(host->instructions_of(VmId(2), VcpuId(0)) > before);
  CHECK(host->inject_interrupt(VmId(2), VcpuId(7), 40).error() ==
        "inject_interrupt: the VM has no vCPU of this number");
}
