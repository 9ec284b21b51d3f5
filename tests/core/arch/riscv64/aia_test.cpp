// A guest with the Advanced Interrupt Architecture: from devices, messages and other harts to
// hvip, and its interrupt file by the CSRs that trap.
#include <tests/core/arch/riscv64/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;
using namespace axvm::riscv64;

namespace {

constexpr std::uint64_t kAplic = 0xd00'0000, kImsic = 0x2800'0000, kSswi = 0x2f0'0000;
constexpr std::uint64_t kAplicOnly[] = {2}, kWithFiles[] = {2, kImsic}, kSswiRow[] = {3};

// CSRRW, CSRRS and CSRRC of x6 with x5's value, and of x6 with a number.
std::uint32_t csrrw(Csr csr) { return static_cast<std::uint32_t>(csr) << 20 | 0x0002'9373; }
std::uint32_t csrrs(Csr csr) { return static_cast<std::uint32_t>(csr) << 20 | 0x0002'a373; }
std::uint32_t csrrc(Csr csr) { return static_cast<std::uint32_t>(csr) << 20 | 0x0002'b373; }
std::uint32_t csrr(Csr csr) { return static_cast<std::uint32_t>(csr) << 20 | 0x0000'2373; }
std::uint32_t csrrwi(Csr csr, std::uint32_t n) {
  return static_cast<std::uint32_t>(csr) << 20 | n << 15 | 0x0000'5373;
}

struct AiaFixture : RiscvFixture {
  explicit AiaFixture(std::span<const std::uint64_t> arguments = kWithFiles) {
    devices[1] = {
        "aplic",  GuestPhysAddr(kAplic), 0x8000, 0, EmulatedDeviceType::InterruptController,
        arguments};
    devices.push_back({"sswi", GuestPhysAddr(kSswi), 0x4000, 0,
                       EmulatedDeviceType::InterruptController, kSswiRow});
    start();
    run<ExternalInterrupt>();
    hal.events.clear();
    hart().set(Csr::vstvec, kVectors);
  }
  void store(std::uint64_t gpa, std::uint32_t value) {
    hart().gprs[5] = value;
    trap(ExceptionCause::StoreGuestPage, gpa, gpa, 0x0050'2023);  // SW x5
    run<ExternalInterrupt>();
  }
  std::uint64_t load(std::uint64_t gpa) {
    trap(ExceptionCause::LoadGuestPage, gpa, gpa, 0x0000'2283);  // LW x5
    run<ExternalInterrupt>();
    return hart().gprs[5];
  }
  /// The guest executes an instruction that hardware leaves to the hypervisor; what x6 is then.
  std::uint64_t execute(std::uint32_t word, std::uint64_t x5 = 0) {
    hart().gprs[5] = x5;
    trap(ExceptionCause::VirtualInstruction, word);
    run<ExternalInterrupt>();
    return hart().gprs[6];
  }
  std::uint64_t exchange(std::uint64_t select, std::uint64_t value) {
    hart().set(Csr::vsiselect, select);
    return execute(csrrw(Csr::sireg), value);
  }
  std::uint64_t get(std::uint64_t select) {
    hart().set(Csr::vsiselect, select);
    return execute(csrr(Csr::sireg));
  }
  /// The guest's interrupt file delivers identity 10 and those up to 63.
  void open_file() {
    exchange(0x70, 1);
    exchange(0xc0, ~0ULL << 10);
  }
  bool is_pending() { return (hart().get(Csr::hvip) & interrupt::kVsExternal) != 0; }
};

struct AplicFixture : AiaFixture {
  AplicFixture() : AiaFixture(kAplicOnly) {}
};

}  // namespace

TEST_CASE_FIXTURE(AiaFixture, "a message interrupts the guest until it claims it") {
  open_file();
  REQUIRE((*vm)->inject_message(0, 33).has_value());
  CHECK(hal.woken.back() == 0);
  run<ExternalInterrupt>();
  CHECK(is_pending());
  CHECK(execute(csrr(Csr::stopei)) == (33 << 16 | 33));
  CHECK(is_pending());
  const std::uint64_t from = pc();
  CHECK(execute(csrrw(Csr::stopei)) == (33 << 16 | 33));
  CHECK(pc() == from + 4);
  CHECK_FALSE(is_pending());
  CHECK(execute(csrrw(Csr::stopei)) == 0);
}

TEST_CASE_FIXTURE(AiaFixture, "messages go to the vCPU's file, by numbers that there are") {
  CHECK((*vm)->inject_message(2, 33).error().kind == ErrorKind::NotFound);
  CHECK((*vm)->inject_message(0, 0).error().kind == ErrorKind::OutOfRange);
  CHECK((*vm)->inject_message(0, 256).error().kind == ErrorKind::OutOfRange);
  CHECK((*vm)->inject_message(1, 255).has_value());
  CHECK(get(0x86) == 0);
  store(kImsic, 200);
  store(kImsic + 4, 201U << 24);
  store(kImsic + 8, 202);
  store(kImsic + 0x1000, 203);
  CHECK(get(0x86) == (1ULL << (200 - 192) | 1ULL << (201 - 192)));
  CHECK(load(kImsic) == 0);
}

TEST_CASE_FIXTURE(AiaFixture, "a guest accesses its interrupt file by every form of instruction") {
  CHECK(exchange(0xc0, 0xf0) == 0);
  CHECK(execute(csrrs(Csr::sireg), 0x0f) == 0xf0);
  CHECK(execute(csrrc(Csr::sireg), 0x30) == 0xfe);
  CHECK(execute(csrrwi(Csr::sireg, 18)) == 0xce);
  CHECK(execute(csrr(Csr::sireg)) == 18);
  const auto accesses = hal.events_of<DeviceAccess>();
  REQUIRE(accesses.size() == 5);
  CHECK(accesses[0].bus == Bus::SysReg);
  CHECK(accesses[0].is_write);
  CHECK(accesses[0].address == 0x151);
  CHECK(accesses[0].data == 0xf0);
  CHECK_FALSE(accesses[4].is_write);
  CHECK(accesses[4].device == "imsic");
  CHECK(exchange(0x30, 0xffff) == 0);  // priorities, which are those by default
  CHECK(get(0x30) == 0);
}

TEST_CASE_FIXTURE(AiaFixture, "registers that there are none of are illegal instructions") {
  SUBCASE("an odd one of the interrupt file") { hart().set(Csr::vsiselect, 0x81); }
  SUBCASE("an odd one of priorities") { hart().set(Csr::vsiselect, 0x31); }
  SUBCASE("outside of it") { hart().set(Csr::vsiselect, 0x100); }
  const std::uint64_t from = pc();
  execute(csrr(Csr::sireg));
  check_injected(ExceptionCause::IllegalInstruction, csrr(Csr::sireg), from);
}

TEST_CASE_FIXTURE(AiaFixture, "a program in VU-mode has no interrupt file") {
  open_file();
  REQUIRE((*vm)->inject_message(0, 33).has_value());
  hart().set(Csr::sstatus, hart().get(Csr::sstatus) & ~status::kSpp);
  const std::uint64_t from = pc();
  execute(csrrw(Csr::stopei));
  check_injected(ExceptionCause::IllegalInstruction, csrrw(Csr::stopei), from);
  CHECK(is_pending());
}

TEST_CASE_FIXTURE(AiaFixture, "a device's interrupt becomes a message by the APLIC") {
  open_file();
  store(kAplic, 0x100);
  store(kAplic + 4 * 10, 6);            // level
  store(kAplic + 0x3000 + 4 * 10, 33);  // to hart 0
  store(kAplic + 0x1edc, 10);
  hart().gprs[5] = 1;
  trap(ExceptionCause::StoreGuestPage, kUart + 1, kUart + 1, 0x0050'0023);  // IER = 1
  run<ExternalInterrupt>();
  hal.input = "x";
  (*vm)->poll_devices();
  CHECK(hal.woken.back() == 0);
  run<ExternalInterrupt>();
  CHECK(is_pending());
  CHECK(execute(csrrw(Csr::stopei)) == (33 << 16 | 33));
  CHECK_FALSE(is_pending());
  CHECK(load(kAplic + 0x1d00) == 1 << 10);  // the wire is still up
  REQUIRE((*vm)->inject_interrupt(VcpuId(0), 11).has_value());
  CHECK_FALSE(is_pending());
}

TEST_CASE_FIXTURE(AplicFixture, "without interrupt files the APLIC interrupts harts itself") {
  store(kAplic, 0x100);
  store(kAplic + 4 * 20, 4);           // rising edge
  store(kAplic + 0x3000 + 4 * 20, 3);  // hart 0, priority 3
  store(kAplic + 0x1edc, 20);
  store(kAplic + 0x4000, 1);
  CHECK_FALSE(is_pending());
  REQUIRE((*vm)->inject_interrupt(VcpuId(0), 20).has_value());
  run<ExternalInterrupt>();
  CHECK(is_pending());
  CHECK(load(kAplic + 0x401c) == (20 << 16 | 3));
  CHECK_FALSE(is_pending());
  CHECK((*vm)->inject_message(0, 33).error().kind == ErrorKind::Unsupported);
  const std::uint64_t from = pc();
  execute(csrr(Csr::stopei));
  check_injected(ExceptionCause::IllegalInstruction, csrr(Csr::stopei), from);
}

TEST_CASE_FIXTURE(AiaFixture,
                  "hstateen0 gives a guest's harts the registers of its interrupt file") {
  CHECK(hart().get(Csr::hstateen0) == 0x5cULL << 56);
  CHECK(hart().get(Csr::hvictl) == 0);
  hart().set(Csr::vsiselect, 0x72);
  hal.cpu(1);
  REQUIRE((*vm)->unload_vcpu(VcpuId(0)).has_value());
  hal.here = 1;
  run<ExternalInterrupt>();
  CHECK(hart().get(Csr::vsiselect) == 0x72);
}

TEST_CASE_FIXTURE(AplicFixture, "and takes them from guests that have none") {
  CHECK(hart().get(Csr::hstateen0) == 1ULL << 62);
}

TEST_CASE_FIXTURE(AiaFixture, "SSWI sends harts software interrupts, which they clear") {
  store(kSswi + 4, 1);
  CHECK(hal.woken.back() == 1);
  CHECK((hart().get(Csr::hvip) & interrupt::kVsSoftware) == 0);
  store(kSswi, 2);
  store(kSswi + 8, 1);  // no such hart
  CHECK((hart().get(Csr::hvip) & interrupt::kVsSoftware) == 0);
  store(kSswi, 1);
  CHECK((hart().get(Csr::hvip) & interrupt::kVsSoftware) != 0);
  CHECK(load(kSswi) == 0);
  hart().set(Csr::hvip, 0);
  run<ExternalInterrupt>();
  CHECK(hart().get(Csr::hvip) == 0);
}

TEST_CASE_FIXTURE(RiscvFixture, "interrupt files are where nothing else of the guest's is") {
  const std::uint64_t in_memory[] = {2, kGuestRam + 0x1'0000}, in_device[] = {2, kUart};
  for (const std::span<const std::uint64_t> arguments :
       {std::span(in_memory), std::span(in_device)}) {
    devices[1] = {
        "aplic",  GuestPhysAddr(kAplic), 0x8000, 0, EmulatedDeviceType::InterruptController,
        arguments};
    CHECK_FALSE(create().has_value());
  }
}

TEST_CASE_FIXTURE(RiscvFixture, "interrupt files need the registers of the hart") {
  devices[1] = {
      "aplic",   GuestPhysAddr(kAplic), 0x8000, 0, EmulatedDeviceType::InterruptController,
      kWithFiles};
  hal.cpu(0).selects = 0;
  CHECK(create().error().kind == ErrorKind::Unsupported);
  devices[1].cfg_list = kAplicOnly;
  CHECK(create().has_value());
}
