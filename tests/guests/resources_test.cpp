// What a VM takes it gives back, and running takes nothing.
#include <doctest/doctest.h>

#include <core/vm/axvm.hpp>
#include <hal-sim/config/lent_vm_config.hpp>
#include <hal-sim/load/load_plan.hpp>
#include <hal-sim/sim_hal.hpp>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using namespace axvm::hal_sim;

TEST_CASE("allocation: a VM that is gone has left no frame and no byte behind") {
  const MachineConfig config = config_of({.name = "lazy"});
  auto machine = sim::Machine::create({.ram = {{0x4000'0000, 128ULL << 20}}});
  REQUIRE(machine.has_value());
  DeterministicChoices choices(1'000);
  Trace trace;
  SimHal hal(**machine, choices, trace);
  REQUIRE(hal.this_cpu().hardware_enable().has_value());
  {
    const auto plan = plan_load(config.vms.front(), ImageSearch{{AXVM_BUILD_DIR}});
    REQUIRE(plan.has_value());
    const LentVmConfig lent(config.vms.front());
    auto vm = AxVM<SimHal, SimCpu>::create(hal, lent.view());
    REQUIRE(vm.has_value());
    REQUIRE(load(**vm, *plan).has_value());
    REQUIRE((*vm)->boot().has_value());
    (*machine)->pcpu(0).set_turn_end(1'000'000'000);
    const auto exit = (*vm)->run_vcpu(VcpuId(0));
    REQUIRE(exit.has_value());
    CHECK(std::holds_alternative<exit_reason::SystemDown>(*exit));
    CHECK(hal.frames().taken() > 1'000);
    CHECK(hal.allocated_bytes() > 0);
  }
  CHECK(hal.frames().taken() == 0);
  CHECK(hal.allocated_bytes() == 0);
}

TEST_CASE("allocation: a running vCPU allocates no memory of the VMM") {
  for (const char* name : {"smp", "virtio"}) {
    CAPTURE(name);
    Outcome outcome;
    const auto host = boot({.name = name}, outcome);
    REQUIRE(host != nullptr);
    const std::uint64_t before = host->hal().allocations();
    CHECK(host->run().kind == StopKind::PoweredOff);
    CHECK(host->hal().allocations() == before);
  }
}
