#include <doctest/doctest.h>
#include <core/vcpu/per_cpu.hpp>
#include <core/vcpu/state_machine.hpp>
#include <tests/core/fake_hal.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

using TestVcpu = VCpu<FakeCpu>;
const aarch64::VmControls kControls{0x8004'3594, 3ULL << 48 | 0x4000'0000};

}  // namespace

TEST_CASE("vcpu: to Running and back to Free, step by step or at once") {
  VCpuStateMachine vcpu;
  REQUIRE(vcpu.setup().has_value());
  CHECK(vcpu.state() == VCpuState::Free);
  REQUIRE(vcpu.bind().has_value());
  CHECK(vcpu.state() == VCpuState::Ready);
  REQUIRE(vcpu.enter().has_value());
  CHECK(vcpu.state() == VCpuState::Running);
  REQUIRE(vcpu.leave().has_value());
  REQUIRE(vcpu.unbind().has_value());
  REQUIRE(vcpu.block().has_value());
  CHECK(vcpu.state() == VCpuState::Blocked);
  REQUIRE(vcpu.unblock().has_value());
  CHECK(vcpu.state() == VCpuState::Free);
  REQUIRE(vcpu.acquire().has_value());
  CHECK(vcpu.state() == VCpuState::Running);
  vcpu.release();
  CHECK(vcpu.state() == VCpuState::Free);
}

TEST_CASE("vcpu: every call from every wrong state is BadState, and nothing changes") {
  using Call = Result<> (VCpuStateMachine::*)();
  const struct {
    Call call;
    VCpuState from;
  } calls[] = {{&VCpuStateMachine::setup, VCpuState::Created},
               {&VCpuStateMachine::bind, VCpuState::Free},
               {&VCpuStateMachine::enter, VCpuState::Ready},
               {&VCpuStateMachine::leave, VCpuState::Running},
               {&VCpuStateMachine::unbind, VCpuState::Ready},
               {&VCpuStateMachine::acquire, VCpuState::Free},
               {&VCpuStateMachine::block, VCpuState::Free},
               {&VCpuStateMachine::unblock, VCpuState::Blocked}};
  const auto in_state = [](VCpuStateMachine& vcpu, VCpuState state) {
    if (state == VCpuState::Invalid) return vcpu.invalidate();
    if (state == VCpuState::Created) return;
    REQUIRE(vcpu.setup().has_value());
    if (state == VCpuState::Blocked) REQUIRE(vcpu.block().has_value());
    if (state == VCpuState::Ready || state == VCpuState::Running) REQUIRE(vcpu.bind().has_value());
    if (state == VCpuState::Running) REQUIRE(vcpu.enter().has_value());
  };
  for (const auto& [call, from] : calls) {
    for (int s = 0; s <= 5; ++s) {
      VCpuStateMachine vcpu;
      in_state(vcpu, static_cast<VCpuState>(s));
      const auto result = (vcpu.*call)();
      CHECK(result.has_value() == (static_cast<VCpuState>(s) == from));
      if (!result) {
        CHECK(result.error().kind == ErrorKind::BadState);
        CHECK(vcpu.state() == static_cast<VCpuState>(s));
      }
    }
  }
}

TEST_CASE("a binding leaves the vcpu free, and is refused while another holds it") {
  VCpuStateMachine vcpu;
  REQUIRE(vcpu.setup().has_value());
  {
    auto binding = VCpuBinding::bind(vcpu);
    REQUIRE(binding.has_value());
    CHECK(vcpu.state() == VCpuState::Running);
    CHECK_FALSE(VCpuBinding::bind(vcpu).has_value());
    CHECK(vcpu.state() == VCpuState::Running);
  }
  CHECK(vcpu.state() == VCpuState::Free);
}

TEST_CASE("only one caller powers a vcpu on") {
  TestVcpu vcpu(VmId(1), VcpuId(1), 1, 1);
  CHECK(vcpu.claim_power_on());
  CHECK(vcpu.power() == PowerState::OnPending);
  CHECK_FALSE(vcpu.claim_power_on());
  vcpu.power_on();
  CHECK_FALSE(vcpu.claim_power_on());
  vcpu.power_off();
  CHECK(vcpu.claim_power_on());
}

