#include <core/arch/riscv64/performance_counters.hpp>
#include <core/arch/riscv64/received_events.hpp>
#include <core/devices/byte_order.hpp>
#include <tests/core/arch/riscv64/sbi_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;
using namespace axvm::riscv64;

namespace {

constexpr std::uint64_t kPmu = 0x50'4d55;
constexpr std::uint64_t kNumCounters = 0, kGetInfo = 1, kConfigure = 2, kStart = 3, kStop = 4,
                        kFwRead = 5, kFwReadHi = 6, kSetShmem = 7;
constexpr std::uint64_t kSkipMatch = 1, kClearValue = 2, kAutoStart = 4;
constexpr std::uint64_t kSetInitValue = 1, kInitSnapshot = 2;
constexpr std::uint64_t kResetFlag = 1, kTakeSnapshot = 2;
constexpr std::uint64_t kCycles = 1, kInstructions = 2, kTimerEvent = 0xf'0005,
                        kIpiEvent = 0xf'0006, kFenceIEvent = 0xf'0008, kFenceEvent = 0xf'000a,
                        kFenceAsidEvent = 0xf'000c, kReceived = 1;  // added to what is sent
constexpr std::uint64_t kAll = 0x3ff;
constexpr std::uint64_t kAlreadyStarted = ~6ULL, kAlreadyStopped = ~7ULL, kNoShmem = ~8ULL;
constexpr std::uint64_t kOk = 0;

constexpr std::uint32_t kReadCycle = 0xc000'2573;    // RDCYCLE a0
constexpr std::uint32_t kReadInstret = 0xc020'25f3;  // RDINSTRET a1

struct PmuFixture : SbiFixture {
  /// Memory that the guest may not write.
  static constexpr std::uint64_t kReadOnly = 0x9000'0000;
  PmuFixture() {
    REQUIRE((*vm)
                ->map_region({GuestPhysAddr(kReadOnly), 0x1000}, HostPhysAddr(FakeHartHost::kRam),
                             MappingFlags::Read)
                .has_value());
  }
  std::uint64_t pmu(std::uint64_t function, std::initializer_list<std::uint64_t> arguments) {
    return ask(kPmu, function, arguments).error;
  }
  /// The counter that counts `event` from now on.
  std::uint64_t start(std::uint64_t event, std::uint32_t vcpu = 0) {
    const Answer answer =
        ask(kPmu, kConfigure, {0, kAll, kClearValue | kAutoStart, event, 0}, vcpu);
    CHECK(answer.error == kOk);
    return answer.value;
  }
  std::uint64_t firmware(std::uint64_t counter, std::uint32_t vcpu = 0) {
    const Answer answer = ask(kPmu, kFwRead, {counter}, vcpu);
    CHECK(answer.error == kOk);
    return answer.value;
  }
  void hardware(std::uint64_t cycle, std::uint64_t instret) {
    hart().set(Csr::cycle, cycle);
    hart().set(Csr::instret, instret);
  }
  /// RDCYCLE or RDINSTRET that traps.
  std::uint64_t read(std::uint32_t word) {
    const std::uint64_t from = pc();
    trap(ExceptionCause::VirtualInstruction, word);
    run<ExternalInterrupt>(hal.here);
    CHECK(pc() == from + 4);
    return hart().gprs[word >> 7 & 31];
  }
  [[nodiscard]] std::uint64_t traps() { return ~hart().get(Csr::hcounteren) & 7; }
};

/// How many of an event have been received since the last time.
std::uint64_t take(ReceivedEvents& events, std::uint64_t event) {
  PerformanceCounters counters;
  counters.configure(2, static_cast<PerformanceCounters::Event>(event), {});
  counters.start(2, {});
  events.move_to(counters);
  return counters.value(2, {});
}

struct SavedState final : StateVisitor {
  void field(std::string_view, std::uint64_t& value) override {
    if (restores()) {
      value = values.at(next++);
    } else {
      values.push_back(value);
    }
  }
  [[nodiscard]] bool restores() const noexcept override { return is_complete; }
  std::vector<std::uint64_t> values;
  std::size_t next = 0;
  bool is_complete = false;
};

}  // namespace

