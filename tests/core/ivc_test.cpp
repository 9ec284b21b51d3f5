// Hypercalls, and memory that VMs share by them.

#include <doctest/doctest.h>
#include <tests/core/fake_hal.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;

namespace {

constexpr std::uint64_t kRam = 0x8000'0000;
constexpr std::uint64_t kReadOnly = 0x9000'0000;
constexpr std::uint64_t kWindow = 0xa000'0000;
constexpr std::uint64_t kWindowSize = 0x4'0000;
constexpr std::uint64_t kBase = kRam + 0x100;  // where calls answer
constexpr std::uint64_t kSize = kRam + 0x108;
constexpr std::int64_t kOk = 0, kNotSupported = -1, kInvalid = -2, kDenied = -3, kExists = -4,
                       kNotFound = -5, kNoMemory = -6, kBusy = -7, kBadAddress = -9;

struct IvcFixture {
  FakeHal hal{512};
  std::vector<Ref<TestVm>> vms;  ///< VM n has id n + 1

  IvcFixture() {
    for (std::uint32_t id = 1; id <= 3; ++id) make(id);
  }
  void make(std::uint32_t id, bool has_window = true,
            InterruptMode interrupts = InterruptMode::NoIrq) {
    const VcpuConfig vcpus[] = {{0, ~0ULL}, {1, ~0ULL}};
    const MemoryRegionConfig memory[] = {{GuestPhysAddr(kRam), 0x4000},
                                         {GuestPhysAddr(kReadOnly), 0x1000, MappingFlags::Read}};
    const EmulatedDeviceConfig devices[] = {
        {"ivc", GuestPhysAddr(kWindow), kWindowSize, 60, EmulatedDeviceType::IvcChannel, {}}};
    VmConfig config{.id = id,
                    .name = "guest",
                    .bsp_entry = GuestPhysAddr(kRam),
                    .ap_entry = GuestPhysAddr(kRam)};
    config.interrupt_mode = interrupts;
    config.vcpus = vcpus;
    config.memory_regions = memory;
    if (has_window) config.emulated_devices = devices;
    auto created = TestVm::create(hal, config);
    REQUIRE(created.has_value());
    REQUIRE((*created)->boot().has_value());
    vms.push_back(std::move(*created));
  }
  /// The result of a hypercall by a vCPU of `vm`, 0 being the first.
  std::int64_t call(std::size_t vm, std::vector<std::uint64_t> x, std::uint64_t ec = 0x16) {
    FakeCpu& cpu = hal.cpu(hal.here);
    cpu.script.push_back([=](FakeCpu& c) {
      for (std::size_t n = 0; n < x.size(); ++n) c.gprs[n] = x[n];
      c.set(SysReg::ESR_EL2, (ec << 26) | (1 << 25));
      return Vector::Synchronous;
    });
    const auto exit = vms[vm]->run_vcpu(VcpuId(0));
    REQUIRE(exit.has_value());
    return static_cast<std::int64_t>(cpu.gprs[0]);
  }
  /// What the guest of `vm` takes next, and ends; 1023 when nothing waits for it.
  std::uint64_t acknowledge(std::size_t vm) {
    std::uint64_t taken = 1023;
    hal.cpu().script.push_back([&](FakeCpu& cpu) {
      if (const aarch64::ListRegister entry(cpu.get(SysReg::ICH_LR0_EL2)); entry.pending) {
        taken = entry.intid;
        cpu.set(SysReg::ICH_LR0_EL2, 0);
      }
      return Vector::Irq;
    });
    REQUIRE(vms[vm]->run_vcpu(VcpuId(0)).has_value());
    return taken;
  }
  std::int64_t publish(std::size_t vm, std::uint64_t key, std::uint64_t size) {
    put(vm, kSize, size);
    return call(vm, {3, key, kBase, kSize});
  }
  std::int64_t subscribe(std::size_t vm, std::uint64_t publisher, std::uint64_t key) {
    return call(vm, {4, publisher, key, kBase, kSize});
  }
  void put(std::size_t vm, std::uint64_t gpa, std::uint64_t value) {
    REQUIRE(vms[vm]->write_to_guest(GuestPhysAddr(gpa), std::as_bytes(std::span(&value, 1))));
  }
  std::uint64_t get(std::size_t vm, std::uint64_t gpa) {
    std::uint64_t value = 0;
    REQUIRE(
        vms[vm]->read_from_guest(GuestPhysAddr(gpa), std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }
  [[nodiscard]] bool mapped(std::size_t vm, std::uint64_t gpa) {
    return vms[vm]->translate(GuestPhysAddr(gpa)).has_value();
  }
};

}  // namespace

TEST_CASE_FIXTURE(IvcFixture, "what one VM writes to a channel of several pages the others read") {
  CHECK(publish(0, 0xabc, 0x2345) == kOk);
  const std::uint64_t here = get(0, kBase);
  CHECK(here == kWindow);
  CHECK(get(0, kSize) == 0x3000);
  CHECK(get(0, here) == 1);  // its header: publisher, key
  CHECK(get(0, here + 8) == 0xabc);
  CHECK(get(0, here + 0x2ff8) == 0);
  put(0, here + 0x2ff8, 0x1122'3344);
  for (const std::size_t subscriber : {1U, 2U}) {
    CHECK(subscribe(subscriber, 1, 0xabc) == kOk);
    CHECK(get(subscriber, kSize) == 0x3000);
    const std::uint64_t there = get(subscriber, kBase);
    CHECK(get(subscriber, there + 8) == 0xabc);
    CHECK(get(subscriber, there + 0x2ff8) == 0x1122'3344);
  }
  put(2, get(2, kBase) + 0x1000, 77);
  CHECK(get(0, here + 0x1000) == 77);
  CHECK(get(1, get(1, kBase) + 0x1000) == 77);
}

TEST_CASE_FIXTURE(IvcFixture,
                  "a size of 0 is one page, one beyond the limit is refused and not cut") {
  CHECK(publish(0, 1, 0) == kOk);
  CHECK(get(0, kSize) == 0x1000);
  CHECK(publish(0, 2, kIvcMaxBytes + 1) == kInvalid);
  CHECK(publish(0, 2, ~0ULL) == kInvalid);
  CHECK(publish(0, 2, kWindowSize) == kNoMemory);  // one page of the window is taken
  CHECK(get(0, kSize) == kWindowSize);
  CHECK(publish(0, 2, kWindowSize - 0x1000) == kOk);
}

TEST_CASE_FIXTURE(IvcFixture, "channels have places of their own, and give them back") {
  CHECK(publish(0, 1, 0x1000) == kOk);
  CHECK(publish(0, 2, 0x2000) == kOk);
  CHECK(get(0, kBase) == kWindow + 0x1000);
  CHECK(publish(1, 9, 0x1000) == kOk);
  CHECK(subscribe(0, 2, 9) == kOk);
  CHECK(get(0, kBase) == kWindow + 0x3000);
  CHECK(call(0, {5, 2}) == kOk);
  CHECK_FALSE(mapped(0, kWindow + 0x1000));
  CHECK(mapped(0, kWindow));
  CHECK(publish(0, 3, 0x2000) == kOk);
  CHECK(get(0, kBase) == kWindow + 0x1000);
}

TEST_CASE_FIXTURE(IvcFixture, "names are unique per publisher and found by nobody else's") {
  CHECK(publish(0, 7, 0) == kOk);
  CHECK(publish(0, 7, 0) == kExists);
  CHECK(publish(1, 7, 0) == kOk);
  CHECK(subscribe(2, 1, 8) == kNotFound);
  CHECK(subscribe(2, 3, 7) == kNotFound);
  CHECK(subscribe(2, 1ULL << 32 | 1, 7) == kNotFound);
  CHECK(subscribe(2, 1, 7) == kOk);
  CHECK(subscribe(2, 1, 7) == kExists);
  CHECK(subscribe(0, 1, 7) == kExists);  // its own
  CHECK(call(2, {5, 7}) == kNotFound);   // not the publisher
  CHECK(call(1, {6, 1, 7}) == kNotFound);
}

TEST_CASE_FIXTURE(IvcFixture, "an offer taken back serves those who have it, and nobody new") {
  const std::size_t before = hal.taken.size();
  CHECK(publish(0, 7, 0x2000) == kOk);
  CHECK(subscribe(1, 1, 7) == kOk);
  const std::uint64_t there = get(1, kBase);
  put(1, there + 0x1000, 5);
  CHECK(call(0, {5, 7}) == kOk);
  CHECK_FALSE(mapped(0, kWindow));
  CHECK(get(1, there + 0x1000) == 5);
  CHECK(subscribe(2, 1, 7) == kNotFound);
  // A new channel of the old name is another one.
  CHECK(publish(0, 7, 0) == kOk);
  CHECK(subscribe(1, 1, 7) == kExists);  // not before it has left the old one
  CHECK(call(1, {6, 1, 7}) == kOk);
  CHECK_FALSE(mapped(1, there));
  CHECK(subscribe(1, 1, 7) == kOk);
  CHECK(get(1, get(1, kBase) + 0x100) == 0);
  CHECK(call(1, {6, 1, 7}) == kOk);
  CHECK(call(0, {5, 7}) == kOk);
  CHECK(hal.ivc().registry().empty());
  CHECK(hal.taken.size() >= before);  // tables stay, shared frames do not
}

TEST_CASE_FIXTURE(IvcFixture, "every pointer is checked before anything changes") {
  const std::uint64_t bad[] = {kRam + 4,      kReadOnly, kWindow,       0x4000'0000,
                               kRam + 0x4000, ~0ULL,     ~0ULL & ~7ULL, 0};
  CHECK(publish(1, 1, 0) == kOk);
  const std::size_t taken = hal.taken.size();
  for (const std::uint64_t pointer : bad) {
    CAPTURE(pointer);
    CHECK(call(0, {3, 1, pointer, kSize}) == kBadAddress);
    CHECK(call(0, {3, 1, kBase, pointer}) == kBadAddress);
    CHECK(call(0, {4, 2, 1, pointer, kSize}) == kBadAddress);
    CHECK(call(0, {4, 2, 1, kBase, pointer}) == kBadAddress);
  }
  CHECK_FALSE(mapped(0, kWindow));
  CHECK(hal.ivc().registry().find_any(VmId(1)) == nullptr);
  CHECK(hal.taken.size() <= taken + 4);  // the pointers' own page and its tables
}

TEST_CASE_FIXTURE(IvcFixture, "a call that runs out of memory half-way leaves nothing behind") {
  put(0, kSize, 0x3000);
  for (std::size_t budget = 0;; ++budget) {
    CAPTURE(budget);
    hal.budget = budget;
    const std::int64_t status = call(0, {3, 1, kBase, kSize});
    hal.budget.reset();
    if (status == kOk) break;
    REQUIRE(status == kNoMemory);
    CHECK_FALSE(mapped(0, kWindow));
    CHECK(hal.ivc().registry().empty());
    REQUIRE(budget < 20);
  }
  for (std::size_t budget = 0;; ++budget) {
    hal.budget = budget;
    const std::int64_t status = subscribe(1, 1, 1);
    hal.budget.reset();
    if (status == kOk) break;
    REQUIRE(status == kNoMemory);
    CHECK_FALSE(mapped(1, kWindow));
    REQUIRE(budget < 20);
  }
}

TEST_CASE_FIXTURE(IvcFixture, "a guest gets so many channels and no more") {
  for (std::uint64_t key = 0; key < kIvcMaxPublished; ++key) CHECK(publish(0, key, 0) == kOk);
  CHECK(publish(0, 100, 0) == kBusy);
  // Withdrawing does not help while another VM holds the memory.
  CHECK(subscribe(1, 1, 0) == kOk);
  CHECK(call(0, {5, 0}) == kOk);
  CHECK(publish(0, 100, 0) == kBusy);
  CHECK(call(1, {6, 1, 0}) == kOk);
  CHECK(publish(0, 100, 0) == kOk);
}

TEST_CASE_FIXTURE(IvcFixture, "a channel takes so many members and no more") {
  CHECK(publish(0, 1, 0) == kOk);
  for (std::uint32_t id = 4; vms.size() <= kIvcMaxMembers; ++id) make(id);
  for (std::size_t vm = 1; vm < kIvcMaxMembers; ++vm) CHECK(subscribe(vm, 1, 1) == kOk);
  CHECK(subscribe(kIvcMaxMembers, 1, 1) == kBusy);
}

TEST_CASE_FIXTURE(IvcFixture, "a VM that is gone has left every channel") {
  CHECK(publish(0, 1, 0x2000) == kOk);
  CHECK(publish(1, 2, 0x1000) == kOk);
  CHECK(subscribe(1, 1, 1) == kOk);
  CHECK(subscribe(0, 2, 2) == kOk);
  SUBCASE("the publisher first") {
    put(1, get(1, kBase) + 0x1000, 5);
    REQUIRE(vms[0]->destroy());
    CHECK(get(1, get(1, kBase) + 0x1000) == 5);
    CHECK(subscribe(2, 1, 1) == kNotFound);
  }
  SUBCASE("the subscriber first") { REQUIRE(vms[1]->destroy()); }
  vms.clear();
  CHECK(hal.ivc().registry().empty());
  CHECK(hal.balanced());
}

TEST_CASE_FIXTURE(IvcFixture, "a VM that is reset has left every channel") {
  CHECK(publish(0, 1, 0x2000) == kOk);
  CHECK(subscribe(1, 1, 1) == kOk);
  put(1, get(1, kBase) + 0x1000, 5);
  REQUIRE(vms[0]->reset([](VmBase&) { return Result<>{}; }));
  CHECK_FALSE(mapped(0, kWindow));
  CHECK(get(1, get(1, kBase) + 0x1000) == 5);
  REQUIRE(vms[0]->start());
  CHECK(publish(0, 1, 0) == kOk);
}

TEST_CASE_FIXTURE(IvcFixture, "a VM without a window for channels has none") {
  make(9, false);
  put(3, kSize, 0);
  CHECK(call(3, {3, 1, kBase, kSize}) == kNotSupported);
  CHECK(publish(0, 1, 0) == kOk);
  CHECK(call(3, {4, 1, 1, kBase, kSize}) == kNotSupported);
  CHECK(call(3, {5, 1}) == kNotSupported);
  CHECK(call(3, {6, 1, 1}) == kNotSupported);
  CHECK(call(3, {7, 1, 1, 1}) == kNotSupported);
}

TEST_CASE_FIXTURE(IvcFixture, "windows are whole pages, one per VM") {
  EmulatedDeviceConfig devices[] = {
      {"a", GuestPhysAddr(kWindow), 0x1000, 60, EmulatedDeviceType::IvcChannel, {}},
      {"b", GuestPhysAddr(kWindow + 0x1000), 0x1000, 60, EmulatedDeviceType::IvcChannel, {}}};
  const VcpuConfig vcpus[] = {{0, 1}};
  const MemoryRegionConfig memory[] = {{GuestPhysAddr(kRam), 0x4000}};
  VmConfig config{
      .id = 9, .name = "guest", .bsp_entry = GuestPhysAddr(kRam), .ap_entry = GuestPhysAddr(kRam)};
  config.vcpus = vcpus;
  config.memory_regions = memory;
  config.emulated_devices = devices;
  CHECK(config.validate()->reason == "a VM has one ivc channel window at most");
  config.emulated_devices = std::span(devices).first(1);
  CHECK_FALSE(config.validate().has_value());
  devices[0].length = 0x1800;
  CHECK(config.validate()->reason == "an ivc channel's window is not of whole pages");
}

TEST_CASE_FIXTURE(IvcFixture, "notifications go between a publisher and its subscribers") {
  CHECK(publish(0, 1, 0) == kOk);
  CHECK(subscribe(1, 1, 1) == kOk);
  CHECK(subscribe(2, 1, 1) == kOk);
  CHECK(call(1, {7, 1, 1, 3}) == kDenied);    // two subscribers
  CHECK(call(1, {7, 1, 1, 2}) == kNotFound);  // itself
  CHECK(call(1, {7, 1, 1, 9}) == kNotFound);
  CHECK(call(1, {7, 1, 1, 1ULL << 40}) == kNotFound);
  CHECK(call(1, {7, 2, 1, 1}) == kNotFound);
  CHECK(call(0, {7, 1, 1, 2}) == kNotSupported);  // VM 2 takes no interrupts
}

TEST_CASE_FIXTURE(IvcFixture, "a notification is the interrupt of the other VM's window") {
  make(4, true, InterruptMode::Emulated);
  make(5, true, InterruptMode::Emulated);
  CHECK(publish(3, 9, 0) == kOk);
  CHECK(subscribe(4, 4, 9) == kOk);
  CHECK(acknowledge(4) == 1023);
  hal.woken.clear();

  CHECK(call(3, {7, 4, 9, 5}) == kOk);
  CHECK(hal.woken == std::vector<std::uint32_t>{0});
  CHECK(acknowledge(3) == 1023);  // not its own
  CHECK(acknowledge(4) == 60);
  CHECK(acknowledge(4) == 1023);  // once

  CHECK(call(4, {7, 4, 9, 4}) == kOk);  // and back
  CHECK(acknowledge(3) == 60);

  CHECK(call(4, {6, 4, 9}) == kOk);
  CHECK(call(3, {7, 4, 9, 5}) == kNotFound);
}

TEST_CASE_FIXTURE(IvcFixture, "a notification reaches a vCPU that is in the guest elsewhere") {
  make(4, true, InterruptMode::Emulated);
  make(5, true, InterruptMode::Emulated);
  CHECK(publish(3, 9, 0) == kOk);
  CHECK(subscribe(4, 4, 9) == kOk);
  hal.cpu(1);
  hal.cpu(0).script.push_back([this](FakeCpu&) {
    hal.here = 1;
    CHECK(call(3, {7, 4, 9, 5}) == kOk);
    hal.here = 0;
    return Vector::Irq;
  });
  hal.kicked.clear();
  REQUIRE(vms[4]->run_vcpu(VcpuId(0)).has_value());
  CHECK(hal.kicked == std::vector<std::uint32_t>{0});
}

TEST_CASE_FIXTURE(IvcFixture, "unknown calls, and all by SMC, are not supported") {
  CHECK(call(0, {8, 0, 0, 0}) == kNotSupported);
  CHECK(call(0, {1ULL << 32 | 3, 0, 0, 0}) == kNotSupported);
  CHECK(call(0, {~0ULL, 0, 0, 0}) == kNotSupported);
  CHECK(call(0, {3, 1, kBase, kSize}, 0x17) == kNotSupported);
  CHECK_FALSE(mapped(0, kWindow));
}

TEST_CASE_FIXTURE(IvcFixture, "the debug call logs a line, of printable characters only") {
  const char text[] = "hello\x1b[2J\xff";
  REQUIRE(vms[0]->write_to_guest(GuestPhysAddr(kRam), std::as_bytes(std::span(text))));
  CHECK(call(0, {2, kRam, 10}) == kOk);
  CHECK(hal.messages.back() == "hello?[2J?");
  CHECK(call(0, {2, kRam, 0}) == kOk);
  CHECK(call(0, {2, kRam, kMaxDebugText + 1}) == kInvalid);
  CHECK(call(0, {2, kWindow, 4}) == kBadAddress);
  CHECK(call(0, {2, ~0ULL, 4}) == kBadAddress);
}

TEST_CASE_FIXTURE(IvcFixture, "a VM leaves the hypervisor alone, without channels, and for good") {
  CHECK(publish(0, 1, 0) == kOk);
  CHECK(call(0, {0}) == kDenied);  // it has a channel
  CHECK(call(0, {0xc400'0003, 1, kRam, 0}) == kOk);
  CHECK(call(0, {1}) == kDenied);  // its other vCPU is on
  CHECK(mapped(0, kWindow));
  REQUIRE(vms[0]->reset([](VmBase&) { return Result<>{}; }));
  REQUIRE(vms[0]->start());
  CHECK(publish(0, 1, 0) == kOk);
  CHECK(call(0, {1}) == kOk);
  CHECK_FALSE(mapped(0, kWindow));
  CHECK(call(0, {0}) == kOk);
  CHECK(vms[0]->shutting_down());
}
