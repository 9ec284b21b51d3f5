// A VM's memory, channels and devices between threads.
#include <algorithm>
#include <core/arch/aarch64/stage2_format.hpp>
#include <tests/core/concurrency/threaded_vm.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

constexpr unsigned kVcpus = 3;
constexpr std::uint64_t kPages = kRamSize / kPageSize;

/// What a walker of hardware finds, while others change the table; the tables of a 44-bit machine.
/// False when an entry leads out of RAM.
bool walk(ThreadedHal& hal, HostPhysAddr root, GuestPhysAddr gpa) {
  using Format = aarch64::Stage2Format;
  HostPhysAddr table = root;
  for (unsigned height = 4; height-- > 0;) {
    const std::uint64_t index = gpa.value >> (12 + 9 * height) & 0x1ff;
    auto& entry = frame_as<std::uint64_t>(hal, table)[index];
    const std::uint64_t value = std::atomic_ref(entry).load(std::memory_order_acquire);
    if (!Format::is_valid(value)) return true;
    const HostPhysAddr next = Format::address(value);
    if (!hal.ram_after(next) || next.value < FakeHal::kRam) return false;
    if (Format::is_leaf(value, height)) return true;
    table = next;
  }
  return true;
}

}  // namespace

TEST_CASE("threads: each lazy page is mapped once, and no write is missing in the dirty log") {
  constexpr unsigned kTouches = 1200;  // by each vCPU
  // CPUs behind those of the vCPUs: one logs, one copies, one walks.
  ThreadedHal hal(kVcpus + 4);
  const Ref<ThreadedVm> vm = make_vm(hal, 1, kVcpus);
  const GuestPhysRange all{GuestPhysAddr(kRam), kRamSize};
  std::array<std::atomic<bool>, kPages> written{};
  std::array<std::uint64_t, kPages / 64> noted{};
  std::atomic<unsigned> left = kVcpus;
  REQUIRE(vm->start_dirty_log(all).has_value());
  const auto take = [&] {
    std::array<std::uint64_t, kPages / 64> bits{};
    REQUIRE(vm->take_dirty_log(all, bits).has_value());
    for (std::size_t n = 0; n < bits.size(); ++n) noted[n] |= bits[n];
  };
  hal.run(1, kVcpus + 4, [&](unsigned n) {
    Dice dice(n);
    if (n <= kVcpus) {
      hal.cpu(n).guest = [&, touches = 0U](ThreadedCpu& cpu) mutable {
        if (++touches % 4 == 0) return cpu.interrupt(ThreadedCpu::kKick);
        const std::uint64_t page = dice.below(kPages);
        const bool writes = dice.below(2) == 0;
        if (writes) written[page] = true;
        return cpu.touch(kRam + page * kPageSize + 8 * n, writes);
      };
      for (unsigned i = 0; i < kTouches / 3; ++i) {
        REQUIRE(vm->run_vcpu(VcpuId(n - 1)).has_value());
      }
      --left;
      return;
    }
    while (left.load() != 0) {
      const GuestPhysAddr somewhere(kRam + dice.below(kRamSize / 8) * 8);
      if (n == kVcpus + 1) {
        take();
      } else if (n == kVcpus + 2) {
        const auto value = vm->read_from_guest_of<std::uint64_t>(somewhere);
        REQUIRE(value.has_value());
        CHECK(*value == 0);
        static_cast<void>(vm->translate(somewhere));
      } else {
        CHECK(walk(hal, vm->ept_root(), somewhere));
      }
    }
  });
  take();
  REQUIRE(vm->stop_dirty_log(all).has_value());
  for (std::uint64_t page = 0; page < kPages; ++page) {
    if (written[page].load()) CHECK((noted[page / 64] >> page % 64 & 1) == 1);
  }
  std::sort(hal.pages.begin(), hal.pages.end());
  CHECK(hal.pages.size() > kPages / 2);
  CHECK(std::adjacent_find(hal.pages.begin(), hal.pages.end()) == hal.pages.end());
}

