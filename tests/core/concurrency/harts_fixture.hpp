#pragma once
// A RISC-V VM whose vCPUs run in threads, while others send it interrupts.

#include <doctest/doctest.h>
#include <array>
#include <atomic>
#include <tests/core/concurrency/threaded_hart.hpp>
#include <utility>

namespace axvm::test {

/// vCPU n runs on hart n + 1; the harts behind them send. Everything is on.
struct HartsFixture {
  using Host = ThreadedHost<ThreadedHart>;
  using Vm = AxVM<Host, ThreadedHart>;
  static constexpr unsigned kVcpus = 3;
  static constexpr std::uint64_t kRam = 0x8000'0000;

  Host host{2 * kVcpus + 1};
  Ref<Vm> vm;

  explicit HartsFixture(const EmulatedDeviceConfig& controller) : vm(make_vm(controller)) {
    for (unsigned n = 1; n < kVcpus; ++n) {
      once([n](ThreadedHart& h) { return h.call(0x48'534d, 0, {n, kRam, 0}); });  // hart_start
    }
  }

  /// One trap of vCPU 0 on this thread's hart, 0.
  void once(const ThreadedHart::Guest& step) {
    host.cpu(0).guest = [&step, is_done = false](ThreadedHart& h) mutable {
      return std::exchange(is_done, true) ? h.interrupt() : step(h);
    };
    REQUIRE(vm->run_vcpu(VcpuId(0)).has_value());
  }
  void store(std::uint64_t gpa, std::uint64_t value) {
    once([=](ThreadedHart& h) { return h.store_word(gpa, value); });
  }

  /// Runs a vCPU on this thread's hart until the `end`. While it waits for an interrupt, it is not
  /// run, unless it `may_send()`.
  template <class MaySend>
  void run_vcpu(unsigned vcpu, ThreadedHart::Guest guest, const std::atomic<bool>& end,
                const MaySend& may_send) {
    const VcpuId id(vcpu);
    ThreadedHart& hart = host.this_cpu().hardware();
    hart.guest = std::move(guest);
    hart.set(Csr::vsie, 0x222);
    while (!end.load()) {
      const auto exit = vm->run_vcpu(id);
      REQUIRE(exit.has_value());
      if (!std::holds_alternative<exit_reason::Halt>(*exit)) continue;
      while (!host.take_wake(id) && !may_send() && !end.load()) host.serve();
    }
  }

 private:
  Ref<Vm> make_vm(const EmulatedDeviceConfig& controller) {
    std::array<VcpuConfig, kVcpus> cpus;
    for (unsigned n = 0; n < kVcpus; ++n) cpus[n] = {n, ~0ULL};
    const MemoryRegionConfig memory[] = {{GuestPhysAddr(kRam), 0x10'0000}};
    const EmulatedDeviceConfig devices[] = {controller};
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
};

/// What is sent again only when it has arrived.
struct Handover {
  std::atomic<unsigned> sent = 0;
  std::atomic<unsigned> taken = 0;

  [[nodiscard]] bool is_idle() const { return sent.load() == taken.load(); }
};

}  // namespace axvm::test
