// What a VM takes it gives back, and running takes nothing.
#include <doctest/doctest.h>

#include <hal-sim/arch/aarch64/platform.hpp>
#include <hal-sim/backends/backends.hpp>
#include <hal-sim/config/lent_vm_config.hpp>
#include <hal-sim/load/load_plan.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using namespace axvm::hal_sim;

namespace {

// A machine with one CPU, and nothing on it yet.
class BareMachine {
 public:
  BareMachine() {
    auto made = sim::aarch64::Machine::create({{.ram = {{0x4000'0000, 128ULL << 20}}}});
    REQUIRE(made.has_value());
    machine_ = std::move(*made);
    hal_ = std::make_unique<hal_sim::aarch64::Hal>(*machine_, choices_, trace_);
    REQUIRE(hal_->enable_cpu().has_value());
    cpu().set_turn_end(1'000'000'000);
  }

  /// Booted; backends of its devices are as configured, and stay until the next one is made.
  Ref<VmBase> make(const MachineConfig& config) {
    auto backends = Backends::create(config, {}, choices_, [] { return std::uint64_t{0}; });
    REQUIRE(backends.has_value());
    backends_ = std::move(*backends);
    backends_->for_each([&](VmId vm, std::size_t device, const DeviceBackend& backend) {
      hal_->set_backend(vm, device, backend);
    });
    const auto plan = plan_load(config.vms.front(), ImageSearch{{AXVM_BUILD_DIR}}, Isa::Aarch64);
    REQUIRE(plan.has_value());
    const LentVmConfig lent(config.vms.front());
    auto vm = hal_->create_vm(lent.view());
    REQUIRE(vm.has_value());
    REQUIRE(load(**vm, *plan).has_value());
    REQUIRE((*vm)->boot().has_value());
    return std::move(*vm);
  }
  [[nodiscard]] SimHal& hal() { return *hal_; }
  [[nodiscard]] sim::aarch64::Pcpu& cpu() { return machine_->pcpu(0); }

 private:
  DeterministicChoices choices_{1'000};
  Trace trace_;
  std::unique_ptr<sim::aarch64::Machine> machine_;
  std::unique_ptr<Backends> backends_;
  std::unique_ptr<hal_sim::aarch64::Hal> hal_;
};

}  // namespace

TEST_CASE("allocation: a VM that is gone has left no frame and no byte behind") {
  BareMachine machine;
  {
    const auto vm = machine.make(config_of({.name = "lazy"}));
    const auto exit = vm->run_vcpu(VcpuId(0));
    REQUIRE(exit.has_value());
    CHECK(std::holds_alternative<exit_reason::SystemDown>(*exit));
    CHECK(machine.hal().frames().taken() > 1'000);
    CHECK(machine.hal().allocated_bytes() > 0);
  }
  CHECK(machine.hal().frames().taken() == 0);
  CHECK(machine.hal().allocated_bytes() == 0);
}

TEST_CASE("allocation: VMs that are destroyed in mid-run leave no frame and no byte behind") {
  struct Guest {
    std::string name;
    std::string_view written;
  };
  for (const auto& [name, written] : {Guest{"hello", "Hello"}, Guest{"virtio", "split queues"}}) {
    CAPTURE(name);
    const MachineConfig config = config_of({.name = name});
    BareMachine machine;
    for (unsigned i = 0; i < 10; ++i) {
      {
        const auto vm = machine.make(config);
        const std::string& console = machine.hal().console(vm->id()).output();
        const std::size_t begin = console.size();
        while (console.find(written, begin) == std::string::npos) {
          machine.cpu().set_instruction_limit(machine.cpu().instructions() + 100);
          const auto exit = vm->run_vcpu(VcpuId(0));
          REQUIRE(exit.has_value());
          REQUIRE(std::holds_alternative<exit_reason::ExternalInterrupt>(*exit));
        }
        CHECK(machine.hal().frames().taken() > 0);
        CHECK(machine.hal().allocated_bytes() > 0);
      }
      CHECK(machine.hal().frames().taken() == 0);
      CHECK(machine.hal().allocated_bytes() == 0);
    }
  }
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
