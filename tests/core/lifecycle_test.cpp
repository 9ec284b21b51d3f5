#include <doctest/doctest.h>

#include <core/vm/lifecycle.hpp>
#include <map>
#include <tests/core/vm_fixture.hpp>
#include <utility>

using namespace axvm;
using namespace axvm::test;

namespace {

constexpr VmStatus kStates[] = {VmStatus::Ready,     VmStatus::Running,    VmStatus::Pausing,
                                VmStatus::Paused,    VmStatus::Stopping,   VmStatus::Stopped,
                                VmStatus::Preparing, VmStatus::Destroying, VmStatus::Destroyed};
constexpr VmStep kSteps[] = {
    VmStep::Start,   VmStep::Pause,         VmStep::FinishPause,  VmStep::Resume,
    VmStep::Stop,    VmStep::FinishStop,    VmStep::Prepare,      VmStep::FinishPrepare,
    VmStep::Destroy, VmStep::FinishDestroy, VmStep::AbortPrepare,
};

constexpr auto kLoadNothing = [](VmBase&) -> Result<> { return {}; };

// A guest of two vCPUs in memory that has been written to.
struct LifeFixture : VmFixture {
  std::byte byte{};

  TestVm& vm_of() { return **vm; }
  VCpuState state_of(std::uint32_t vcpu) { return vm_of().vcpu_status(VcpuId(vcpu))->state; }
  // On its next entry CPU 0 does this, as if from another CPU, and then takes an interrupt.
  template <class F>
  void from_another_cpu(F&& act) {
    cpu().script.push_back([this, act](FakeCpu&) {
      const std::uint32_t inside = std::exchange(hal.here, 1);
      act();
      hal.here = inside;
      return Vector::Irq;
    });
  }
  std::byte memory_at(std::uint64_t gpa) {
    REQUIRE(vm_of().read_from_guest(GuestPhysAddr(gpa), {&byte, 1}).has_value());
    return byte;
  }
};

}  // namespace

TEST_CASE("lifecycle: only these steps lead anywhere, the rest changes nothing") {
  using enum VmStatus;
  const std::map<std::pair<VmStep, VmStatus>, VmStatus> table{
      {{VmStep::Start, Ready}, Running},
      {{VmStep::Pause, Running}, Pausing},
      {{VmStep::FinishPause, Pausing}, Paused},
      {{VmStep::Resume, Paused}, Running},
      {{VmStep::Stop, Ready}, Stopped},
      {{VmStep::Stop, Running}, Stopping},
      {{VmStep::Stop, Pausing}, Stopping},
      {{VmStep::Stop, Paused}, Stopping},
      {{VmStep::Stop, Stopping}, Stopping},
      {{VmStep::Stop, Stopped}, Stopped},
      {{VmStep::FinishStop, Stopping}, Stopped},
      {{VmStep::Prepare, Ready}, Preparing},
      {{VmStep::Prepare, Stopped}, Preparing},
      {{VmStep::FinishPrepare, Preparing}, Ready},
      {{VmStep::AbortPrepare, Preparing}, Stopped},
      {{VmStep::Destroy, Ready}, Destroying},
      {{VmStep::Destroy, Stopped}, Destroying},
      {{VmStep::Destroy, Destroyed}, Destroyed},
      {{VmStep::FinishDestroy, Destroying}, Destroyed},
  };
  for (const VmStatus from : kStates) {
    for (const VmStep step : kSteps) {
      CAPTURE(to_string(from));
      const auto to = next_status(from, step);
      const auto expected = table.find({step, from});
      REQUIRE(to.has_value() == (expected != table.end()));
      if (to) {
        CHECK(*to == expected->second);
      } else {
        CHECK(to.error().kind == ErrorKind::BadState);
        CHECK(to.error().detail.starts_with("the VM is "));
      }
    }
  }
}

TEST_CASE("lifecycle: start, pause, resume, stop, destroy") {
  LifeFixture f;
  TestVm& vm = f.start();
  REQUIRE(vm.pause().has_value());
  CHECK(vm.status() == VmStatus::Paused);
  REQUIRE(vm.resume().has_value());
  CHECK(vm.running());
  REQUIRE(vm.stop(VmStopReason::Clean).has_value());
  CHECK(vm.status() == VmStatus::Stopped);
  REQUIRE(vm.destroy().has_value());
  CHECK(vm.status() == VmStatus::Destroyed);
  std::string told;
  for (const auto& change : f.hal.events_of<StateChanged>())
    told += std::string(change.state) + " ";
  CHECK(told == "pausing paused running stopping stopped destroying destroyed ");
}

