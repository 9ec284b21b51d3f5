// A VM whose configuration asks for a GICv2.
#include <core/arch/aarch64/control.hpp>
#include <core/arch/aarch64/gic/list_register.hpp>
#include <tests/core/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::aarch64;
using namespace axvm::test;
using exit_reason::ExternalInterrupt;

namespace {

constexpr std::uint64_t kGicd = 0x800'0000, kGicc = 0x801'0000, kGicv = 0x804'0000;
constexpr std::uint64_t kSgir = kGicd + 0xf00;

struct Gicv2Fixture : VmFixture {
  Gicv2Fixture() {
    config.interrupt_mode = InterruptMode::Emulated;
    devices.push_back({"gic", GuestPhysAddr(kGicd), 0x1'0000, 0,
                       EmulatedDeviceType::InterruptController, cfg_list});
    for (const std::size_t n : {0U, 1U}) {
      hal.cpu(n).set(SysReg::ICH_VTR_EL2, 3);
      hal.cpu(n).gicv_frame = HostPhysRange{HostPhysAddr(kGicv), 0x2000};
    }
  }
  /// A store of W2 to `ipa`, of a word or a byte (`size` 2 or 0).
  void store(std::uint64_t ipa, std::uint64_t value, std::uint64_t size = 2) {
    cpu().script.push_back([=](FakeCpu& c) {
      c.set_gpr(2, value);
      c.set(SysReg::ESR_EL2,
            0x24ULL << 26 | 1ULL << 25 | 1ULL << 24 | size << 22 | 2ULL << 16 | 1ULL << 6 | 7);
      c.set(SysReg::FAR_EL2, ipa);
      c.set(SysReg::HPFAR_EL2, (ipa >> 12) << 4);
      return Vector::Synchronous;
    });
  }
  const std::array<std::uint64_t, 2> cfg_list{2, kGicc};
};

}  // namespace

TEST_CASE("gicv2 vm: the hardware's interface is in the guest's memory, the distributor traps") {
  Gicv2Fixture f;
  TestVm& vm = f.start();
  CHECK(vm.translate(GuestPhysAddr(kGicc)) == HostPhysAddr(kGicv));
  CHECK(vm.translate(GuestPhysAddr(kGicc + 0x1fff)) == HostPhysAddr(kGicv + 0x1fff));
  CHECK_FALSE(vm.translate(GuestPhysAddr(kGicc + 0x2000)).has_value());
  CHECK_FALSE(vm.translate(GuestPhysAddr(kGicd)).has_value());
}

TEST_CASE("gicv2 vm: its guest has no system registers of an interrupt controller") {
  Gicv2Fixture f;
  f.start();
  f.run<ExternalInterrupt>();
  CHECK(f.cpu().get(SysReg::ICC_SRE_EL1) == 6);
  CHECK((f.cpu().get(SysReg::ICC_SRE_EL2) & 8) == 0);
  CHECK(f.cpu().get(SysReg::ICH_HCR_EL2) == 1);
  f.trap(0x18ULL << 26 | 1 << 25 | 3 << 20 | 1 << 17 | 5 << 5 | 4 << 1 | 1);  // ID_AA64PFR0_EL1
  f.run<ExternalInterrupt>();
  CHECK((f.cpu().gpr(5) & 0x0f00'0000) == 0);
  // ICC_SRE_EL1: undefined.
  f.cpu().set(SysReg::VBAR_EL1, kVectors);
  f.trap(0x18ULL << 26 | 1 << 25 | 3 << 20 | 5 << 17 | 12 << 10 | 12 << 1 | 1);
  f.run<ExternalInterrupt>();
  CHECK(f.cpu().get(SysReg::ELR_EL2) == kVectors + 0x200);
}

TEST_CASE("gicv2 vm: nothing of its interface is left for the guest of another VM") {
  Gicv2Fixture f;
  f.start();
  f.run<ExternalInterrupt>();
  f.vm.reset();
  f.devices.pop_back();
  f.config.interrupt_mode = InterruptMode::NoIrq;
  f.start();
  f.run<ExternalInterrupt>();
  CHECK(f.cpu().get(SysReg::ICC_SRE_EL1) == 7);
  CHECK(f.cpu().get(SysReg::ICH_HCR_EL2) == (1U << 10 | 1U << 11 | 1U << 12));
}

TEST_CASE("gicv2 vm: a vCPU's SGI names it") {
  Gicv2Fixture f;
  f.start();
  f.store(kGicd, 1, 0);
  f.run<ExternalInterrupt>();
  f.call({0xc400'0003, 0x100, kEntry, 0});  // CPU_ON
  f.run<exit_reason::CpuUp>();
  f.hal.here = 1;
  f.store(kSgir, 1U << 16 | 9);
  f.run<ExternalInterrupt>(1);
  f.hal.here = 0;
  f.store(kGicd + 0x100, 1U << 9);
  f.run<ExternalInterrupt>();
  CHECK(static_cast<std::uint32_t>(f.cpu().get(SysReg::ICH_LR0_EL2)) == (9 | 1 << 10));
}

TEST_CASE("gicv2 vm: the hardware and the configuration have to be fit for it") {
  Gicv2Fixture no_frame;
  no_frame.hal.cpu(0).gicv_frame.reset();
  CHECK(no_frame.create().error().kind == ErrorKind::Unsupported);

  Gicv2Fixture nine;
  nine.vcpus.clear();
  for (std::uint64_t i = 0; i < 9; ++i) nine.vcpus.push_back({i, 3});
  CHECK(nine.create().error().kind == ErrorKind::InvalidInput);

  Gicv2Fixture occupied;
  occupied.devices.push_back(
      {"clock", GuestPhysAddr(kGicc + 0x1000), 0x1000, 0, EmulatedDeviceType::Rtc, {}});
  CHECK(occupied.create().error().kind == ErrorKind::AlreadyExists);
}