TEST_CASE_FIXTURE(PmuFixture, "there are counters of the hart's and of firmware's") {
  CHECK(ask(kPmu, kNumCounters) == Answer{kOk, 10});
  CHECK(ask(kPmu, kGetInfo, {0}) == Answer{kOk, 63 << 12 | 0xc00});
  CHECK(ask(kPmu, kGetInfo, {1}) == Answer{kOk, 63 << 12 | 0xc02});
  for (std::uint64_t n = 2; n < 10; ++n) CHECK(ask(kPmu, kGetInfo, {n}) == Answer{kOk, 1ULL << 63});
  for (const std::uint64_t n : {10ULL, ~0ULL}) CHECK(pmu(kGetInfo, {n}) == kInvalidParam);
}

TEST_CASE_FIXTURE(PmuFixture, "until it is configured, a hardware counter is the hart's own") {
  CHECK(traps() == 0);
  CHECK(pmu(kStop, {0, kAll, 0}) == kInvalidParam);
  CHECK(pmu(kStart, {0, kAll, 0, 0}) == kInvalidParam);
  CHECK(traps() == 0);
}

TEST_CASE_FIXTURE(PmuFixture, "a hardware counter stands still, runs from a value, and stops") {
  hardware(1000, 500);
  CHECK(ask(kPmu, kConfigure, {0, kAll, 0, kCycles, 0}) == Answer{kOk, 0});
  CHECK(traps() == 1);  // what the guest reads is no longer what the hart says
  hardware(1100, 550);
  CHECK(read(kReadCycle) == 1000);
  CHECK(pmu(kStart, {0, 1, kSetInitValue, 7}) == kOk);
  hardware(1150, 580);
  CHECK(read(kReadCycle) == 57);
  CHECK(pmu(kStop, {0, 1, 0}) == kOk);
  hardware(2000, 990);
  CHECK(read(kReadCycle) == 57);
  CHECK(pmu(kStart, {0, 1, 0, 999}) == kOk);  // goes on; the value does not count without its flag
  hardware(2001, 991);
  CHECK(read(kReadCycle) == 58);
  CHECK(pmu(kStop, {0, 1, kResetFlag}) == kOk);
  CHECK(traps() == 0);
}

TEST_CASE_FIXTURE(PmuFixture, "a counter that agrees with the hart is read without a trap") {
  hardware(0, 40);
  CHECK(ask(kPmu, kConfigure, {0, kAll, kClearValue | kAutoStart, kCycles, 0}).error == kOk);
  CHECK(traps() == 0);
  CHECK(ask(kPmu, kConfigure, {0, kAll, kClearValue | kAutoStart, kInstructions, 0}) ==
        Answer{kOk, 1});
  CHECK(traps() == 4);
  hardware(9, 49);
  CHECK(read(kReadInstret) == 9);
}

TEST_CASE_FIXTURE(PmuFixture, "in VU-mode a counter is read by leave of the guest's kernel") {
  start(kCycles);
  hart().set(Csr::sstatus, hart().get(Csr::sstatus) & ~status::kSpp);
  hart().set(Csr::scounteren, 1);
  hardware(5, 5);
  CHECK(read(kReadCycle) == 5);
  hart().set(Csr::scounteren, 4);
  hal.events.clear();
  const std::uint64_t from = pc();
  trap(ExceptionCause::VirtualInstruction, kReadCycle);
  run<ExternalInterrupt>();
  check_injected(ExceptionCause::IllegalInstruction, kReadCycle, from);
}

TEST_CASE_FIXTURE(PmuFixture, "what is no read of a counter is an illegal instruction") {
  start(kCycles);
  for (const std::uint32_t word : {0xc000'1573U, 0xc000'a573U, 0xc030'2573U, 0xc001'6573U}) {
    CAPTURE(word);
    hal.events.clear();
    hart().set(Csr::sepc, kEntry);
    trap(ExceptionCause::VirtualInstruction, word);
    run<ExternalInterrupt>();
    check_injected(ExceptionCause::IllegalInstruction, word, kEntry);
  }
}

