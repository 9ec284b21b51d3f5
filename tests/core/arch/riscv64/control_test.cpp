#include <core/arch/riscv64/control.hpp>
#include <core/arch/riscv64/g_stage_tlb.hpp>
#include <core/memory/frames.hpp>
#include <tests/core/arch/riscv64/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::riscv64;
using namespace axvm::test;

TEST_CASE("guests handle their own exceptions and interrupts, the hypervisor the rest") {
  FakeHart hart;
  hart.environment = henvcfg::kStce | henvcfg::kPbmte;
  hart.set(Csr::hvip, ~0ULL);
  hart.set(Csr::htimedelta, 5);
  REQUIRE(enable_hypervisor(hart).has_value());
  CHECK(hart.get(Csr::hedeleg) == 0xb1ff);
  CHECK(hart.get(Csr::hideleg) == 0x444);
  CHECK(hart.get(Csr::hcounteren) == 7);
  CHECK(hart.get(Csr::henvcfg) == (henvcfg::kStce | henvcfg::kPbmte));
  CHECK(hart.get(Csr::hstateen0) == 1ULL << 62);
  CHECK(hart.get(Csr::hvip) == 0);
  CHECK(hart.get(Csr::htimedelta) == 0);
  CHECK(hart.get(Csr::sie) == 0x222);
  CHECK(hart.get(Csr::hgatp) == 0);
}

TEST_CASE("a hart that lacks what guests need is refused") {
  FakeHart none;
  none.modes = {0};
  CHECK(enable_hypervisor(none).error().kind == ErrorKind::Unsupported);
  CHECK(enable_hypervisor(none).error().detail == "the hart has no G-stage tables");
  FakeHart few;
  few.vmids = 0x7f;
  CHECK(enable_hypervisor(few).error().detail == "hgatp has fewer than 8 bits of VMID");
  FakeHart no_timer;
  no_timer.environment = henvcfg::kPbmte;
  CHECK(enable_hypervisor(no_timer).error().detail == "the hart has no timer for guests (Sstc)");
}

TEST_CASE("the G-stage has four levels where the hart has them, and asking changes nothing") {
  FakeHart hart;
  hart.set(Csr::hgatp, 0x8000'5000'0008'0004);
  CHECK(g_stage_geometry(hart) == kSv48x4);
  hart.modes = {0, 8, 10};
  CHECK(g_stage_geometry(hart) == kSv39x4);
  CHECK(hart.get(Csr::hgatp) == 0x8000'5000'0008'0004);
}

TEST_CASE("a hart with any of the G-stage's modes is good for guests") {
  for (const auto& [mode, geometry] :
       {std::pair{8ULL, kSv39x4}, std::pair{9ULL, kSv48x4}, std::pair{10ULL, kSv57x4}}) {
    CAPTURE(mode);
    FakeHart hart;
    hart.modes = {0, mode};
    CHECK(g_stage_geometry(hart) == geometry);
    CHECK(enable_hypervisor(hart).has_value());
    CHECK(hart.get(Csr::hgatp) == 0);
  }
}

TEST_CASE("types of memory are known to harts with Svpbmt, and asking changes nothing") {
  FakeHart hart;
  hart.set(Csr::henvcfg, henvcfg::kStce);
  CHECK(has_memory_types(hart));
  hart.environment = ~henvcfg::kPbmte;
  CHECK_FALSE(has_memory_types(hart));
  CHECK(hart.get(Csr::henvcfg) == henvcfg::kStce);
}

TEST_CASE("hgatp has the mode, the VMID and the root's frame") {
  CHECK(hgatp_value(kSv39x4, HostPhysAddr(0x8000'4000), Vmid(255)) == 0x800f'f000'0008'0004);
  CHECK(hgatp_value(kSv57x4, HostPhysAddr(0), Vmid(1)) == 0xa000'1000'0000'0000);
  CHECK_FALSE(hgatp_mode({.levels = 3, .input_bits = 39}).has_value());
}

TEST_CASE("TLB maintenance is for the VM's VMID on every hart, whoever is loaded") {
  FakeHart hart;
  hart.set(Csr::hgatp, hgatp_value(kSv48x4, HostPhysAddr(0x4000), Vmid(3)));
  const VmControls controls{hgatp_value(kSv48x4, HostPhysAddr(0x8000'4000), Vmid(9))};
  GStageTlb<FakeHart> tlb(hart, controls);
  tlb.invalidate({GuestPhysAddr(0x1000), 0x2000});
  tlb.invalidate_all();
  CHECK(hart.maintenance == std::vector<std::string>{"remote gvma@9", "remote gvma all@9"});
  CHECK(hart.fenced == std::vector{GuestPhysRange{GuestPhysAddr(0x1000), 0x2000}});
  CHECK(hart.published_tables == 2);  // before the fences
  tlb.give_up();
  CHECK((hart.get(Csr::hgatp) >> 60) == 9);  // another VM's
  hart.set(Csr::hgatp, controls.hgatp);
  tlb.give_up();
  CHECK(hart.get(Csr::hgatp) == 0);
}

namespace {

constexpr std::uint64_t kWindow = 0x2000'0000;

/// The leaf of Sv48x4 that translates kWindow, of a VM with a device of the host's there.
std::uint64_t leaf_of_window(RiscvFixture& f) {
  const std::array windows{PassthroughDeviceConfig{.name = "flash",
                                                   .base_gpa = GuestPhysAddr(kWindow),
                                                   .base_hpa = HostPhysAddr(kWindow),
                                                   .length = kPageSize}};
  f.config.passthrough_devices = windows;
  HostPhysAddr table = f.start().ept_root();
  f.config.passthrough_devices = {};
  for (unsigned shift = 39; shift > 12; shift -= 9) {
    const std::uint64_t entry = frame_as<std::uint64_t>(f.hal, table)[kWindow >> shift & 511];
    table = HostPhysAddr((entry >> 10 & ((1ULL << 44) - 1)) << 12);
  }
  return frame_as<std::uint64_t>(f.hal, table)[kWindow >> 12 & 511];
}

}  // namespace

TEST_CASE(
    "the host's devices are I/O where the hart has Svpbmt, else what they are by themselves") {
  RiscvFixture with;
  CHECK(leaf_of_window(with) == (1ULL << 62 | kWindow >> 2 | 0xd7));
  RiscvFixture without;
  without.hart().environment = ~henvcfg::kPbmte;
  CHECK(leaf_of_window(without) == (kWindow >> 2 | 0xd7));
}

TEST_CASE_FIXTURE(RiscvFixture, "a VM's tables and identity are in hgatp while it is loaded") {
  start();
  run<exit_reason::ExternalInterrupt>();
  CHECK(hart().get(Csr::hgatp) == hgatp_value(kSv48x4, (*vm)->ept_root(), Vmid(5)));
  CHECK((*vm)->ept_root().is_aligned(0x4000));
  hal.per_cpu(0).unload();
  REQUIRE(hal.per_cpu(0).hardware_disable().has_value());
  CHECK(hart().get(Csr::hgatp) == 0);
  REQUIRE(hal.per_cpu(0).hardware_enable().has_value());
}