TEST_CASE("threads: regions come and go while others walk, fault and copy") {
  constexpr unsigned kRounds = 600;
  constexpr std::uint64_t kHole = 0x6000'0000;
  constexpr std::uint64_t kSize = 64 * kPageSize;
  ThreadedHal hal(4);
  const auto lent = hal.allocate_frames(kSize / kPageSize, kPageSize);
  REQUIRE(lent.has_value());
  {
    const Ref<ThreadedVm> vm = make_vm(hal, 1, 1);
    const GuestPhysRange hole{GuestPhysAddr(kHole), kSize};
    std::atomic<bool> end = false;
    hal.run(1, 4, [&](unsigned n) {
      Dice dice(n);
      if (n == 1) {
        for (unsigned i = 0; i < kRounds; ++i) {
          REQUIRE(vm->map_region(hole, *lent, kReadWrite).has_value());
          const GuestPhysRange part{GuestPhysAddr(kHole + dice.below(32) * kPageSize),
                                    dice.below(32) * kPageSize + kPageSize};
          REQUIRE(vm->protect_region(part, MappingFlags::Read).has_value());
          REQUIRE(vm->unmap_region(part).has_value());
          REQUIRE(vm->unmap_region(hole).has_value());
        }
        end = true;
        return;
      }
      hal.cpu(n).guest = [&, touches = 0U](ThreadedCpu& cpu) mutable {
        if (++touches % 4 == 0) return cpu.interrupt(ThreadedCpu::kKick);
        return cpu.touch(kHole + dice.below(kSize), dice.below(2) == 0);
      };
      while (!end.load()) {
        if (n == 2) {
          const auto exit = vm->run_vcpu(VcpuId(0));
          REQUIRE(exit.has_value());
          continue;
        }
        std::uint64_t value = 1;
        const auto bytes = std::as_writable_bytes(std::span(&value, 1));
        const auto done =
            vm->write_to_guest(GuestPhysAddr(kHole + dice.below(kSize / 8) * 8), bytes);
        if (!done) CHECK(done.error().kind == ErrorKind::BadAddress);
      }
    });
  }
  hal.deallocate_frames(*lent, kSize / kPageSize);
}

TEST_CASE("threads: VMs publish, join, ring and leave channels, and lose no memory") {
  constexpr unsigned kVms = 3;
  constexpr unsigned kCalls = 2400;  // by each VM
  ThreadedHal hal(kVms + 1);
  std::vector<Ref<ThreadedVm>> vms;
  for (std::uint32_t id = 1; id <= kVms; ++id) vms.push_back(make_vm(hal, id, 1));
  std::atomic<unsigned> successes = 0;
  hal.run(1, kVms + 1, [&](unsigned n) {
    Dice dice(n);
    bool called = false;
    hal.cpu(n).guest = [&, calls = 0U](ThreadedCpu& cpu) mutable {
      if (std::exchange(called, false) && cpu.gpr(0) == 0) ++successes;
      if (++calls % 4 == 0) return cpu.interrupt(ThreadedCpu::kKick);
      called = true;
      const std::uint64_t key = dice.below(3);
      const std::uint64_t peer = dice.below(kVms) + 1;
      const std::uint64_t base = kRam + 0x100;
      switch (dice.below(5)) {
        case 0: return cpu.hvc(std::array{3UL, key, base, base + 8});
        case 1: return cpu.hvc(std::array{4UL, peer, key, base, base + 8});
        case 2: return cpu.hvc(std::array{5UL, key});
        case 3: return cpu.hvc(std::array{6UL, peer, key});
        default: return cpu.hvc(std::array{7UL, peer, key, dice.below(kVms) + 1});
      }
    };
    for (unsigned i = 0; i < kCalls / 3; ++i) {
      REQUIRE(vms[n - 1]->run_vcpu(VcpuId(0)).has_value());
      if (i % 64 == 0) {  // it leaves all its channels while others use them
        REQUIRE(vms[n - 1]->reset([](VmBase&) { return Result<>(); }).has_value());
        REQUIRE(vms[n - 1]->start().has_value());
        called = false;
      }
    }
  });
  CHECK(successes.load() > kCalls / 4);
}

TEST_CASE("threads: a console has each byte that was written to it") {
  constexpr unsigned kBytes = 1500;  // by each vCPU
  ThreadedHal hal(kVcpus + 2);
  const Ref<ThreadedVm> vm = make_vm(hal, 1, kVcpus);
  std::atomic<unsigned> left = kVcpus;
  hal.run(1, kVcpus + 2, [&](unsigned n) {
    if (n == kVcpus + 1) {
      while (left.load() != 0) {
        vm->poll_devices();
        static_cast<void>(vm->device_deadline());
      }
      return;
    }
    unsigned bytes = 0;
    hal.cpu(n).guest = [&, sent = false](ThreadedCpu& cpu) mutable {
      sent = !sent;
      if (!sent) return cpu.interrupt(ThreadedCpu::kKick);
      ++bytes;
      return cpu.device(kUart, true, 1, 'a' + n);
    };
    while (bytes < kBytes) REQUIRE(vm->run_vcpu(VcpuId(n - 1)).has_value());
    --left;
  });
  CHECK(hal.output.size() == kVcpus * kBytes);
  for (unsigned n = 1; n <= kVcpus; ++n) {
    CHECK(std::count(hal.output.begin(), hal.output.end(), static_cast<char>('a' + n)) == kBytes);
  }
}
