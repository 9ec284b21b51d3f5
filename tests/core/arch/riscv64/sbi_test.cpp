#include <core/arch/riscv64/sbi/hart_mask.hpp>
#include <core/arch/riscv64/sbi/sbi.hpp>
#include <core/devices/byte_order.hpp>
#include <string>
#include <tests/core/arch/riscv64/sbi_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;
using namespace axvm::riscv64;

TEST_CASE_FIXTURE(SbiFixture, "the base extension says which SBI this is and what it has") {
  CHECK(ask(kBase, 0) == Answer{0, 2ULL << 24});
  CHECK(ask(kBase, 1) == Answer{0, 0x4178'564d});
  CHECK(ask(kBase, 2) == Answer{0, 1});
  for (const std::uint64_t extension :
       {0x0ULL, 0x8ULL, 0x10ULL, static_cast<unsigned long long>(kTime), 0x73'5049ULL,
        0x5246'4e43ULL, 0x48'534dULL, 0x5352'5354ULL, 0x5355'5350ULL, 0x53'5441ULL, 0x4442'434eULL,
        0x50'4d55ULL, 0x48'5643ULL}) {
    CHECK(ask(kBase, 3, {extension}) == Answer{0, 1});
  }
  for (const std::uint64_t extension : {0x9ULL, 0x11ULL, 0x4453'4145ULL, ~0ULL}) {
    CHECK(ask(kBase, 3, {extension}) == Answer{0, 0});
  }
  for (const std::uint64_t id : {4U, 5U, 6U}) CHECK(ask(kBase, id) == Answer{0, 0});
}

TEST_CASE_FIXTURE(SbiFixture, "what there is no function or extension for is not supported") {
  for (const std::uint64_t extension :
       {kBase, kTime, kIpi, kRfence, kHsm, kReset, kSuspend, kConsole, std::uint64_t{0x50'4d55},
        std::uint64_t{0xffff'ffff'0000'0000}}) {
    CHECK(ask(extension, 99) == Answer{kNotSupported, 0});
  }
  for (const std::uint64_t hfence : {3U, 4U, 5U, 6U}) {
    CHECK(ask(kRfence, hfence, {0, ~0ULL}) == Answer{kNotSupported, 0});
  }
}

TEST_CASE_FIXTURE(SbiFixture, "a call is told with its name, both numbers and its error") {
  ask(kHsm, 2, {99, 5, 6});
  const auto calls = hal.events_of<FirmwareCall>();
  REQUIRE(calls.size() == 1);
  CHECK(calls[0] ==
        FirmwareCall{
            VmId(5), VcpuId(0), "sbi_hart_get_status", kHsm << 32 | 2, {99, 5, 6}, kInvalidParam});
  CHECK(to_string(sbi::Call{.extension = sbi::Extension::LegacyShutdown}) == "sbi_shutdown");
  CHECK(to_string(sbi::Call{.extension = sbi::Extension::Base, .function = 7}).empty());
  CHECK(to_string(sbi::Call{.extension = sbi::Extension{0x9999}}).empty());
}

TEST_CASE_FIXTURE(SbiFixture, "the timer extension sets the guest's own comparator") {
  CHECK(ask(kTime, 0, {12345}) == Answer{0, 0});
  CHECK(hart().get(Csr::vstimecmp) == 12345);
  hart().gprs[11] = 77;
  CHECK(ask(0, 0, {54321}).error == 0);
  CHECK(hart().get(Csr::vstimecmp) == 54321);
  CHECK(hart().gprs[11] == 77);  // a legacy call returns one value
}

TEST_CASE_FIXTURE(SbiFixture, "a software interrupt goes to the harts of the mask that run") {
  CHECK(ask(kIpi, 0, {1 << 7, 0}) == Answer{0, 0});  // it is stopped
  CHECK(hal.woken.empty());
  start_second();
  hal.here = 1;
  run<ExternalInterrupt>(1);
  CHECK((hart().get(Csr::hvip) & interrupt::kVsSoftware) == 0);
  hal.here = 0;
  hal.woken.clear();
  CHECK(ask(kIpi, 0, {2, 6}) == Answer{0, 0});
  CHECK(hal.woken == std::vector<std::uint32_t>{1});
  hal.here = 1;
  run<ExternalInterrupt>(1);
  CHECK((hart().get(Csr::hvip) & interrupt::kVsSoftware) != 0);
  // The guest clears it by itself, and it stays away.
  hart().set(Csr::hvip, 0);
  run<ExternalInterrupt>(1);
  CHECK(hart().get(Csr::hvip) == 0);
}

TEST_CASE_FIXTURE(SbiFixture, "a base of -1 means all harts, the caller too") {
  start_second();
  hal.woken.clear();
  CHECK(ask(kIpi, 0, {0, ~0ULL}) == Answer{0, 0});
  CHECK(hal.woken == std::vector<std::uint32_t>{0, 1});
  CHECK((hart().get(Csr::hvip) & interrupt::kVsSoftware) != 0);
}

TEST_CASE_FIXTURE(SbiFixture, "a mask with a hart that is not there is refused as a whole") {
  hal.woken.clear();
  CHECK(ask(kIpi, 0, {3, 0}) == Answer{kInvalidParam, 0});
  CHECK(ask(kIpi, 0, {1ULL << 63, ~0ULL - 1}) == Answer{kInvalidParam, 0});  // wraps
  CHECK(ask(kRfence, 0, {2, 0}) == Answer{kInvalidParam, 0});
  CHECK(hal.woken.empty());
  CHECK(hart().maintenance.empty());
}

TEST_CASE_FIXTURE(SbiFixture, "remote fences are the hardware's, on every hart") {
  CHECK(ask(kRfence, 0, {1, 0}) == Answer{0, 0});
  CHECK(ask(kRfence, 1, {1, 0, 0x1000, 0x2000}) == Answer{0, 0});
  CHECK(ask(kRfence, 1, {0, ~0ULL, 0, 0}) == Answer{0, 0});
  CHECK(ask(kRfence, 1, {0, ~0ULL, 0x1000, ~0ULL}) == Answer{0, 0});
  CHECK(ask(kRfence, 2, {1, 0, 0x1000, 0x1000, 9}) == Answer{0, 0});
  CHECK(ask(kRfence, 2, {1, 0, 0, ~0ULL, 9}) == Answer{0, 0});
  CHECK(ask(kRfence, 1, {1, 0, ~0ULL - 5, 0x1000}) == Answer{kInvalidAddress, 0});
  CHECK(ask(kRfence, 1, {1, 0, ~0xfffULL, 0x1000}) == Answer{0, 0});  // the last page
  CHECK(hart().maintenance ==
        std::vector<std::string>{"remote fence.i@5", "remote vvma 4096+8192@5", "remote vvma all@5",
                                 "remote vvma all@5", "remote vvma 4096+4096 asid 9@5",
                                 "remote vvma 0+18446744073709551615 asid 9@5",
                                 "remote vvma 18446744073709547520+4096@5"});
}

TEST_CASE_FIXTURE(SbiFixture, "harts are started, report their state, and stop") {
  CHECK(ask(kHsm, 2, {0}) == Answer{0, 0});
  CHECK(ask(kHsm, 2, {7}) == Answer{0, 1});
  CHECK(ask(kHsm, 0, {6, kEntry, 0}).error == kInvalidParam);
  CHECK(ask(kHsm, 0, {7, 0x7000'0000, 0}).error == kInvalidAddress);
  CHECK(ask(kHsm, 0, {7, kEntry + 1, 0}).error == kInvalidAddress);
  start_second();
  CHECK(hart().gprs[10] == 0);
  CHECK(ask(kHsm, 2, {7}) == Answer{0, 0});
  CHECK(ask(kHsm, 0, {7, kEntry, 0}).error == kAlreadyAvailable);
  hal.here = 1;
  run<ExternalInterrupt>(1);
  CHECK(pc() == kEntry);
  CHECK(hart().gprs[10] == 7);
  CHECK(hart().gprs[11] == 42);
  call(kHsm, 1);
  run<CpuDown>(1);
  hal.here = 0;
  CHECK(ask(kHsm, 2, {7}) == Answer{0, 1});
  start_second();
}

TEST_CASE_FIXTURE(SbiFixture, "a suspended hart waits, and goes on where it was or elsewhere") {
  hart().set(Csr::vsie, interrupt::kSupervisorTimer);
  hart().set(Csr::vstimecmp, 10);
  call(kHsm, 3, {0, 0, 0});
  CHECK(run<Halt>().wake_time == 1000);
  CHECK(pc() == kEntry + 4);
  CHECK(hart().gprs[10] == 0);
  call(kHsm, 3, {0x8000'0000, kEntry + 0x100, 5});
  CHECK(run<Halt>().wake_time == 1000);
  hart().set(Csr::time, 10);
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry + 0x100);
  CHECK(hart().gprs[11] == 5);
  CHECK(hart().get(Csr::vstimecmp) == 10);
  // With an interrupt pending it does not wait.
  call(kHsm, 3, {0x8000'0000, kEntry, 6});
  CHECK(run<Halt>().wake_time == 0);
  call(kHsm, 3, {0, 0, 0});
  run<ExternalInterrupt>();
  CHECK(ask(kHsm, 3, {0x8000'0000, 0x7000'0000}).error == kInvalidAddress);
  for (const std::uint64_t reserved : {0x1ULL, 0xfff'ffffULL, 0x8000'0001ULL}) {
    CHECK(ask(kHsm, 3, {reserved}).error == kInvalidParam);
  }
  CHECK(ask(kHsm, 3, {0x1000'0000}).error == kNotSupported);
  CHECK(ask(kHsm, 3, {0x9000'0000}).error == kNotSupported);
}

TEST_CASE_FIXTURE(SbiFixture, "a hart is suspended until it runs again, however it was") {
  constexpr std::uint64_t kSuspended = 4;
  start_second();
  const auto status = [&] {
    hal.here = 0;
    const Answer answer = ask(kHsm, 2, {7});
    hal.here = 1;
    return answer;
  };
  hal.here = 1;
  run<ExternalInterrupt>(1);
  for (const std::uint64_t type : {0ULL, 0x8000'0000ULL}) {
    call(kHsm, 3, {type, kEntry, 0});
    run<Halt>(1);
    CHECK(status() == Answer{0, kSuspended});
    run<ExternalInterrupt>(1);
    CHECK(status() == Answer{0, 0});
  }
}

TEST_CASE_FIXTURE(SbiFixture, "a guest shuts down and reboots, for reasons that exist") {
  CHECK(ask(kReset, 0, {3, 0}).error == kInvalidParam);
  CHECK(ask(kReset, 0, {0, 2}).error == kInvalidParam);
  CHECK(ask(kReset, 0, {0xf000'0000, 0}).error == kNotSupported);
  call(kReset, 0, {0, 0});
  CHECK_FALSE(run<SystemDown>().reset);
  CHECK((*vm)->stop_reason() == VmStopReason::SystemDown);
  REQUIRE((*vm)->start().has_value());
  run<ExternalInterrupt>();
  call(kReset, 0, {2, 0xe000'0000});
  CHECK(run<SystemDown>().reset);
  REQUIRE((*vm)->start().has_value());
  run<ExternalInterrupt>();
  call(8, 0);
  CHECK_FALSE(run<SystemDown>().reset);
}

TEST_CASE_FIXTURE(SbiFixture, "the system is suspended by its last hart") {
  call(kSuspend, 0, {0, kEntry + 2, 9});
  run<Halt>();
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry + 2);
  CHECK(hart().gprs[11] == 9);
  CHECK(ask(kSuspend, 0, {1, kEntry, 0}).error == kInvalidParam);
  CHECK(ask(kSuspend, 0, {0x8000'0000, kEntry, 0}).error == kNotSupported);
  CHECK(ask(kSuspend, 0, {0, 0x7000'0000, 0}).error == kInvalidAddress);
  start_second();
  CHECK(ask(kSuspend, 0, {0, kEntry, 0}).error == kDenied);
}

TEST_CASE_FIXTURE(SbiFixture,
                  "the console writes from memory and reads to it, as much as is there") {
  put(kGuestRam + 0x100, "hello, console");
  CHECK(ask(kConsole, 0, {5, kGuestRam + 0x100, 0}) == Answer{0, 5});
  CHECK(ask(kConsole, 2, {'!'}) == Answer{0, 0});
  CHECK(ask(kConsole, 0, {0, 0, 0}) == Answer{0, 0});
  CHECK(hal.output == "hello!");
  hal.input = "abc";
  CHECK(ask(kConsole, 1, {2, kGuestRam + 0x200, 0}) == Answer{0, 2});
  CHECK(get(kGuestRam + 0x200, 3) == std::string_view("ab\0", 3));
  CHECK(ask(kConsole, 1, {100, kGuestRam + 0x200, 0}) == Answer{0, 1});
  CHECK(ask(kConsole, 1, {100, kGuestRam + 0x200, 0}) == Answer{0, 0});
  CHECK(ask(kConsole, 1, {0, 0x7000'0123, 0}) == Answer{0, 0});  // nothing, where there is nothing
  // A part at a time: the guest asks again.
  CHECK(ask(kConsole, 0, {0x10'0000, kGuestRam, 0}) == Answer{0, sbi::kMostConsoleBytes});
}

TEST_CASE_FIXTURE(SbiFixture, "a buffer that is not all memory is refused, and nothing happens") {
  hal.input = "abc";
  const struct {
    std::uint64_t size, low, high;
  } buffers[] = {{8, 0x7000'0000, 0}, {8, kUart, 0},         {0x10'0001, kGuestRam, 0},
                 {8, kGuestRam, 1},   {~0ULL, kGuestRam, 0}, {16, ~0ULL - 7, 0}};
  for (const auto& b : buffers) {
    CHECK(ask(kConsole, 0, {b.size, b.low, b.high}) == Answer{kInvalidParam, 0});
    CHECK(ask(kConsole, 1, {b.size, b.low, b.high}) == Answer{kInvalidParam, 0});
  }
  CHECK(hal.output.empty());
  CHECK(hal.input == "abc");
}

TEST_CASE_FIXTURE(SbiFixture, "the legacy console") {
  CHECK(ask(1, 0, {'x'}).error == 0);
  CHECK(hal.output == "x");
  hal.input = "y";
  CHECK(ask(2, 0).error == 'y');
  CHECK(ask(2, 0).error == ~0ULL);
}

TEST_CASE_FIXTURE(SbiFixture, "legacy calls find their mask of harts by a virtual address") {
  start_second();
  hart().memory[0x5000] = 0x81;
  hal.woken.clear();
  CHECK(ask(4, 0, {0x5000}).error == 0);
  CHECK(hal.woken == std::vector<std::uint32_t>{0, 1});
  CHECK(ask(3, 0).error == 1);  // clear_ipi: there was one
  CHECK(ask(3, 0).error == 0);
  hart().maintenance.clear();
  CHECK(ask(5, 0, {0x5000}).error == 0);
  CHECK(ask(6, 0, {0, 0x1000, 0x1000}).error == 0);
  CHECK(ask(7, 0, {0, 0x1000, 0x1000, 3}).error == 0);
  CHECK(hart().maintenance == std::vector<std::string>{"remote fence.i@5",
                                                       "remote vvma 4096+4096@5",
                                                       "remote vvma 4096+4096 asid 3@5"});
  hart().memory[0x5000] = 2;
  CHECK(ask(4, 0, {0x5000}).error == kInvalidParam);
  CHECK(ask(9, 0).error == kNotSupported);
}

TEST_CASE_FIXTURE(SbiFixture, "a mask that cannot be read is the guest's page fault at its call") {
  hart().refuse = [](FakeHart& h, std::uint64_t va, bool) {
    h.set(Csr::scause, 13);
    h.set(Csr::stval, va);
    return true;
  };
  call(4, 0, {0x5000});
  run<ExternalInterrupt>();
  check_injected(ExceptionCause::LoadPage, 0x5000, kEntry);
  hart().set(Csr::sepc, kEntry);
  hal.events.clear();
  hart().refuse = [](FakeHart& h, std::uint64_t va, bool) {
    h.set(Csr::scause, 21);
    h.set(Csr::stval, va);
    h.set(Csr::htval, kUart >> 2);
    return true;
  };
  call(5, 0, {0x5000});
  run<ExternalInterrupt>();
  check_injected(ExceptionCause::LoadAccess, 0x5000, kEntry);
}

TEST_CASE_FIXTURE(SbiFixture, "hypercalls have upstream's number, and one result") {
  put(kGuestRam + 0x100, "hi");
  hart().gprs[11] = 5;
  call(kHvc, 2, {kGuestRam + 0x100, 2});
  run<ExternalInterrupt>();
  CHECK(hart().gprs[10] == 0);
  CHECK(hart().gprs[11] == 2);
  CHECK(hal.messages.back() == "hi");
  CHECK(hal.events_of<FirmwareCall>().back().name == "HyperVisorDebug");
  CHECK(ask(kHvc, 8).error == ~0ULL);
  CHECK(ask(kHvc, 3, {1, 0, 0}).error == ~0ULL);  // the VM has no channels
  call(kHvc, 0);
  CHECK_FALSE(run<SystemDown>().reset);
}

TEST_CASE_FIXTURE(SbiFixture, "time that a guest wanted and did not get is in its memory") {
  constexpr std::uint64_t kShared = kGuestRam + 0x440, kSta = 0x53'5441;
  const auto shared = [&](std::uint64_t offset, std::size_t size) {
    std::array<std::byte, 8> bytes{};
    const auto done =
        (*vm)->read_from_guest(GuestPhysAddr(kShared + offset), std::span(bytes).first(size));
    REQUIRE(done.has_value());
    return load_le<std::uint64_t>(std::span<const std::byte>(bytes));
  };
  put(kShared, "whatever was there before, which nobody is to see from here on");
  CHECK(ask(kSta, 0, {kShared, 0, 1}).error == kInvalidParam);
  CHECK(ask(kSta, 0, {kShared + 8, 0, 0}).error == kInvalidParam);
  CHECK(ask(kSta, 0, {0x7000'0000, 0, 0}).error == kInvalidAddress);
  CHECK(ask(kSta, 0, {kShared, 1, 0}).error == kInvalidAddress);
  CHECK(get(kShared, 4) == "what");
  CHECK(ask(kSta, 0, {kShared, 0, 0}) == Answer{0, 0});
  CHECK(get(kShared, 64) == std::string(64, '\0'));
  hal.now = 1000;  // it was interrupted at 0
  run<ExternalInterrupt>();
  CHECK(shared(8, 8) == 1000);
  CHECK(shared(0, 4) == 2);
  hal.now = 1500;
  trap(ExceptionCause::VirtualInstruction, 0x1050'0073);
  run<Halt>();
  CHECK(shared(8, 8) == 1500);
  hal.now = 9000;  // it has waited for an interrupt: nobody took that from it
  run<ExternalInterrupt>();
  CHECK(shared(8, 8) == 1500);
  CHECK(shared(0, 4) == 4);
  CHECK(ask(kSta, 0, {~0ULL, ~0ULL, 0}) == Answer{0, 0});
  hal.now = 20'000;
  run<ExternalInterrupt>();
  CHECK(shared(0, 4) == 4);
  CHECK(ask(kSta, 1).error == kNotSupported);
}

TEST_CASE("a hart mask counts from its base") {
  struct Hart {
    std::uint64_t id;
    std::uint64_t phys_id() const { return id; }
  };
  struct Harts {
    std::vector<Hart> harts{{0}, {5}, {70}};
    std::vector<Hart>& vcpus() { return harts; }
    Hart* find_vcpu(std::uint64_t id) {
      for (Hart& hart : harts) {
        if (hart.id == id) return &hart;
      }
      return nullptr;
    }
  } vm;
  const auto reached = [&](sbi::HartMask mask) {
    std::vector<std::uint64_t> ids;
    mask.for_each(vm, [&](Hart& hart) { ids.push_back(hart.id); });
    return ids;
  };
  CHECK(reached({.bits = 0x21, .base = 0}) == std::vector<std::uint64_t>{0, 5});
  CHECK(reached({.bits = 1ULL << 63 | 1, .base = 7}) == std::vector<std::uint64_t>{70});
  CHECK(reached({}) == std::vector<std::uint64_t>{0, 5, 70});
  CHECK(sbi::HartMask{.bits = 0x21, .base = 0}.is_valid(vm));
  CHECK_FALSE(sbi::HartMask{.bits = 0x22, .base = 0}.is_valid(vm));
  CHECK(sbi::HartMask{.bits = 0, .base = 99}.is_valid(vm));
}
