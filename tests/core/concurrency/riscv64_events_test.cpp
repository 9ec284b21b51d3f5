// Events that harts cause on another one, between threads: each counts once, whoever takes them
// over meanwhile.
#include <doctest/doctest.h>
#include <array>
#include <core/arch/riscv64/received_events.hpp>
#include <thread>

using namespace axvm::riscv64;

TEST_CASE("threads: what several harts send is counted once, while its vCPU counts") {
  constexpr unsigned kRounds = 20'000;
  constexpr std::array kSent{FirmwareEvent::IpiSent, FirmwareEvent::FenceISent,
                             FirmwareEvent::SfenceVmaSent, FirmwareEvent::SfenceVmaAsidSent};
  ReceivedEvents events;
  std::array<std::thread, 2> senders;
  for (std::thread& sender : senders) {
    sender = std::thread([&] {
      for (unsigned n = 0; n < kRounds; ++n) events.add(kSent[n % kSent.size()]);
    });
  }
  PerformanceCounters counters;
  for (unsigned n = 0; n < kSent.size(); ++n) {
    const auto event = PerformanceCounters::kFirmwareType |
                       static_cast<PerformanceCounters::Event>(received(kSent[n]));
    counters.configure(2 + n, event, {});
    counters.start(2 + n, {});
  }
  for (unsigned n = 0; n < kRounds; ++n) events.move_to(counters);
  for (std::thread& sender : senders) sender.join();
  events.move_to(counters);
  for (unsigned n = 0; n < kSent.size(); ++n) {
    CHECK(counters.value(2 + n, {}) == senders.size() * kRounds / kSent.size());
  }
}