TEST_CASE_FIXTURE(PmuFixture, "a counter counts what its guest does, on whatever hart") {
  hardware(100, 10);
  start(kCycles);
  start(kInstructions);
  hardware(130, 20);
  hal.cpu(1);
  hal.here = 1;
  hardware(7'000'000, 6'000'000);
  run<ExternalInterrupt>();  // the vCPU moves
  hardware(7'000'005, 6'000'004);
  trap(ExceptionCause::VirtualInstruction, kReadCycle);
  run<ExternalInterrupt>();
  CHECK(hart().gprs[10] == 35);
  trap(ExceptionCause::VirtualInstruction, kReadInstret);
  run<ExternalInterrupt>();
  CHECK(hart().gprs[11] == 14);
  CHECK(traps() == 5);
}

TEST_CASE_FIXTURE(PmuFixture, "firmware's counters count calls while they run") {
  const std::uint64_t timers = start(kTimerEvent);
  const std::uint64_t ipis = start(kIpiEvent);
  CHECK(timers == 2);
  CHECK(ipis == 3);
  for (unsigned n = 0; n < 3; ++n) ask(kTime, 0, {~0ULL});
  ask(0, 0, {~0ULL});  // the legacy call, too
  CHECK(firmware(timers) == 4);
  CHECK(firmware(ipis) == 0);
  CHECK(pmu(kStop, {timers, 1, 0}) == kOk);
  ask(kTime, 0, {~0ULL});
  CHECK(firmware(timers) == 4);
  CHECK(pmu(kStart, {timers, 1, kSetInitValue, 100}) == kOk);
  ask(kTime, 0, {~0ULL});
  CHECK(firmware(timers) == 101);
  CHECK(ask(kPmu, kFwReadHi, {timers}) == Answer{kOk, 0});
}

TEST_CASE_FIXTURE(PmuFixture, "what is sent to other harts counts once for each of them") {
  const std::uint64_t ipis = start(kIpiEvent);
  const std::uint64_t fences_i = start(kFenceIEvent);
  const std::uint64_t fences = start(kFenceEvent);
  const std::uint64_t by_asid = start(kFenceAsidEvent);
  ask(kIpi, 0, {0, ~0ULL});
  ask(kIpi, 0, {1, 0});  // itself
  ask(kIpi, 0, {1 << 7, 0});
  ask(kRfence, 0, {0, ~0ULL});
  ask(kRfence, 1, {0, ~0ULL, 0, 0});
  ask(kRfence, 1, {0, ~0ULL, ~0ULL - 5, 0x1000});  // refused
  ask(kRfence, 2, {0, ~0ULL, 0x1000, 0x1000, 9});
  CHECK(firmware(ipis) == 2);
  CHECK(firmware(fences_i) == 1);
  CHECK(firmware(fences) == 1);
  CHECK(firmware(by_asid) == 1);
}

TEST_CASE_FIXTURE(PmuFixture, "what is sent by other harts counts where it arrives") {
  start_second();
  constexpr std::uint64_t kSent[] = {kIpiEvent, kFenceIEvent, kFenceEvent, kFenceAsidEvent};
  const auto second = [this](auto f) {
    hal.here = 1;
    run<ExternalInterrupt>(1);
    f();
    hal.here = 0;
  };
  std::array<std::uint64_t, 4> counters{};
  second([&] {
    for (unsigned n = 0; n < 4; ++n) counters[n] = start(kSent[n] + kReceived, 1);
  });
  const std::uint64_t own = start(kIpiEvent + kReceived);
  ask(kIpi, 0, {0, ~0ULL});
  ask(kIpi, 0, {1 << 7, 0});  // pending already, but sent once more
  ask(kIpi, 0, {1, 0});       // itself
  ask(kRfence, 0, {0, ~0ULL});
  ask(kRfence, 1, {1 << 7, 0, 0, 0});
  ask(kRfence, 1, {0, ~0ULL, ~0ULL - 5, 0x1000});  // refused
  for (unsigned n = 0; n < 3; ++n) ask(kRfence, 2, {0, ~0ULL, 0x1000, 0x1000, 9});
  CHECK(firmware(own) == 0);
  second([&] {
    CHECK(firmware(counters[0], 1) == 2);
    CHECK(firmware(counters[1], 1) == 1);
    CHECK(firmware(counters[2], 1) == 1);
    CHECK(firmware(counters[3], 1) == 3);
  });
}

