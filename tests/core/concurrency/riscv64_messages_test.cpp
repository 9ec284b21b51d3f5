// Messages to interrupt files of RISC-V guests between threads: none is lost, whether a device, an
// APLIC or another hart sends it.
#include <doctest/doctest.h>
#include <array>
#include <atomic>
#include <tests/core/concurrency/harts_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using riscv64::ExceptionCause;

namespace {

constexpr unsigned kRounds = 400;  // of each sender
constexpr std::uint64_t kAplic = 0xd00'0000, kImsic = 0x2800'0000;
constexpr std::uint32_t kFirstSource = 40;  // of vCPU n: n more
// Identities in each file, by who sends them.
constexpr unsigned kByHost = 1, kByAplic = 70, kByHart = 200;
constexpr std::uint32_t kClaim = 0x15c0'12f3;      // CSRRW x5, stopei, x0
constexpr std::uint32_t kWriteFile = 0x1512'9073;  // CSRRW x0, sireg, x5
constexpr std::uint32_t kWfi = 0x1050'0073;

constexpr std::uint64_t kArguments[] = {2, kImsic};

struct MessageFixture : HartsFixture {
  std::array<std::array<Handover, 256>, kVcpus> messages;
  std::atomic<unsigned> senders = 2 * kVcpus;  ///< that have not done all their rounds

  MessageFixture()
      : HartsFixture({"aplic", GuestPhysAddr(kAplic), 0x8000, 0,
                      EmulatedDeviceType::InterruptController, kArguments}) {
    store(kAplic, 0x100);
    for (unsigned n = 0; n < kVcpus; ++n) {
      const std::uint32_t source = kFirstSource + n;
      store(kAplic + 4ULL * source, 4);  // rising edge
      store(kAplic + 0x3000 + 4ULL * source, n << 18 | kByAplic);
      store(kAplic + 0x1edc, source);
    }
  }

  // --- the guest --------------------------------------------------------------------------------
  [[nodiscard]] bool may_send(unsigned vcpu) {
    const Handover& message = messages[(vcpu + 1) % kVcpus][kByHart];
    return message.sent.load() < kRounds && message.is_idle();
  }
  /// Takes what is pending; each hart sends messages to the next one.
  ThreadedHart::Guest guest(unsigned vcpu) {
    return [this, vcpu, setup = 0U, claims = false](ThreadedHart& h) mutable {
      // Everything is enabled and delivered.
      constexpr std::uint64_t kFile[][2] = {
          {0x70, 1}, {0xc0, ~0ULL}, {0xc2, ~0ULL}, {0xc4, ~0ULL}, {0xc6, ~0ULL}};
      if (setup < std::size(kFile)) {
        h.set(Csr::vsiselect, kFile[setup][0]);
        h.set_gpr(5, kFile[setup][1]);
        ++setup;
        return h.trap(ExceptionCause::VirtualInstruction, kWriteFile);
      }
      if (std::exchange(claims, false)) {
        const std::uint64_t identity = h.gpr(5) >> 16;
        REQUIRE(identity < 256);
        if (identity != 0) ++messages[vcpu][identity].taken;
      }
      if ((h.get(Csr::hvip) & riscv64::interrupt::kVsExternal) != 0) {
        claims = true;
        return h.trap(ExceptionCause::VirtualInstruction, kClaim);
      }
      if (may_send(vcpu)) {
        const unsigned other = (vcpu + 1) % kVcpus;
        if (++messages[other][kByHart].sent == kRounds) --senders;
        return h.store_word(kImsic + 0x1000ULL * other, kByHart);
      }
      return h.trap(ExceptionCause::VirtualInstruction, kWfi);
    };
  }
  [[nodiscard]] bool is_done() {
    if (senders.load() != 0) return false;
    for (const auto& file : messages) {
      for (const Handover& message : file) {
        if (!message.is_idle()) return false;
      }
    }
    return true;
  }

  // --- the host ---------------------------------------------------------------------------------
  void send(unsigned vcpu) {
    for (unsigned round = 0; round < kRounds; ++round) {
      const bool by_aplic = round % 2 != 0;
      Handover& message = messages[vcpu][by_aplic ? kByAplic : kByHost];
      if (!wait_until(host, [&] { return message.is_idle(); })) return;
      ++message.sent;
      const auto done = by_aplic ? vm->inject_interrupt(VcpuId(vcpu), kFirstSource + vcpu)
                                 : vm->inject_message(vcpu, kByHost);
      REQUIRE(done.has_value());
    }
    --senders;
  }
};

}  // namespace

TEST_CASE("threads: no message to a hart's interrupt file is lost") {
  MessageFixture f;
  constexpr unsigned kVcpus = MessageFixture::kVcpus;
  std::atomic<bool> end = false;
  bool all_taken = false;
  f.host.run(1, 2 * kVcpus + 1, [&](unsigned cpu) {
    if (cpu <= kVcpus) {
      const unsigned vcpu = cpu - 1;
      return f.run_vcpu(vcpu, f.guest(vcpu), end, [&] { return f.may_send(vcpu); });
    }
    f.send(cpu - kVcpus - 1);
    if (cpu != 2 * kVcpus) return;
    all_taken = wait_until(f.host, [&] { return f.is_done(); });
    end = true;
  });
  CHECK(all_taken);
  for (unsigned n = 0; n < kVcpus; ++n) {
    CAPTURE(n);
    CHECK(f.messages[n][kByHost].taken.load() == kRounds / 2);
    CHECK(f.messages[n][kByAplic].taken.load() == kRounds / 2);
    CHECK(f.messages[n][kByHart].taken.load() == kRounds);
  }
}