TEST_CASE("lifecycle: invalid calls are refused and change nothing") {
  LifeFixture f;
  TestVm& vm = f.start();
  CHECK(vm.start().error() == Error{ErrorKind::BadState, "start", "the VM is running"});
  CHECK(vm.boot().error().kind == ErrorKind::BadState);
  CHECK(vm.resume().error() == Error{ErrorKind::BadState, "resume", "the VM is running"});
  CHECK(vm.prepare().error().kind == ErrorKind::BadState);
  CHECK(vm.running());
  CHECK(f.hal.events_of<StateChanged>().empty());
  REQUIRE(vm.pause().has_value());
  CHECK(vm.pause().error() == Error{ErrorKind::BadState, "pause", "the VM is paused"});
  CHECK(vm.start().error().kind == ErrorKind::BadState);
  CHECK(vm.status() == VmStatus::Paused);
}

TEST_CASE("lifecycle: the seed's names: boot, running, shutdown, shutting_down") {
  LifeFixture f;
  f.vm.emplace(*f.create());
  TestVm& vm = f.vm_of();
  CHECK(vm.run_vcpu(VcpuId(0)).error().kind == ErrorKind::BadState);
  REQUIRE(vm.boot().has_value());
  CHECK(vm.running());
  CHECK(vm.boot().error().kind == ErrorKind::BadState);
  REQUIRE(vm.shutdown().has_value());
  CHECK(vm.shutting_down());
  CHECK_FALSE(vm.running());
  CHECK(vm.stop_reason() == VmStopReason::Clean);
  CHECK(vm.shutdown().error().kind == ErrorKind::BadState);
  CHECK(vm.run_vcpu(VcpuId(0)).error().kind == ErrorKind::BadState);
}

TEST_CASE("lifecycle: vCPUs are Blocked while the VM is paused, and Free again") {
  LifeFixture f;
  TestVm& vm = f.start();
  REQUIRE(vm.pause().has_value());
  CHECK(f.state_of(0) == VCpuState::Blocked);
  CHECK(f.state_of(1) == VCpuState::Blocked);
  CHECK(vm.run_vcpu(VcpuId(0)).error().kind == ErrorKind::BadState);
  CHECK(f.cpu().entries == 0);
  REQUIRE(vm.resume().has_value());
  CHECK(f.state_of(0) == VCpuState::Free);
  f.run<exit_reason::ExternalInterrupt>();
  // Stopping a paused VM does not leave them Blocked for the next start.
  REQUIRE(vm.pause().has_value());
  REQUIRE(vm.stop(VmStopReason::Forced).has_value());
  CHECK(f.state_of(0) == VCpuState::Free);
}

TEST_CASE("lifecycle: a pause waits for the vCPU that is in the guest, after kicking it") {
  LifeFixture f;
  TestVm& vm = f.start();
  f.hal.cpu(1);
  f.from_another_cpu([&] {
    REQUIRE(vm.pause().has_value());
    CHECK(vm.status() == VmStatus::Pausing);
    CHECK(f.state_of(0) == VCpuState::Running);
    CHECK(f.state_of(1) == VCpuState::Blocked);
    CHECK(f.hal.kicked == std::vector<std::uint32_t>{0});
    CHECK(vm.resume().error().detail == "the VM is pausing: a vCPU is still in the guest");
  });
  REQUIRE(vm.run_vcpu(VcpuId(0)).has_value());
  CHECK(vm.status() == VmStatus::Paused);
  CHECK(f.state_of(0) == VCpuState::Blocked);
}

TEST_CASE("lifecycle: a pause while a vCPU moves to another CPU finds it outside the guest") {
  LifeFixture f;
  TestVm& vm = f.start();
  f.hal.cpu(1);
  f.run<exit_reason::ExternalInterrupt>();
  f.hal.before_call = [&] {
    f.hal.before_call = nullptr;
    REQUIRE(vm.pause().has_value());
    CHECK(vm.status() == VmStatus::Pausing);
  };
  f.hal.here = 1;
  CHECK(vm.run_vcpu(VcpuId(0)).error().kind == ErrorKind::BadState);
  CHECK(f.hal.cpu(1).entries == 0);
  CHECK(vm.status() == VmStatus::Paused);
}

