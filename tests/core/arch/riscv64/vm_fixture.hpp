#pragma once
// A running RISC-V VM with two vCPUs, a console, a PLIC and lazy memory, whose guest is a script.

#include <doctest/doctest.h>
#include <tests/core/arch/riscv64/fake_hart.hpp>

namespace axvm::test {

using riscv64::ExceptionCause;

struct RiscvFixture {
  static constexpr std::uint64_t kGuestRam = 0x8000'0000;
  static constexpr std::uint64_t kEntry = 0x8008'0000;
  static constexpr std::uint64_t kDeviceTree = 0x8000'1000;
  static constexpr std::uint64_t kUart = 0x1000'0000;
  static constexpr std::uint64_t kPlic = 0xc00'0000;
  static constexpr std::uint64_t kVectors = 0x8001'0000;

  std::vector<VcpuConfig> vcpus{{0, 3}, {7, 3}};
  std::vector<MemoryRegionConfig> memory{{GuestPhysAddr(kGuestRam), 0x10'0000}};
  std::vector<EmulatedDeviceConfig> devices{
      {"uart", GuestPhysAddr(kUart), 0x100, 10, EmulatedDeviceType::Console, {}},
      {"plic", GuestPhysAddr(kPlic), 0x40'0000, 0, EmulatedDeviceType::InterruptController, {}}};
  VmConfig config{.id = 5,
                  .name = "guest",
                  .bsp_entry = GuestPhysAddr(kEntry),
                  .ap_entry = GuestPhysAddr(kEntry),
                  .dtb = GuestPhysAddr(kDeviceTree),
                  .interrupt_mode = InterruptMode::Emulated};
  FakeHartHost hal;
  std::optional<Ref<RiscvVm>> vm;

  Result<Ref<RiscvVm>> create() {
    config.vcpus = vcpus;
    config.memory_regions = memory;
    config.emulated_devices = devices;
    return RiscvVm::create(hal, config);
  }
  /// Creates and boots; forgets the events of doing so.
  RiscvVm& start() {
    auto created = create();
    REQUIRE(created.has_value());
    vm.emplace(std::move(*created));
    REQUIRE((*vm)->boot().has_value());
    hal.events.clear();
    return **vm;
  }
  FakeHart& hart() { return hal.cpu(hal.here); }
  std::uint64_t pc() { return hart().get(Csr::sepc); }

  /// The guest traps next.
  void trap(ExceptionCause cause, std::uint64_t stval = 0, std::uint64_t gpa = 0,
            std::uint64_t htinst = 0) {
    hart().script.push_back([=](FakeHart& h) {
      h.set(Csr::stval, stval);
      h.set(Csr::htval, gpa >> 2);
      h.set(Csr::htinst, htinst);
      return static_cast<std::uint64_t>(cause);
    });
  }
  /// The guest makes an environment call next, with a7, a6 and a0...
  void call(std::uint64_t extension, std::uint64_t function,
            std::initializer_list<std::uint64_t> arguments = {}) {
    std::vector<std::uint64_t> a(arguments);
    hart().script.push_back([=](FakeHart& h) {
      h.gprs[17] = extension;
      h.gprs[16] = function;
      for (unsigned n = 0; n < a.size(); ++n) h.gprs[10 + n] = a[n];
      return static_cast<std::uint64_t>(ExceptionCause::VirtualSupervisorCall);
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
  /// The guest has taken an exception at `from`.
  void check_injected(ExceptionCause cause, std::uint64_t value, std::uint64_t from) {
    CHECK(pc() == kVectors);
    CHECK(hart().get(Csr::vscause) == static_cast<std::uint64_t>(cause));
    CHECK(hart().get(Csr::vstval) == value);
    CHECK(hart().get(Csr::vsepc) == from);
    const auto injected = hal.events_of<ExceptionInjected>();
    REQUIRE(injected.size() == 1);
    CHECK(injected[0].syndrome == static_cast<std::uint64_t>(cause));
    CHECK(injected[0].fault_address == value);
    CHECK_FALSE(injected[0].reason.empty());
  }
};

/// The first vCPU is loaded, and its guest in VS-mode.
struct RiscvTrapFixture : RiscvFixture {
  RiscvTrapFixture() {
    start();
    run<exit_reason::ExternalInterrupt>();
    hal.events.clear();
    hart().maintenance.clear();
    hart().set(Csr::vstvec, kVectors | 1);  // vectored: exceptions go to the base all the same
  }
};

}  // namespace axvm::test