TEST_CASE_FIXTURE(PmuFixture, "what arrives while a counter stands still does not count") {
  start_second();
  hal.here = 1;
  run<ExternalInterrupt>(1);
  const std::uint64_t counter = start(kIpiEvent + kReceived, 1);
  CHECK(ask(kPmu, kStop, {counter, 1, 0}, 1).error == kOk);
  hal.here = 0;
  ask(kIpi, 0, {1 << 7, 0});
  hal.here = 1;
  CHECK(firmware(counter, 1) == 0);
  CHECK(ask(kPmu, kStart, {counter, 1, 0, 0}, 1).error == kOk);
  CHECK(firmware(counter, 1) == 0);
}

TEST_CASE("what has been received counts once, and is state until then") {
  ReceivedEvents events;
  events.add(FirmwareEvent::FenceISent);
  events.add(FirmwareEvent::FenceISent);
  events.add(FirmwareEvent::SfenceVmaAsidSent);
  SavedState saved;
  events.describe(saved);
  CHECK(take(events, kFenceIEvent + kReceived) == 2);
  CHECK(take(events, kFenceIEvent + kReceived) == 0);
  saved.is_complete = true;
  events.describe(saved);
  CHECK(take(events, kFenceIEvent + kReceived) == 2);
  saved.next = 0;
  events.describe(saved);
  CHECK(take(events, kFenceAsidEvent + kReceived) == 1);
  saved.next = 0;
  events.describe(saved);
  events.clear();
  CHECK(take(events, kFenceIEvent + kReceived) == 0);
}

TEST_CASE_FIXTURE(PmuFixture, "each event has one counter of the mask that is free and can") {
  for (const std::uint64_t event : {3ULL, 0x1'0000ULL, 0x2'0000ULL, 0xf'0004ULL, 0xf'000eULL,
                                    0xf'0015ULL, 0xf'ffffULL, 1ULL << 32 | kCycles, 0ULL}) {
    CAPTURE(event);
    CHECK(pmu(kConfigure, {0, kAll, 0, event, 0}) == kNotSupported);
  }
  CHECK(pmu(kConfigure, {1, 0x1ff, 0, kCycles, 0}) == kNotSupported);
  CHECK(ask(kPmu, kConfigure, {5, 3, 0, kTimerEvent, 0}) == Answer{kOk, 5});
  CHECK(ask(kPmu, kConfigure, {5, 3, 0, kTimerEvent, 0}) == Answer{kOk, 6});
  CHECK(pmu(kConfigure, {5, 3, 0, kTimerEvent, 0}) == kNotSupported);
  start(kCycles);
  CHECK(pmu(kConfigure, {0, kAll, 0, kCycles, 0}) == kNotSupported);
}

TEST_CASE_FIXTURE(PmuFixture, "a counter that is configured already may be told to go on") {
  CHECK(pmu(kConfigure, {2, 1, kSkipMatch, 0, 0}) == kInvalidParam);
  CHECK(pmu(kConfigure, {2, 1, 0, kTimerEvent, 0}) == kOk);
  CHECK(ask(kPmu, kConfigure, {2, 1, kSkipMatch | kAutoStart, 0, 0}) == Answer{kOk, 2});
  ask(kTime, 0, {~0ULL});
  CHECK(firmware(2) == 1);
  CHECK(pmu(kConfigure, {2, 1, kSkipMatch, 0, 0}) == kInvalidParam);  // it runs
}

TEST_CASE_FIXTURE(PmuFixture, "counters and flags that there are not are invalid") {
  struct Mask {
    std::uint64_t base, bits;
  };
  for (const Mask mask : {Mask{0, 0}, Mask{0, 1 << 10}, Mask{9, 3}, Mask{10, 1}, Mask{~0ULL, 2},
                          Mask{0, 1ULL << 63}}) {
    CAPTURE(mask.base);
    CAPTURE(mask.bits);
    CHECK(pmu(kConfigure, {mask.base, mask.bits, 0, kCycles, 0}) == kInvalidParam);
    CHECK(pmu(kStart, {mask.base, mask.bits, 0, 0}) == kInvalidParam);
    CHECK(pmu(kStop, {mask.base, mask.bits, 0}) == kInvalidParam);
  }
  CHECK(pmu(kConfigure, {0, kAll, 0x100, kCycles, 0}) == kInvalidParam);
  CHECK(pmu(kStart, {0, 1, 4, 0}) == kInvalidParam);
  CHECK(pmu(kStop, {0, 1, 4}) == kInvalidParam);
  for (const std::uint64_t n : {0ULL, 1ULL, 2ULL, 10ULL, ~0ULL}) {
    CHECK(pmu(kFwRead, {n}) == kInvalidParam);
    CHECK(pmu(kFwReadHi, {n}) == kInvalidParam);
  }
}

