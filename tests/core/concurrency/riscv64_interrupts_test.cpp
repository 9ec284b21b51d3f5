// Interrupts of RISC-V guests between threads: none is lost, whoever sends it and whatever its vCPU
// does just now.
#include <doctest/doctest.h>
#include <array>
#include <atomic>
#include <chrono>
#include <tests/core/concurrency/threaded_hart.hpp>

using namespace axvm;
using namespace axvm::test;
using riscv64::ExceptionCause;

namespace {

using Host = ThreadedHost<ThreadedHart>;
using Vm = AxVM<Host, ThreadedHart>;

constexpr unsigned kVcpus = 3;
constexpr unsigned kRounds = 600;     // of each source
constexpr unsigned kIpiRounds = 200;  // of those that harts send
constexpr std::uint64_t kRam = 0x8000'0000, kPlic = 0xc00'0000;
constexpr std::uint32_t kFirstSource = 40;

/// Is sent again only when it has arrived.
struct Source {
  std::atomic<unsigned> sent = 0;
  std::atomic<unsigned> taken = 0;

  [[nodiscard]] bool is_idle() const { return sent.load() == taken.load(); }
  void take() { taken.store(sent.load()); }
};

constexpr std::uint64_t claim_of(unsigned vcpu) { return kPlic + 0x20'1004 + 0x2000ULL * vcpu; }

struct InterruptFixture {
  // vCPU n runs on hart n + 1; the harts behind them inject.
  Host host{2 * kVcpus + 1};
  Ref<Vm> vm = make_vm();
  std::array<Source, kVcpus> external, software;
  std::atomic<unsigned> senders = 2 * kVcpus;  ///< that have not done all their rounds

  InterruptFixture() {
    for (unsigned n = 1; n < kVcpus; ++n) {
      once([n](ThreadedHart& h) { return h.call(0x48'534d, 0, {n, kRam, 0}); });  // hart_start
    }
    for (unsigned n = 0; n < kVcpus; ++n) {
      const std::uint32_t source = kFirstSource + n;
      once([=](ThreadedHart& h) { return h.store_word(kPlic + 4ULL * source, 1); });
      once([=](ThreadedHart& h) {
        return h.store_word(kPlic + 0x2084 + 0x100ULL * n, 1U << source % 32);
      });
    }
  }

  Ref<Vm> make_vm() {
    std::array<VcpuConfig, kVcpus> cpus;
    for (unsigned n = 0; n < kVcpus; ++n) cpus[n] = {n, ~0ULL};
    const MemoryRegionConfig memory[] = {{GuestPhysAddr(kRam), 0x10'0000}};
    const EmulatedDeviceConfig devices[] = {
        {"plic", GuestPhysAddr(kPlic), 0x40'0000, 0, EmulatedDeviceType::InterruptController, {}}};
    VmConfig config{.id = 1,
                    .name = "guest",
                    .bsp_entry = GuestPhysAddr(kRam),
                    .ap_entry = GuestPhysAddr(kRam),
                    .interrupt_mode = InterruptMode::Emulated};
    config.vcpus = cpus;
    config.memory_regions = memory;
    config.emulated_devices = devices;
    auto made = Vm::create(host, config);
    REQUIRE(made.has_value());
    REQUIRE((*made)->boot().has_value());
    return std::move(*made);
  }
  /// One trap of vCPU 0 on this thread's hart, 0.
  void once(const ThreadedHart::Guest& step) {
    host.cpu(0).guest = [&step, is_done = false](ThreadedHart& h) mutable {
      return std::exchange(is_done, true) ? h.interrupt() : step(h);
    };
    REQUIRE(vm->run_vcpu(VcpuId(0)).has_value());
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
  template <class F>
  [[nodiscard]] bool wait_until(F&& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      host.serve();
    }
    return true;
  }
  void run_vcpu(unsigned vcpu, const std::atomic<bool>& end) {
    const VcpuId id(vcpu);
    ThreadedHart& hart = host.this_cpu().hardware();
    hart.guest = guest(vcpu);
    hart.set(Csr::vsie, 0x222);
    while (!end.load()) {
      const auto exit = vm->run_vcpu(id);
      REQUIRE(exit.has_value());
      if (!std::holds_alternative<exit_reason::Halt>(*exit)) continue;
      while (!host.take_wake(id) && !may_send(vcpu) && !end.load()) host.serve();
    }
  }
  void inject(unsigned vcpu) {
    for (unsigned round = 0; round < kRounds; ++round) {
      if (!wait_until([&] { return external[vcpu].is_idle(); })) return;
      ++external[vcpu].sent;
      REQUIRE(vm->inject_interrupt(VcpuId(vcpu), kFirstSource + vcpu).has_value());
    }
    --senders;
  }
};

}  // namespace

TEST_CASE("threads: no interrupt of a hart is lost, by the PLIC or by SBI") {
  InterruptFixture f;
  std::atomic<bool> end = false;
  bool all_taken = false;
  f.host.run(1, 2 * kVcpus + 1, [&](unsigned cpu) {
    if (cpu <= kVcpus) return f.run_vcpu(cpu - 1, end);
    f.inject(cpu - kVcpus - 1);
    if (cpu != 2 * kVcpus) return;
    all_taken = f.wait_until([&] { return f.is_done(); });
    end = true;
  });
  CHECK(all_taken);
  for (unsigned n = 0; n < kVcpus; ++n) {
    CAPTURE(n);
    CHECK(f.external[n].taken.load() == kRounds);
    CHECK(f.software[n].taken.load() == kIpiRounds);
  }
}
