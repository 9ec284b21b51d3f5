#pragma once
// A running VM with two vCPUs, a console and lazy memory, whose guest is a script.

#include <doctest/doctest.h>
#include <tests/core/fake_hal.hpp>

namespace axvm::test {

inline constexpr std::uint64_t kGuestRam = 0x4000'0000;
inline constexpr std::uint64_t kEntry = 0x4008'0000;
inline constexpr std::uint64_t kUart = 0x900'0000;
inline constexpr std::uint64_t kVectors = 0x4001'0000;

struct VmFixture {
  std::vector<VcpuConfig> vcpus{{0, 3}, {0x100, 3}};
  std::vector<MemoryRegionConfig> memory{{GuestPhysAddr(kGuestRam), 0x10'0000}};
  std::vector<EmulatedDeviceConfig> devices{
      {"uart", GuestPhysAddr(kUart), 0x1000, 33, EmulatedDeviceType::Console, {}}};
  std::vector<PassthroughDeviceConfig> windows;
  VmConfig config{.id = 5,
                  .name = "guest",
                  .bsp_entry = GuestPhysAddr(kEntry),
                  .ap_entry = GuestPhysAddr(kEntry),
                  .dtb = GuestPhysAddr(kGuestRam)};
  FakeHal hal;
  std::optional<Ref<TestVm>> vm;

  Result<Ref<TestVm>> create() {
    config.vcpus = vcpus;
    config.memory_regions = memory;
    config.emulated_devices = devices;
    config.passthrough_devices = windows;
    return TestVm::create(hal, config);
  }
  /// Creates and boots; forgets the events of doing so.
  TestVm& start() {
    auto created = create();
    REQUIRE(created.has_value());
    vm.emplace(std::move(*created));
    REQUIRE((*vm)->boot().has_value());
    hal.events.clear();
    return **vm;
  }
  FakeCpu& cpu() { return hal.cpu(hal.here); }

  /// The guest traps synchronously next.
  void trap(std::uint64_t esr, std::uint64_t far = 0, std::uint64_t ipa = 0) {
    cpu().script.push_back([=](FakeCpu& c) {
      c.set(SysReg::ESR_EL2, esr);
      c.set(SysReg::FAR_EL2, far);
      c.set(SysReg::HPFAR_EL2, (ipa >> 12) << 4);
      return Vector::Synchronous;
    });
  }
  /// The guest makes a firmware call next; `ec` 0x16 is HVC, 0x17 SMC.
  void call(std::array<std::uint64_t, 4> x, std::uint64_t ec = 0x16) {
    cpu().script.push_back([=](FakeCpu& c) {
      for (unsigned i = 0; i < 4; ++i) c.gprs[i] = x[i];
      c.set(SysReg::ESR_EL2, (ec << 26) | (1 << 25));
      return Vector::Synchronous;
    });
  }
  /// Runs to the next exit, which is of type T.
  template <class T>
  T run(std::uint32_t vcpu = 0) {
    const auto exit = (*vm)->run_vcpu(VcpuId(vcpu));
    REQUIRE(exit.has_value());
    const T* reason = std::get_if<T>(&*exit);
    REQUIRE(reason != nullptr);
    CHECK((*vm)->vcpu_status(VcpuId(vcpu))->state == VCpuState::Free);
    return *reason;
  }
};

}  // namespace axvm::test