TEST_CASE("per-cpu hardware is enabled once and disabled once") {
  FakeCpu hardware;
  PerCpu<FakeCpu> cpu(PcpuId(2), hardware);
  CHECK(cpu.id() == PcpuId(2));
  CHECK(cpu.hardware_disable().error().kind == ErrorKind::BadState);
  REQUIRE(cpu.hardware_enable().has_value());
  CHECK(cpu.is_enabled());
  CHECK(cpu.hardware_enable().error().kind == ErrorKind::BadState);
  REQUIRE(cpu.hardware_disable().has_value());
  CHECK_FALSE(cpu.is_enabled());

  hardware.set(SysReg::ID_AA64MMFR0_EL1, 0xf000'1124);  // no 4 KiB granule
  CHECK(cpu.hardware_enable().error().kind == ErrorKind::Unsupported);
  CHECK_FALSE(cpu.is_enabled());
}

TEST_CASE("registers move only when a cpu takes another vcpu") {
  FakeCpu hardware;
  PerCpu<FakeCpu> cpu(PcpuId(0), hardware);
  TestVcpu a(VmId(3), VcpuId(0), 0, 1);
  TestVcpu b(VmId(3), VcpuId(1), 0x101, 1);
  a.context().reset(GuestPhysAddr(0x1000), 0xaa);
  b.context().reset(GuestPhysAddr(0x2000), 0xbb);

  REQUIRE(cpu.load(a, kControls).has_value());
  CHECK(hardware.get(SysReg::ELR_EL2) == 0x1000);
  CHECK(hardware.get(SysReg::SPSR_EL2) == 0x3c5);
  CHECK(hardware.get(SysReg::SCTLR_EL1) == 0x30c5'0830);
  CHECK(hardware.get(SysReg::VMPIDR_EL2) == 0x8000'0000);
  CHECK(hardware.get(SysReg::VPIDR_EL2) == hardware.get(SysReg::MIDR_EL1));
  CHECK(hardware.get(SysReg::VTTBR_EL2) == kControls.vttbr);
  CHECK(hardware.get(SysReg::HCR_EL2) == aarch64::kGuestHcr);
  CHECK(hardware.gprs[0] == 0xaa);

  hardware.gprs[7] = 77;
  hardware.set(SysReg::TTBR0_EL1, 0x5000);
  hardware.set(SysReg::ELR_EL2, 0x1004);
  const unsigned reads = hardware.reads;
  REQUIRE(cpu.load(a, kControls).has_value());
  CHECK(hardware.reads == reads);

  CHECK(hardware.maintenance.empty());
  REQUIRE(cpu.load(b, kControls).has_value());
  CHECK(a.residence() == nullptr);
  CHECK(hardware.gprs[7] == 0);
  CHECK(hardware.get(SysReg::TTBR0_EL1) == 0);
  CHECK(hardware.get(SysReg::VMPIDR_EL2) == 0x8000'0101);
  // Another vCPU of the same VM must not see the first one's stage-1 translations.
  CHECK(hardware.maintenance == std::vector<std::string>{"vmalle1is@3"});

  REQUIRE(cpu.load(a, kControls).has_value());
  CHECK(hardware.gprs[7] == 77);
  CHECK(hardware.get(SysReg::TTBR0_EL1) == 0x5000);
  CHECK(hardware.get(SysReg::ELR_EL2) == 0x1004);
}

TEST_CASE("a vcpu whose registers are in one cpu cannot be loaded by another") {
  FakeCpu first, second;
  PerCpu<FakeCpu> a(PcpuId(0), first);
  PerCpu<FakeCpu> b(PcpuId(1), second);
  {
    TestVcpu vcpu(VmId(1), VcpuId(0), 0, 3);
    REQUIRE(a.load(vcpu, kControls).has_value());
    CHECK(b.load(vcpu, kControls).error().kind == ErrorKind::ResourceBusy);
    first.gprs[1] = 42;
    a.unload();
    REQUIRE(b.load(vcpu, kControls).has_value());
    CHECK(second.gprs[1] == 42);
  }
  CHECK(b.resident() == nullptr);  // the vCPU is gone; so is what the CPU knew of it
}