TEST_CASE_FIXTURE(PmuFixture, "of several counters those are started and stopped that can be") {
  start(kTimerEvent);
  CHECK(pmu(kConfigure, {3, 1, 0, kTimerEvent, 0}) == kOk);
  CHECK(pmu(kStart, {2, 3, 0, 0}) == kAlreadyStarted);
  ask(kTime, 0, {~0ULL});
  CHECK(firmware(3) == 1);
  CHECK(pmu(kStop, {2, 3, 0}) == kOk);
  CHECK(pmu(kStop, {2, 3, 0}) == kAlreadyStopped);
}

TEST_CASE_FIXTURE(PmuFixture, "a page of the guest's takes what counters have when they stop") {
  constexpr std::uint64_t kPage = kGuestRam + 0x3000;
  CHECK(pmu(kStop, {0, 1, kTakeSnapshot}) == kNoShmem);
  CHECK(pmu(kStart, {0, 1, kInitSnapshot, 0}) == kNoShmem);
  CHECK(pmu(kSetShmem, {kPage + 8, 0, 0}) == kInvalidParam);
  CHECK(pmu(kSetShmem, {kPage, 0, 1}) == kInvalidParam);
  CHECK(pmu(kSetShmem, {kPage, 1, 0}) == kInvalidAddress);
  CHECK(pmu(kSetShmem, {0x4000'0000, 0, 0}) == kInvalidAddress);
  CHECK(pmu(kSetShmem, {kReadOnly, 0, 0}) == kInvalidAddress);
  put(kPage, std::string(16, '\xff'));
  CHECK(pmu(kSetShmem, {kPage, 0, 0}) == kOk);
  const auto slot = [&](std::uint64_t n) {
    const std::string bytes = get(kPage + 8 + 8 * n, 8);
    return load_le<std::uint64_t>(std::as_bytes(std::span(bytes)));
  };
  start(kCycles);
  start(kTimerEvent);
  ask(kTime, 0, {~0ULL});
  hardware(33, 0);
  CHECK(pmu(kStop, {0, 5, kTakeSnapshot}) == kOk);
  CHECK(slot(0) == 33);
  CHECK(get(kPage, 8) == std::string(8, '\0'));  // none has overflowed
  CHECK(slot(1) == 0);
  CHECK(slot(2) == 1);
  // Slots go by the mask's base.
  put(kPage + 8, std::string_view("\x40\0\0\0\0\0\0\0", 8));
  CHECK(pmu(kStart, {2, 1, kInitSnapshot, 0}) == kOk);
  ask(kTime, 0, {~0ULL});
  CHECK(firmware(2) == 0x41);
  CHECK(pmu(kSetShmem, {~0ULL, ~0ULL, 0}) == kOk);
  CHECK(pmu(kStop, {2, 1, kTakeSnapshot}) == kNoShmem);
}

TEST_CASE_FIXTURE(PmuFixture, "a hart that is started anew counts nothing") {
  start_second();
  hal.here = 1;
  run<ExternalInterrupt>(1);
  hart().script.push_back([](FakeHart& h) {
    h.gprs[17] = kPmu;
    h.gprs[16] = kConfigure;
    for (unsigned n = 0; n < 5; ++n) {
      h.gprs[10 + n] = std::array{std::uint64_t{0}, kAll, std::uint64_t{0}, kCycles, kOk}[n];
    }
    return static_cast<std::uint64_t>(ExceptionCause::VirtualSupervisorCall);
  });
  run<ExternalInterrupt>(1);
  CHECK(traps() == 1);
  call(kHsm, 1, {});
  run<CpuDown>(1);
  hal.here = 0;
  start_second();
  hal.here = 1;
  run<ExternalInterrupt>(1);
  CHECK(traps() == 0);
}