TEST_CASE("lifecycle: a stop, a reset and a destruction wait for the vCPU in the guest") {
  LifeFixture f;
  TestVm& vm = f.start();
  f.hal.cpu(1);
  f.from_another_cpu([&] {
    CHECK(vm.reset(kLoadNothing).error().detail ==
          "the VM is stopping: a vCPU is still in the guest");
    CHECK(vm.status() == VmStatus::Stopping);
    CHECK(vm.destroy().error().kind == ErrorKind::BadState);
    CHECK(f.hal.kicked == std::vector<std::uint32_t>{0});
  });
  REQUIRE(vm.run_vcpu(VcpuId(0)).has_value());
  CHECK(vm.status() == VmStatus::Stopped);
  CHECK(f.state_of(0) == VCpuState::Free);
  CHECK(vm.reset(kLoadNothing).has_value());
}

TEST_CASE("lifecycle: the first reason to stop is kept until the next start") {
  LifeFixture f;
  TestVm& vm = f.start();
  f.call({0x8400'0008, 0, 0, 0});  // SYSTEM_OFF
  f.run<exit_reason::SystemDown>();
  CHECK(vm.status() == VmStatus::Stopped);
  REQUIRE(vm.stop(VmStopReason::Fault).has_value());
  CHECK(vm.stop_reason() == VmStopReason::SystemDown);
  REQUIRE(vm.start().has_value());
  CHECK(vm.stop_reason() == VmStopReason::None);
}

TEST_CASE("lifecycle: a stopped VM starts anew, with its memory as it was") {
  LifeFixture f;
  TestVm& vm = f.start();
  const std::byte mark{0x5a};
  REQUIRE(vm.write_to_guest(GuestPhysAddr(kGuestRam), {&mark, 1}).has_value());
  f.cpu().script.push_back([](FakeCpu& c) {
    c.gprs[0] = 1;
    c.set(SysReg::ELR_EL2, 0x1234);
    return Vector::Irq;
  });
  f.run<exit_reason::ExternalInterrupt>();
  REQUIRE(vm.stop(VmStopReason::Forced).has_value());
  REQUIRE(vm.start().has_value());
  f.run<exit_reason::ExternalInterrupt>();
  CHECK(f.cpu().get(SysReg::ELR_EL2) == kEntry);
  CHECK(f.cpu().gprs[0] == kGuestRam);  // the device tree
  CHECK(f.memory_at(kGuestRam) == mark);
}

TEST_CASE("lifecycle: a reset reloads the images and leaves nothing of the last life") {
  LifeFixture f;
  f.memory.push_back({GuestPhysAddr(FakeHal::kRam + 0x20'0000), 2 * kPageSize, kReadWriteExecute,
                      MapType::Identical});
  TestVm& vm = f.start();
  const std::size_t frames = f.hal.taken.size();
  const std::byte mark{0x5a};
  for (const std::uint64_t gpa : {kGuestRam, kEntry, FakeHal::kRam + 0x20'0000}) {
    REQUIRE(vm.write_to_guest(GuestPhysAddr(gpa), {&mark, 1}).has_value());
  }
  f.call({0xc400'0003, 0x100, kEntry, 7});  // CPU_ON
  f.run<exit_reason::CpuUp>();
  f.hal.cpu(1);
  f.hal.here = 1;
  f.run<exit_reason::ExternalInterrupt>(1);
  f.hal.here = 0;

  const std::byte fresh{0x42};
  REQUIRE(vm.reset([&](VmBase& self) {
              CHECK(self.status() == VmStatus::Preparing);
              return self.write_to_guest(GuestPhysAddr(kEntry), {&fresh, 1});
            }).has_value());
  CHECK(vm.status() == VmStatus::Ready);
  CHECK(f.memory_at(kEntry) == fresh);
  CHECK(f.memory_at(kGuestRam) == std::byte{0});
  CHECK(f.memory_at(FakeHal::kRam + 0x20'0000) == std::byte{0});
  CHECK(f.hal.taken.size() <= frames + 3);  // the entry's page and the tables that lead there
  CHECK(vm.vcpu_status(VcpuId(0))->power == PowerState::On);
  CHECK(vm.vcpu_status(VcpuId(1))->power == PowerState::Off);
  CHECK(f.hal.per_cpu(1).resident() == nullptr);
  REQUIRE(vm.start().has_value());
  f.run<exit_reason::ExternalInterrupt>();
  CHECK(f.cpu().get(SysReg::ELR_EL2) == kEntry);
}

TEST_CASE("lifecycle: a reset whose images cannot be loaded can be tried again") {
  LifeFixture f;
  TestVm& vm = f.start();
  const auto broken = [](VmBase&) -> Result<> {
    return fail(ErrorKind::NotFound, "load", "no such file");
  };
  CHECK(vm.reset(broken).error() == Error{ErrorKind::NotFound, "load", "no such file"});
  CHECK(vm.status() == VmStatus::Stopped);
  CHECK(vm.reset(kLoadNothing).has_value());
  CHECK(vm.start().has_value());
}

TEST_CASE("lifecycle: reset any number of times loses no memory") {
  LifeFixture f;
  TestVm& vm = f.start();
  std::byte data[3 * kPageSize]{};
  std::size_t taken = 0;
  for (int i = 0; i < 5; ++i) {
    REQUIRE(vm.write_to_guest(GuestPhysAddr(kGuestRam + 5), data).has_value());
    if (i == 0) taken = f.hal.taken.size();
    CHECK(f.hal.taken.size() == taken);
    REQUIRE(vm.reset(kLoadNothing).has_value());
    REQUIRE(vm.start().has_value());
  }
  f.vm.reset();
  CHECK(f.hal.balanced());
}

TEST_CASE("lifecycle: destruction takes the VM from every CPU that has had it") {
  LifeFixture f;
  TestVm& vm = f.start();
  f.call({0xc400'0003, 0x100, kEntry, 7});
  f.run<exit_reason::CpuUp>();
  f.hal.cpu(2);
  f.hal.here = 1;
  f.run<exit_reason::ExternalInterrupt>(1);
  f.hal.here = 2;
  for (unsigned i = 0; i < 3; ++i) f.hal.cpu(i).maintenance.clear();
  REQUIRE(vm.destroy().has_value());
  for (unsigned i = 0; i < 2; ++i) {
    CHECK(f.hal.per_cpu(i).resident() == nullptr);
    CHECK(f.hal.cpu(i).get(SysReg::VTTBR_EL2) == 0);
    CHECK(f.hal.cpu(i).maintenance.empty());
  }
  CHECK(f.hal.cpu(2).maintenance == std::vector<std::string>{"vmalls12e1is@5"});
  CHECK(f.hal.taken.empty());
}

TEST_CASE("lifecycle: a destroyed VM answers every call with an error, and destroy with success") {
  LifeFixture f;
  TestVm& vm = f.start();
  REQUIRE(vm.destroy().has_value());
  CHECK(vm.destroy().has_value());
  CHECK(vm.vcpu_num() == 0);
  CHECK(vm.device_count() == 0);
  CHECK(vm.name().empty());
  CHECK(vm.id() == VmId(5));
  CHECK(vm.ept_root() == HostPhysAddr());
  CHECK_FALSE(vm.translate(GuestPhysAddr(kGuestRam)).has_value());
  CHECK_FALSE(vm.vcpu_status(VcpuId(0)).has_value());
  std::byte byte{};
  const auto visit = [](std::span<std::byte>) {};
  for (const Result<>& refused :
       {vm.start(), vm.pause(), vm.resume(), vm.stop(VmStopReason::Clean), vm.prepare(),
        vm.reset(kLoadNothing), vm.shutdown(), vm.read_from_guest(GuestPhysAddr(0), {&byte, 1}),
        vm.write_to_guest(GuestPhysAddr(0), {&byte, 1}),
        vm.get_image_load_region(GuestPhysAddr(0), 1, visit)}) {
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().detail == "the VM is destroyed");
  }
  CHECK(vm.run_vcpu(VcpuId(0)).error().kind == ErrorKind::BadState);
  CHECK(vm.unload_vcpu(VcpuId(0)).error().kind == ErrorKind::InvalidInput);
}

TEST_CASE("lifecycle: run_vcpu leaves the vCPU free on every path") {
  // Upstream left it bound after a device's error, so that the next run failed.
  LifeFixture f;
  TestVm& vm = f.start();
  f.hal.budget = 0;
  f.trap(0x9340'0007 | (1 << 24), kGuestRam, kGuestRam);  // nothing to back lazy memory with
  CHECK(vm.run_vcpu(VcpuId(0)).error().kind == ErrorKind::NoMemory);
  CHECK(f.state_of(0) == VCpuState::Free);
  f.hal.budget.reset();
  CHECK(vm.run_vcpu(VcpuId(0)).has_value());
  CHECK(f.state_of(0) == VCpuState::Free);
}
