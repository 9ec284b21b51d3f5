#include <doctest/doctest.h>
#include <tests/core/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::test;

TEST_CASE("a VM offers what its configuration says") {
  VmFixture f;
  TestVm& vm = f.start();
  CHECK(vm.id() == VmId(5));
  CHECK(vm.name() == "guest");
  CHECK(vm.vcpu_num() == 2);
  CHECK(vm.device_count() == 1);
  CHECK(vm.running());
  CHECK(vm.vcpu_status(VcpuId(0))->power == PowerState::On);
  CHECK(vm.vcpu_status(VcpuId(1))->power == PowerState::Off);
  CHECK(vm.vcpu_status(VcpuId(1))->phys_id == 0x100);
  CHECK(vm.vcpu_status(VcpuId(2)).error().kind == ErrorKind::InvalidInput);
  CHECK(f.hal.taken.contains(vm.ept_root().value));
}

TEST_CASE("boot needs virtualization on this CPU") {
  VmFixture f;
  auto vm = *f.create();
  REQUIRE(f.hal.per_cpu(0).hardware_disable().has_value());
  CHECK(vm->boot().error().kind == ErrorKind::Unsupported);
  CHECK(vm->status() == VmStatus::Ready);
}

TEST_CASE("creation is all or nothing wherever memory runs out") {
  std::size_t budget = 0;
  for (;; ++budget) {
    VmFixture f;
    f.memory.push_back({GuestPhysAddr(0x8000'0000), 2 * kPageSize, kReadWrite, MapType::Reserved});
    f.windows.push_back({"w", GuestPhysAddr(0xa00'0000), HostPhysAddr(0xa00'0000), 0x1000, 0});
    f.hal.budget = budget;
    auto vm = f.create();
    if (vm) break;
    CHECK(vm.error().kind == ErrorKind::NoMemory);
    CHECK(f.hal.balanced());
    REQUIRE(budget < 100);
  }
  CHECK(budget > 10);
}

TEST_CASE("a destroyed VM leaves nothing behind, in memory or in CPUs") {
  VmFixture f;
  TestVm& vm = f.start();
  std::byte data[3 * kPageSize]{};
  REQUIRE(vm.write_to_guest(GuestPhysAddr(kGuestRam + 5), data).has_value());
  f.run<exit_reason::ExternalInterrupt>();
  CHECK(f.hal.per_cpu(0).resident() != nullptr);
  f.cpu().maintenance.clear();
  f.vm.reset();
  CHECK(f.hal.balanced());
  CHECK(f.hal.per_cpu(0).resident() == nullptr);
  CHECK(f.cpu().maintenance == std::vector<std::string>{"vmalls12e1is@5"});
  CHECK(f.cpu().get(SysReg::VTTBR_EL2) == 0);
}

TEST_CASE("invalid configurations and unknown devices are refused by name") {
  VmFixture f;
  f.config.id = 0;
  CHECK(f.create().error() == Error{ErrorKind::InvalidInput, "create", "expected 1 to 255"});
  f.config.id = 1;
  f.devices[0].type = EmulatedDeviceType::VirtioBlock;
  const auto refused = f.create();
  CHECK(refused.error().kind == ErrorKind::Unsupported);
  CHECK(refused.error().detail.find("virtio block") != std::string_view::npos);
  CHECK(f.hal.balanced());
}

TEST_CASE("memory comes as each map type says") {
  VmFixture f;
  f.memory.push_back({GuestPhysAddr(FakeHal::kRam + 0x20'0000), 4 * kPageSize, kReadWriteExecute,
                      MapType::Identical});
  TestVm& vm = f.start();
  CHECK_FALSE(vm.translate(GuestPhysAddr(kGuestRam)).has_value());
  const GuestPhysAddr identical(FakeHal::kRam + 0x20'0000);
  CHECK(vm.translate(identical) == HostPhysAddr(identical.value));
  f.vm.reset();
  CHECK(f.hal.balanced());
  // The same range again, while somebody holds it.
  REQUIRE(f.hal.allocate_range(HostPhysAddr(identical.value), kPageSize));
  CHECK(f.create().error().kind == ErrorKind::ResourceBusy);
  f.hal.deallocate_range(HostPhysAddr(identical.value), kPageSize);
}

TEST_CASE("passthrough windows are widened to pages, honour base_hpa and may repeat") {
  VmFixture f;
  f.windows = {{"a", GuestPhysAddr(0xa00'0ff0), HostPhysAddr(0xb00'0ff0), 0x20, 0},
               {"b", GuestPhysAddr(0xa00'1000), HostPhysAddr(0xb00'1000), 0x1004, 0}};
  TestVm& vm = f.start();
  CHECK(vm.translate(GuestPhysAddr(0xa00'0000)) == HostPhysAddr(0xb00'0000));
  CHECK(vm.translate(GuestPhysAddr(0xa00'1fff)) == HostPhysAddr(0xb00'1fff));
  CHECK(vm.translate(GuestPhysAddr(0xa00'2fff)) == HostPhysAddr(0xb00'2fff));
  CHECK_FALSE(vm.translate(GuestPhysAddr(0xa00'3000)).has_value());
  std::byte byte{};
  CHECK(vm.read_from_guest(GuestPhysAddr(0xa00'0000), {&byte, 1}).error().kind ==
        ErrorKind::BadAddress);

  VmFixture contradiction;
  contradiction.windows = {f.windows[0], {"c", GuestPhysAddr(0xa00'1000), HostPhysAddr(0), 8, 0}};
  CHECK(contradiction.create().error().kind == ErrorKind::InvalidInput);
}

TEST_CASE("under the passthrough policy everything but RAM shows through") {
  VmFixture f;
  f.config.address_space_policy = AddressSpacePolicy::Passthrough;
  f.windows = {{"a", GuestPhysAddr(0xa00'0000), HostPhysAddr(0xb00'0000), 0x1000, 0}};
  TestVm& vm = f.start();
  const auto leads_to_itself = [&](std::uint64_t gpa) {
    return vm.translate(GuestPhysAddr(gpa)) == HostPhysAddr(gpa);
  };
  CHECK(leads_to_itself(0));
  CHECK(leads_to_itself(kUart - 1));
  CHECK(leads_to_itself(kUart + 0x1000));
  CHECK(leads_to_itself(1ULL << 43));
  CHECK_FALSE(vm.translate(GuestPhysAddr(kUart)).has_value());
  CHECK(vm.translate(GuestPhysAddr(0xa00'0000)) == HostPhysAddr(0xb00'0000));
  // The host's RAM, which holds stage 2 itself, is out of reach beyond the guest's own.
  const std::uint64_t ram_end = FakeHal::kRam + f.hal.ram_size;
  CHECK_FALSE(vm.translate(GuestPhysAddr(ram_end - 1)).has_value());
  CHECK(leads_to_itself(ram_end));
}

TEST_CASE("an embedder maps, protects and unmaps, reads and writes objects, and logs writes") {
  VmFixture f;
  TestVm& vm = f.start();
  VmBase& base = vm;
  const GuestPhysRange extra{GuestPhysAddr(0x8000'0000), 2 * kPageSize};
  REQUIRE(base.map_region(extra, HostPhysAddr(0x900'0000), kReadWrite).has_value());
  CHECK(base.translate(extra.base) == HostPhysAddr(0x900'0000));
  REQUIRE(base.protect_region(extra, MappingFlags::Read).has_value());
  std::vector<Region> regions;
  const auto collect = [&](const Region& region) { regions.push_back(region); };
  REQUIRE(base.memory_regions(collect).has_value());
  REQUIRE(regions.size() == 2);
  CHECK(regions[1].range == extra);
  CHECK(regions[1].flags == MappingFlags::Read);
  REQUIRE(base.unmap_region(extra).has_value());
  CHECK_FALSE(base.translate(extra.base).has_value());

  const GuestPhysRange logged{GuestPhysAddr(kGuestRam), 64 * kPageSize};
  const GuestPhysAddr object = logged.base + 5 * kPageSize + 8;
  REQUIRE(base.start_dirty_log(logged).has_value());
  REQUIRE(base.write_to_guest_of(object, std::uint64_t{42}).has_value());
  CHECK(*base.read_from_guest_of<std::uint64_t>(object) == 42);
  CHECK(base.read_from_guest_of<std::uint64_t>(object + 4).error().kind == ErrorKind::InvalidInput);
  std::array<std::uint64_t, 1> bits{};
  REQUIRE(base.take_dirty_log(logged, bits).has_value());
  CHECK(bits[0] == 1U << 5);
  REQUIRE(base.stop_dirty_log(logged).has_value());

  REQUIRE(base.destroy().has_value());
  CHECK(base.map_region(extra, HostPhysAddr(0), kReadWrite).error().kind == ErrorKind::BadState);
  CHECK(base.stop_dirty_log(logged).error().kind == ErrorKind::BadState);
}

TEST_CASE("images are loaded through spans, and only into memory") {
  VmFixture f;
  TestVm& vm = f.start();
  std::size_t total = 0;
  const auto fill = [&](std::span<std::byte> bytes) {
    for (std::byte& b : bytes) b = static_cast<std::byte>(total++);
  };
  REQUIRE(vm.get_image_load_region(GuestPhysAddr(kEntry + 0x80), 3 * kPageSize, fill).has_value());
  CHECK(total == 3 * kPageSize);
  std::byte at_300{};
  REQUIRE(vm.read_from_guest(GuestPhysAddr(kEntry + 0x80 + 300), {&at_300, 1}).has_value());
  CHECK(at_300 == static_cast<std::byte>(300 % 256));
  CHECK(vm.get_image_load_region(GuestPhysAddr(kUart), 4, fill).error().kind ==
        ErrorKind::BadAddress);
}

TEST_CASE("run_vcpu refuses what cannot run, and leaves the vCPU free") {
  VmFixture f;
  f.vcpus[0].affinity_mask = 0b10;
  TestVm& vm = f.start();
  CHECK(vm.run_vcpu(VcpuId(2)).error().kind == ErrorKind::InvalidInput);
  CHECK(vm.run_vcpu(VcpuId(1)).error().kind == ErrorKind::BadState);
  CHECK(vm.run_vcpu(VcpuId(0)).error().kind == ErrorKind::InvalidInput);
  for (std::uint32_t i : {0U, 1U}) CHECK(vm.vcpu_status(VcpuId(i))->state == VCpuState::Free);
  CHECK(f.cpu().entries == 0);
}

TEST_CASE("a vCPU goes on where another CPU has left it") {
  VmFixture f;
  TestVm& vm = f.start();
  f.hal.cpu(1);
  f.cpu().script.push_back([](FakeCpu& c) {
    c.gprs[4] = 44;
    return Vector::Irq;
  });
  f.run<exit_reason::ExternalInterrupt>();
  f.hal.here = 1;
  f.run<exit_reason::ExternalInterrupt>();
  CHECK(f.hal.cpu(1).gprs[4] == 44);
  CHECK(f.hal.per_cpu(0).resident() == nullptr);
  // Back at the first CPU, by way of memory.
  REQUIRE(vm.unload_vcpu(VcpuId(0)).has_value());
  CHECK(f.hal.per_cpu(1).resident() == nullptr);
  f.hal.cpu(1).gprs[4] = 0;
  f.hal.cpu(0).gprs[4] = 0;
  f.hal.here = 0;
  f.run<exit_reason::ExternalInterrupt>();
  CHECK(f.hal.cpu(0).gprs[4] == 44);
}

TEST_CASE("the run path allocates nothing") {
  VmFixture f;
  f.start();
  f.run<exit_reason::ExternalInterrupt>();
  const std::size_t before = f.hal.allocations;
  f.trap(0x9340'8007 | (0x18 << 16), kUart + 0x18, kUart);  // LDRB: ISV, SAS 1, SRT
  f.call({0x8400'0000, 0, 0, 0});
  f.trap((0x18ULL << 26) | (3 << 20) | (4 << 1) | 1);
  f.trap(0x0600'0000);
  f.run<exit_reason::Halt>();
  CHECK(f.hal.allocations == before);
}

TEST_CASE("describe names the same fields every time") {
  struct Recorder final : StateVisitor {
    void enter(std::string_view name, std::uint64_t index) override {
      text += std::string(name) + "#" + std::to_string(index) + ";";
    }
    void field(std::string_view name, std::uint64_t& v) override {
      text += std::string(name) + "=" + std::to_string(v) + ";";
    }
    void bytes(std::string_view name, std::span<std::byte> v) override {
      text += std::string(name) + "[" + std::to_string(v.size()) + "];";
    }
    std::string text;
  };
  VmFixture f;
  TestVm& vm = f.start();
  Recorder first, second;
  vm.describe(first);
  vm.describe(second);
  CHECK(first.text == second.text);
  CHECK(first.text.starts_with("status=1;stop_reason=0;used_cpus=0;memory#0;root="));
  CHECK(first.text.find("vcpu#0;residence=0;reset_entry=") != std::string::npos);
  CHECK(first.text.find("state=2;power=2;vmcr=") != std::string::npos);
  CHECK(first.text.find("interrupt_controller#0;groups=") != std::string::npos);
  CHECK(first.text.find("uart#0;") != std::string::npos);
}
