// Each guest runs to power-off and says what it should.
#include <doctest/doctest.h>

#include <cstdio>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::StopKind;

TEST_CASE("hello prints one line and powers off") {
  const Outcome outcome = run({.name = "hello"});
  CHECK(outcome.reason.kind == StopKind::PoweredOff);
  CHECK(outcome.console == "Hello from EL1: a guest on the AxVM core.\r\n");
}

TEST_CASE("every guest's own checks hold") {
  for (const char* name : {"mmio", "mmio_forms", "hvc", "sysreg", "paging", "lazy", "smp",
                           "selfmod", "demand", "permissions", "corpus", "spinlock", "unknown",
                           "timer", "ipi", "its", "gicv2", "fpsimd", "virtio"}) {
    CAPTURE(name);
    const Outcome outcome = run({.name = name});
    CHECK(outcome.reason.kind == StopKind::PoweredOff);
    INFO(outcome.console);
    CHECK(outcome.console.ends_with(std::string(name) + ": PASS\r\n"));
  }
}

TEST_CASE("ivc: two VMs count on memory that they share, on one pCPU or two") {
  for (const unsigned pcpus : {1U, 2U}) {
    CAPTURE(pcpus);
    const GuestRun first{.name = "ivc-publisher", .turn_instructions = 500, .pcpus = pcpus};
    auto config = config_of(first);
    config.vms.push_back(config_of({.name = "ivc-subscriber"}).vms.front());
    Outcome outcome;
    const auto host = boot(config, first, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->run({.instructions = 2'000'000}).kind == StopKind::PoweredOff);
    CHECK(host->console(VmId(1)).output() == "ivc: VM 1\r\nivc: PASS\r\n");
    CHECK(host->console(VmId(2)).output() == "ivc: VM 2\r\nivc: PASS\r\n");
  }
}

TEST_CASE("smp: both vCPUs count, on one pCPU as on two") {
  for (const unsigned pcpus : {1U, 2U, 4U}) {
    CAPTURE(pcpus);
    const Outcome outcome = run({.name = "smp", .pcpus = pcpus});
    CHECK(outcome.reason.kind == StopKind::PoweredOff);
    CHECK(outcome.console.find("2 CPUs counted to 20000") != std::string::npos);
  }
}

TEST_CASE("smp: turns of any length give the right sum") {
  for (const std::uint64_t turn : {100ULL, 777ULL, 5'000ULL}) {
    CAPTURE(turn);
    const Outcome outcome = run({.name = "smp", .turn_instructions = turn});
    CHECK(outcome.console.find("2 CPUs counted to 20000") != std::string::npos);
  }
}

TEST_CASE("selfmod: the checker reports the one change without maintenance, and nothing else") {
  Outcome outcome;
  const auto host = boot({.name = "selfmod", .traced = true}, outcome);
  REQUIRE(host != nullptr);
  CHECK(host->run().kind == StopKind::PoweredOff);
  const auto statistics = host->statistics();
  CHECK(statistics.machine.unmaintained_lines == 1);
  REQUIRE(statistics.unmaintained_pc.has_value());
  char place[80];
  std::snprintf(place, sizeof place, "selfmod: changed without maintenance: 0x%llx\r\n",
                static_cast<unsigned long long>(*statistics.unmaintained_pc));
  const std::string console = host->console(host->vm(0).id()).output();
  INFO(console);
  CHECK(console.find(place) != std::string::npos);
  CHECK(outcome.trace_text.find("code run without instruction cache maintenance") !=
        std::string::npos);
}

TEST_CASE("no other guest runs code without maintenance") {
  for (const char* name : {"paging", "smp", "demand", "permissions", "spinlock"}) {
    CAPTURE(name);
    Outcome outcome;
    const auto host = boot({.name = name}, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->run().kind == StopKind::PoweredOff);
    CHECK(host->statistics().machine.unmaintained_lines == 0);
  }
}

TEST_CASE("spinlock: four vCPUs agree on any number of pCPUs, in turns of any length") {
  for (const unsigned pcpus : {1U, 2U, 3U, 4U}) {
    for (const std::uint64_t turn : {100ULL, 777ULL, 20'000ULL}) {
      CAPTURE(pcpus);
      CAPTURE(turn);
      const Outcome outcome = run({.name = "spinlock", .turn_instructions = turn, .pcpus = pcpus});
      INFO(outcome.console);
      CHECK(outcome.console.ends_with("spinlock: PASS\r\n"));
    }
  }
}

TEST_CASE("a guest that fails asks for a reset, which is no power-off") {
  GuestRun alone{.name = "smp"};
  auto config = config_of(alone);
  config.vms.front().cpu_num = 1;
  Outcome outcome;
  const auto host = boot(config, alone, outcome);
  REQUIRE(host != nullptr);
  CHECK(host->run().kind == StopKind::ResetRequested);
  CHECK(host->run().kind == StopKind::ResetRequested);
}
