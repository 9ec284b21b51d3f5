// What Host::run promises its caller.
#include <doctest/doctest.h>

#include <atomic>
#include <hal-sim/trace/json_sink.hpp>
#include <span>
#include <vector>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::Host;
using hal_sim::Isa;
using hal_sim::StopKind;
using hal_sim::StopReason;

namespace {

constexpr VmId kVm{1};
constexpr VcpuId kFirst{0};

}  // namespace

TEST_CASE("a run stops at exactly the instruction that was named") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    Outcome outcome;
    const auto host = boot({.name = "hello", .isa = isa}, outcome);
    REQUIRE(host != nullptr);
    for (const std::uint64_t target : {1ULL, 2ULL, 3ULL, 100ULL, 1'036ULL, 5'000ULL}) {
      CHECK(host->run({.instructions = target}).kind == StopKind::InstructionLimit);
      CHECK(host->statistics().instructions == target);
    }
    CHECK(host->run({.instructions = 5'000}).kind == StopKind::InstructionLimit);
    CHECK(host->statistics().instructions == 5'000);
  }
}

TEST_CASE("a run stops at exactly the instruction of one vCPU") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    Outcome outcome;
    const auto host = boot({.name = "smp", .isa = isa}, outcome);
    REQUIRE(host != nullptr);
    const StopReason reason = host->run({.vcpu = {{kVm, VcpuId(1), 1'234}}});
    CHECK(reason.kind == StopKind::VcpuReached);
    CHECK(host->instructions_of(kVm, VcpuId(1)) == 1'234);
  }
}

TEST_CASE("a run stops at a guest time") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    Outcome outcome;
    const auto host = boot({.name = "hello", .isa = isa}, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->run({.time_ns = 2'000}).kind == StopKind::TimeReached);
    CHECK(host->statistics().time_ns == 2'000);
  }
}

TEST_CASE("what the host writes over code that has run is what runs next") {
  Outcome outcome;
  const auto host = boot({.name = "hello"}, outcome);
  REQUIRE(host != nullptr);
  const auto put = [&](std::uint64_t gpa, const std::vector<std::uint32_t>& code) {
    const auto bytes = std::as_bytes(std::span(code));
    return host->vm(0).write_to_guest(GuestPhysAddr(gpa), bytes).has_value();
  };
  // The run stops in the caller; the function is in another page, which a stop leaves alone.
  constexpr std::uint64_t kCaller = 0x4008'0000;
  constexpr std::uint64_t kFunction = kCaller + 0x1000;
  REQUIRE(put(kCaller, {0x94000400, 0x17ffffff}));    // bl kFunction; b kCaller
  REQUIRE(put(kFunction, {0xd503201f, 0xd65f03c0}));  // nop; ret
  REQUIRE(host->run({.instructions = 10'000}).kind == StopKind::InstructionLimit);
  // PSCI SYSTEM_OFF: movz w0, #8; movk w0, #0x8400, lsl #16; hvc #0
  REQUIRE(put(kFunction, {0x52800100, 0x72b08000, 0xd4000002}));
  CHECK(host->run({.instructions = 20'000}).kind == StopKind::PoweredOff);
}

TEST_CASE("what the host writes over RISC-V code that has run is what runs next") {
  Outcome outcome;
  const auto host = boot({.name = "hello", .isa = Isa::Riscv64}, outcome);
  REQUIRE(host != nullptr);
  const auto put = [&](std::uint64_t gpa, const std::vector<std::uint32_t>& code) {
    const auto bytes = std::as_bytes(std::span(code));
    return host->vm(0).write_to_guest(GuestPhysAddr(gpa), bytes).has_value();
  };
  constexpr std::uint64_t kCaller = 0x8020'0000;
  constexpr std::uint64_t kFunction = kCaller + 0x1000;
  REQUIRE(put(kCaller, {0x000010ef, 0xffdff06f}));    // jal ra, kFunction; j kCaller
  REQUIRE(put(kFunction, {0x00000013, 0x00008067}));  // nop; ret
  REQUIRE(host->run({.instructions = 10'000}).kind == StopKind::InstructionLimit);
  // The legacy SBI's shutdown: li a7, 8; ecall
  REQUIRE(put(kFunction, {0x00800893, 0x00000073}));
  CHECK(host->run({.instructions = 20'000}).kind == StopKind::PoweredOff);
}

TEST_CASE("a run stops right after the console said what was waited for") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    Outcome outcome;
    const auto host = boot({.name = "hello", .isa = isa}, outcome);
    REQUIRE(host != nullptr);
    hal_sim::StopCondition until;
    until.console = {kVm, [](std::string_view output) { return output.ends_with("Hello"); }};
    CHECK(host->run(until).kind == StopKind::ConsoleMatched);
    CHECK(host->console(kVm).output() == "Hello");
    CHECK(host->run().kind == StopKind::PoweredOff);
    CHECK(host->console(kVm).output().ends_with(": a guest on the AxVM core.\r\n"));
  }
}

TEST_CASE("a guest that only waits is reported, and input wakes it") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    Outcome outcome;
    const auto host = boot({.name = "hello", .kernel = waiting_kernel(isa), .isa = isa}, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->run().kind == StopKind::WaitsForever);
    const std::uint64_t before = host->statistics().instructions;
    CHECK(host->run().kind == StopKind::WaitsForever);
    CHECK(host->statistics().instructions == before);
    host->send(kVm, "x");
    CHECK(host->run().kind == StopKind::WaitsForever);
    CHECK(host->statistics().instructions > before);
  }
}

TEST_CASE("a run that is interrupted stops between turns and can go on") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const GuestRun hello{.name = "hello", .turn_instructions = 50, .isa = isa};
    const Outcome whole = run(hello);
    Outcome outcome;
    const auto host = boot(hello, outcome);
    REQUIRE(host != nullptr);
    std::atomic<bool> interrupt = false;
    hal_sim::StopCondition until;
    until.interrupt = &interrupt;
    // From inside the guest's turn, as a signal would.
    until.console = {kVm, [&](std::string_view output) {
                       interrupt = !output.empty();
                       return false;
                     }};
    CHECK(host->run(until).kind == StopKind::Interrupted);
    CHECK(host->statistics().instructions < whole.instructions);
    CHECK(host->run(until).kind == StopKind::Interrupted);
    collect(*host, host->run(), outcome);
    CHECK(outcome.reason.kind == StopKind::PoweredOff);
    CHECK(outcome.hash == whole.hash);
    CHECK(outcome.instructions == whole.instructions);
  }
}

TEST_CASE("after the end a run does nothing") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    Outcome outcome;
    const auto host = boot({.name = "hello", .isa = isa}, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->run().kind == StopKind::PoweredOff);
    const std::string hash = host->state_hash();
    CHECK(host->run().kind == StopKind::PoweredOff);
    CHECK(host->state_hash() == hash);
  }
}

TEST_CASE("two VMs on one machine end like each alone, on own or shared pCPUs") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const Outcome hello = run({.name = "hello", .isa = isa});
    const Outcome mmio = run({.name = "mmio", .isa = isa});
    for (const unsigned pcpus : {1U, 2U}) {
      CAPTURE(pcpus);
      GuestRun both{.name = "hello", .turn_instructions = 300, .pcpus = pcpus, .isa = isa};
      auto config = config_of(both);
      config.vms.push_back(config_of({.name = "mmio", .isa = isa}).vms.front());
      config.vms.back().id = 2;
      Outcome outcome;
      const auto host = boot(config, both, outcome);
      REQUIRE(host != nullptr);
      CHECK(host->run({.instructions = 1'000'000}).kind == StopKind::PoweredOff);
      CHECK(host->console(VmId(1)).output() == hello.console);
      CHECK(host->console(VmId(2)).output() == mmio.console);
      CHECK(host->instructions_of(VmId(1), kFirst) == hello.instructions);
      CHECK(host->instructions_of(VmId(2), kFirst) == mmio.instructions);
    }
  }
}

TEST_CASE("affinity masks decide the pCPU") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    GuestRun masked{.name = "smp", .pcpus = 3, .isa = isa};
    auto config = config_of(masked);
    config.vms.front().phys_cpu_sets = {0b100, 0b010};
    Outcome outcome;
    const auto host = boot(config, masked, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->pcpu_of(kVm, VcpuId(0)) == 2);
    CHECK(host->pcpu_of(kVm, VcpuId(1)) == 1);
    CHECK_FALSE(host->pcpu_of(kVm, VcpuId(2)).has_value());
    CHECK(host->run().kind == StopKind::PoweredOff);
    CHECK(host->machine().pcpu(0).instructions() == 0);
  }
}

TEST_CASE("a mask without an existing pCPU is an error at its place in the file") {
  GuestRun masked{.name = "smp", .pcpus = 2};
  auto config = config_of(masked);
  config.vms.front().phys_cpu_sets = {1, 0b1000};
  hal_sim::HostOptions options;
  options.images.directories = {AXVM_BUILD_DIR};
  const auto host = Host::create(config, std::move(options));
  REQUIRE_FALSE(host.has_value());
  CHECK(to_string(host.error().front())
            .ends_with("base.phys_cpu_sets[1]: is 0x8, but the machine has 2 pCPUs"));
}

TEST_CASE("a missing image is one line that names the key") {
  auto config = config_of({.name = "hello"});
  config.vms.front().kernel_path = "no-such.bin";
  const auto host = Host::create(config);
  REQUIRE_FALSE(host.has_value());
  CHECK(to_string(host.error().front()).find("kernel.kernel_path: \"no-such.bin\" is neither in") !=
        std::string::npos);
}

TEST_CASE("loading registers does not run the guest") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    Outcome outcome;
    const auto host = boot({.name = "smp", .isa = isa}, outcome);
    REQUIRE(host != nullptr);
    CHECK(host->load_registers(kVm, kFirst));
    CHECK(host->statistics().instructions == 0);
    CHECK_FALSE(host->load_registers(kVm, VcpuId(1)));  // off
    CHECK_FALSE(host->load_registers(kVm, VcpuId(9)));
  }
}
