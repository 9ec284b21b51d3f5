// Interrupts of RISC-V guests between threads: none is lost, whoever sends it and whatever its vCPU
// does just now.
#include <doctest/doctest.h>
#include <array>
#include <atomic>
#include <tests/core/concurrency/harts_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using riscv64::ExceptionCause;

namespace {

constexpr unsigned kRounds = 600;     // of each source
constexpr unsigned kIpiRounds = 200;  // of those that harts send
constexpr std::uint64_t kPlic = 0xc00'0000;
constexpr std::uint32_t kFirstSource = 40;

struct Source : Handover {
  void take() { taken.store(sent.load()); }
};

constexpr std::uint64_t claim_of(unsigned vcpu) { return kPlic + 0x20'1004 + 0x2000ULL * vcpu; }

struct InterruptFixture : HartsFixture {
  std::array<Source, kVcpus> external, software;
  std::atomic<unsigned> senders = 2 * kVcpus;  ///< that have not done all their rounds

  InterruptFixture()
      : HartsFixture({"plic",
                      GuestPhysAddr(kPlic),
                      0x40'0000,
                      0,
                      EmulatedDeviceType::InterruptController,
                      {}}) {
    for (unsigned n = 0; n < kVcpus; ++n) {
      const std::uint32_t source = kFirstSource + n;
      store(kPlic + 4ULL * source, 1);
      store(kPlic + 0x2084 + 0x100ULL * n, 1U << source % 32);
    }
  }

  // --- the guest --------------------------------------------------------------------------------
  bool may_send(unsigned vcpu) {
    const Source& ipi = software[(vcpu + 1) % kVcpus];
    return ipi.sent.load() < kIpiRounds && ipi.is_idle();
  }
  /// Takes what is pending; each hart sends software interrupts to the next one.
  ThreadedHart::Guest guest(unsigned vcpu) {
    return [this, vcpu, dice = Dice(vcpu), claims = false](ThreadedHart& h) mutable {
      using namespace riscv64::interrupt;
      if (std::exchange(claims, false)) {
        const std::uint64_t source = h.gpr(5);
        REQUIRE((source == 0 || source == kFirstSource + vcpu));
        if (source != 0) external[vcpu].take();
        return h.store_word(claim_of(vcpu), source);
      }
      const std::uint64_t pending = h.get(Csr::hvip);
      if ((pending & kVsSoftware) != 0) {
        h.set(Csr::hvip, pending & ~kVsSoftware);
        software[vcpu].take();
      }
      if ((pending & kVsExternal) != 0) {
        claims = true;
        return h.load_word(claim_of(vcpu));
      }
      if (may_send(vcpu)) {
        const unsigned other = (vcpu + 1) % kVcpus;
        if (++software[other].sent == kIpiRounds) --senders;
        return h.call(0x73'5049, 0, {1, other, 0});
      }
      switch (dice.below(3)) {
        case 0: return h.load_word(kPlic + 0x1004);
        case 1: return h.store_word(kPlic + 0x20'1000 + 0x2000ULL * vcpu, 0);
        default: return h.trap(ExceptionCause::VirtualInstruction, 0x1050'0073);  // WFI
      }
    };
  }
  [[nodiscard]] bool is_done() {
    if (senders.load() != 0) return false;
    for (unsigned n = 0; n < kVcpus; ++n) {
      if (!external[n].is_idle() || !software[n].is_idle()) return false;
    }
    return true;
  }

  // --- the host ---------------------------------------------------------------------------------
  void inject(unsigned vcpu) {
    for (unsigned round = 0; round < kRounds; ++round) {
      if (!wait_until(host, [&] { return external[vcpu].is_idle(); })) return;
      ++external[vcpu].sent;
      REQUIRE(vm->inject_interrupt(VcpuId(vcpu), kFirstSource + vcpu).has_value());
    }
    --senders;
  }
};

}  // namespace

TEST_CASE("threads: no interrupt of a hart is lost, by the PLIC or by SBI") {
  InterruptFixture f;
  constexpr unsigned kVcpus = InterruptFixture::kVcpus;
  std::atomic<bool> end = false;
  bool all_taken = false;
  f.host.run(1, 2 * kVcpus + 1, [&](unsigned cpu) {
    if (cpu <= kVcpus) {
      const unsigned vcpu = cpu - 1;
      return f.run_vcpu(vcpu, f.guest(vcpu), end, [&] { return f.may_send(vcpu); });
    }
    f.inject(cpu - kVcpus - 1);
    if (cpu != 2 * kVcpus) return;
    all_taken = wait_until(f.host, [&] { return f.is_done(); });
    end = true;
  });
  CHECK(all_taken);
  for (unsigned n = 0; n < kVcpus; ++n) {
    CAPTURE(n);
    CHECK(f.external[n].taken.load() == kRounds);
    CHECK(f.software[n].taken.load() == kIpiRounds);
  }
}
