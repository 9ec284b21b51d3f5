// Interrupts between threads: none is lost, whoever sends it and whatever its vCPU does just now.
#include <core/arch/aarch64/gic/list_register.hpp>
#include <core/arch/aarch64/gic/list_register_file.hpp>
#include <map>
#include <tests/core/concurrency/threaded_vm.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

constexpr unsigned kVcpus = 3;
constexpr unsigned kRounds = 600;     // of each source
constexpr unsigned kSgiRounds = 200;  // of those that vCPUs send
constexpr std::uint32_t kFirstSpi = 40;
constexpr std::uint32_t kPpi = 20;
constexpr std::uint32_t kSgi = 1;
constexpr std::uint32_t kLpi = 8192;
constexpr std::uint64_t kValid = 1ULL << 63;
constexpr std::uint64_t kQueue = kRam + 0x6'0000;

/// Is sent again only when it has arrived.
struct Source {
  std::atomic<unsigned> sent = 0;
  std::atomic<unsigned> taken = 0;

  [[nodiscard]] bool is_idle() const { return sent.load() == taken.load(); }
};

struct InterruptFixture {
  // vCPU n runs on CPU n + 1; the CPUs behind them inject.
  ThreadedHal hal{2 * kVcpus + 1};
  Ref<ThreadedVm> vm = make_vm(hal, 1, kVcpus);
  std::array<std::map<std::uint32_t, Source>, kVcpus> sources;
  std::atomic<unsigned> senders = 2 * kVcpus;  ///< that have not done all their rounds
  std::uint64_t writer = 0;                    ///< GITS_CWRITER

  InterruptFixture() {
    set_up_controller();
    set_up_its();
    for (unsigned n = 0; n < kVcpus; ++n) {
      for (const std::uint32_t intid : {kFirstSpi + n, kPpi, kSgi, kLpi + n}) sources[n][intid];
    }
  }

  void store(std::uint64_t at, std::uint64_t value, unsigned size = 4) {
    // At the beginning of a page it is a byte: wider ones may be the rest of an access, and their
    // instruction is looked at.
    if (at % kPageSize == 0) size = 1;
    do_once(hal, *vm, [=](ThreadedCpu& c) { return c.device(at, true, size, value); });
  }
  void poke(std::uint64_t at, std::uint64_t value) {
    REQUIRE(vm->write_to_guest(GuestPhysAddr(at), std::as_bytes(std::span(&value, 1))).has_value());
  }

  void set_up_controller() {
    store(kGicd, 3);
    for (unsigned n = 0; n < kVcpus; ++n) {
      store(kGicd + 0x6000 + 8 * (kFirstSpi + n), n, 8);
      store(kGicr + 0x2'0000 * n + 0x1'0080, ~0ULL);  // GICR_IGROUPR0
      store(kGicr + 0x2'0000 * n + 0x1'0100, ~0ULL);  // GICR_ISENABLER0
    }
    store(kGicd + 0x84, ~0ULL);
    store(kGicd + 0x104, ~0ULL);
  }
  void set_up_its() {
    poke(kRam + 0x1'0000, 0xa1a1'a1a1);
    for (unsigned n = 0; n < kVcpus; ++n) {
      const std::uint64_t redistributor = kGicr + 0x2'0000 * n;
      store(redistributor + 0x70, (kRam + 0x1'0000) | 13, 8);
      store(redistributor + 0x78, kRam + 0x2'0000 + 0x1'0000 * n, 8);
      store(redistributor, 1);
    }
    store(kIts + 0x100, (kRam + 0x7'0000) | kValid, 8);
    store(kIts + 0x108, (kRam + 0x8'0000) | kValid, 8);
    store(kIts + 0x80, kQueue | kValid, 8);
    store(kIts, 1);
    command(0x08 | 5ULL << 32, 1, (kRam + 0x9'0000) | kValid);  // MAPD
    for (std::uint64_t n = 0; n < kVcpus; ++n) {
      command(0x09, 0, kValid | n << 16 | n);               // MAPC
      command(0x0a | 5ULL << 32, n | (kLpi + n) << 32, n);  // MAPTI
    }
  }
  void command(std::uint64_t first, std::uint64_t second, std::uint64_t third) {
    poke(kQueue + writer, first);
    poke(kQueue + writer + 8, second);
    poke(kQueue + writer + 16, third);
    writer += 32;
    store(kIts + 0x88, writer, 8);
  }

  // --- the guest --------------------------------------------------------------------------------
  /// Takes and ends all that list registers hold. True when hardware would tell the VMM.
  bool take_all(ThreadedCpu& cpu, unsigned vcpu) {
    bool asks = (cpu.get(SysReg::ICH_HCR_EL2) & aarch64::ich::UIE) != 0;
    for (unsigned n = 0; n < 4; ++n) {
      const aarch64::ListRegister entry(aarch64::read_list_register(cpu, n));
      if (!entry.pending) continue;
      asks |= entry.reports_end;
      aarch64::write_list_register(cpu, n, 0);
      const auto source = sources[vcpu].find(entry.intid);
      REQUIRE(source != sources[vcpu].end());
      source->second.taken.store(source->second.sent.load());
    }
    return asks;
  }
  /// Each vCPU sends SGIs to the next one.
  bool may_send(unsigned vcpu) {
    const Source& sgi = sources[(vcpu + 1) % kVcpus][kSgi];
    return sgi.sent.load() < kSgiRounds && sgi.is_idle();
  }
  ThreadedCpu::Guest guest(unsigned vcpu) {
    return [this, vcpu, dice = Dice(vcpu)](ThreadedCpu& cpu) mutable {
      if (take_all(cpu, vcpu)) return cpu.interrupt(ThreadedCpu::kMaintenance);
      if (may_send(vcpu)) {
        const unsigned other = (vcpu + 1) % kVcpus;
        if (++sources[other][kSgi].sent == kSgiRounds) --senders;
        cpu.set_gpr(3, std::uint64_t{kSgi} << 24 | 1U << other);
        return cpu.trap(0x18ULL << 26 | 1ULL << 25 | 3 << 20 | 5 << 17 | 12 << 10 | 3 << 5 |
                        11 << 1);  // MSR ICC_SGI1R_EL1, X3
      }
      switch (dice.below(4)) {
        case 0: return cpu.device(kGicd + 0x204, false, 4);  // GICD_ISPENDR1
        case 1: return cpu.device(kGicd + 0x104, true, 4, ~0U);
        case 2: return cpu.device(kUart + 0x18, false, 4);
        default: return cpu.trap(0x01ULL << 26 | 1ULL << 25);  // WFI
      }
    };
  }
  [[nodiscard]] bool is_done() {
    if (senders.load() != 0) return false;
    for (auto& of_vcpu : sources) {
      for (auto& [intid, source] : of_vcpu) {
        if (!source.is_idle()) return false;
      }
    }
    return true;
  }

  // --- the host ---------------------------------------------------------------------------------
  void run_vcpu(unsigned vcpu, const std::atomic<bool>& end) {
    const VcpuId id(vcpu);
    hal.this_cpu().hardware().guest = guest(vcpu);
    while (!end.load()) {
      const auto exit = vm->run_vcpu(id);
      REQUIRE(exit.has_value());
      if (!std::holds_alternative<exit_reason::Halt>(*exit)) continue;
      while (!hal.take_wake(id) && !may_send(vcpu) && !end.load()) hal.serve();
    }
  }
  /// Three kinds of interrupt for one vCPU.
  void inject(unsigned vcpu) {
    for (unsigned round = 0; round < kRounds; ++round) {
      for (const std::uint32_t intid : {kFirstSpi + vcpu, kPpi, kLpi + vcpu}) {
        Source& source = sources[vcpu][intid];
        if (!wait_until(hal, [&] { return source.is_idle(); })) return;
        ++source.sent;
        const auto done =
            intid < kLpi ? vm->inject_interrupt(VcpuId(vcpu), intid) : vm->inject_message(5, vcpu);
        REQUIRE(done.has_value());
      }
    }
    --senders;
  }
};

}  // namespace

TEST_CASE("threads: no interrupt is lost between a vCPU that runs and one that waits") {
  InterruptFixture f;
  std::atomic<bool> end = false;
  bool all_taken = false;
  f.hal.run(1, 2 * kVcpus + 1, [&](unsigned cpu) {
    if (cpu <= kVcpus) return f.run_vcpu(cpu - 1, end);
    f.inject(cpu - kVcpus - 1);
    if (cpu != 2 * kVcpus) return;
    all_taken = wait_until(f.hal, [&] { return f.is_done(); });
    end = true;
  });
  CHECK(all_taken);
  for (unsigned n = 0; n < kVcpus; ++n) {
    for (const auto& [intid, source] : f.sources[n]) {
      CAPTURE(n);
      CAPTURE(intid);
      CHECK(source.sent.load() == (intid == kSgi ? kSgiRounds : kRounds));
      CHECK(source.is_idle());
    }
  }
}
