#pragma once
// SBI's performance counters ("Performance Monitoring Unit Extension"). None of them overflows in a
// lifetime, and no interrupt says so (Sscofpmf).

#include <array>
#include <core/arch/riscv64/counter_access.hpp>
#include <core/arch/riscv64/performance_counters.hpp>
#include <core/arch/riscv64/sbi/environment.hpp>
#include <core/devices/byte_order.hpp>
#include <core/lowest_bit.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::riscv64::sbi {

/// Bit n of `bits` is counter `base` + n.
struct CounterMask {
  std::uint64_t base = 0;
  std::uint64_t bits = 0;

  /// Whether there are any, and all of them exist.
  [[nodiscard]] constexpr bool is_valid() const noexcept {
    return base < PerformanceCounters::kCount && bits != 0 &&
           bits >> (PerformanceCounters::kCount - base) == 0;
  }
};

template <class Vm, VirtualizationHardware U>
class PmuCalls {
 public:
  explicit PmuCalls(Environment<Vm, U>& environment) noexcept
      : environment_(environment), counters_(environment.vcpu.context().counters()) {}

  TrapOutcome handle(const Call& call) {
    environment_.vcpu.interrupts().received().move_to(counters_);
    const CounterMask mask{call.a[0], call.a[1]};
    switch (call.function) {
      case pmu::kNumCounters:
        return environment_.answer(call, std::uint64_t{PerformanceCounters::kCount});
      case pmu::kCounterGetInfo: return get_info(call);
      case pmu::kCounterConfigMatching: return configure(call, mask);
      case pmu::kCounterStart: return start(call, mask);
      case pmu::kCounterStop: return stop(call, mask);
      case pmu::kCounterFwRead: return firmware_read(call, 0);
      case pmu::kCounterFwReadHi: return firmware_read(call, 64);
      case pmu::kSnapshotSetShmem: return set_snapshot_page(call);
      default: return environment_.not_supported(call);
    }
  }

 private:
  // --- what there is ----------------------------------------------------------------------------

  /// Type in bit 63, width - 1 in bits 17:12, and the CSR in bits 11:0.
  TrapOutcome get_info(const Call& call) {
    constexpr std::uint64_t kIsFirmware = 1ULL << 63;
    constexpr std::uint64_t kWidth = 63ULL << 12;
    if (call.a[0] >= PerformanceCounters::kCount) {
      return environment_.answer(call, Status::InvalidParam);
    }
    const auto n = static_cast<unsigned>(call.a[0]);
    if (!PerformanceCounters::is_hardware(n)) return environment_.answer(call, kIsFirmware);
    return environment_.answer(call, kWidth | static_cast<std::uint64_t>(csr_of(n)));
  }

  /// a0 and a1 are the counters, a2 flags, a3 the event; how it is to be filtered are hints.
  TrapOutcome configure(const Call& call, const CounterMask& mask) {
    const std::uint64_t flags = call.a[2];
    if (!mask.is_valid() || (flags & ~pmu::kConfigFlags) != 0) {
      return environment_.answer(call, Status::InvalidParam);
    }
    const bool keeps = (flags & pmu::kSkipMatch) != 0;
    const auto found = keeps ? first_of(mask) : find(mask, call.a[3]);
    if (!found) return environment_.not_supported(call);
    const unsigned n = *found;
    const HardwareCounts now = hardware_counts(environment_.cpu);
    if (!keeps) {
      counters_.configure(n, static_cast<PerformanceCounters::Event>(call.a[3]), now);
    } else if (!counters_.is_configured(n) || counters_.is_running(n)) {
      return environment_.answer(call, Status::InvalidParam);
    }
    if ((flags & pmu::kClearValue) != 0) counters_.set(n, 0);
    if ((flags & pmu::kAutoStart) != 0) counters_.start(n, now);
    enable_reads();
    return environment_.answer(call, std::uint64_t{n});
  }
  [[nodiscard]] static std::optional<unsigned> first_of(const CounterMask& mask) {
    return static_cast<unsigned>(mask.base) + lowest_bit(mask.bits);
  }
  /// One that nobody uses.
  [[nodiscard]] std::optional<unsigned> find(const CounterMask& mask, std::uint64_t event) const {
    for (std::uint64_t rest = mask.bits; rest != 0; rest &= rest - 1) {
      const unsigned n = static_cast<unsigned>(mask.base) + lowest_bit(rest);
      if (PerformanceCounters::can_count(n, event) && !counters_.is_configured(n)) return n;
    }
    return std::nullopt;
  }

  // --- counting ---------------------------------------------------------------------------------

  /// a3 is the value that all of them begin with, if flags say so. What can be started is.
  TrapOutcome start(const Call& call, const CounterMask& mask) {
    const std::uint64_t flags = call.a[2];
    if (!mask.is_valid() || (flags & ~pmu::kStartFlags) != 0) {
      return environment_.answer(call, Status::InvalidParam);
    }
    const bool from_page = (flags & pmu::kInitSnapshot) != 0;
    if (from_page && counters_.snapshot_page() == PerformanceCounters::kNoPage) {
      return environment_.answer(call, Status::NoShmem);
    }
    const HardwareCounts now = hardware_counts(environment_.cpu);
    const Status status = for_each(mask, [&](unsigned n, unsigned slot) {
      if (counters_.is_running(n)) return Status::AlreadyStarted;
      if (from_page) {
        const auto value = load(place(slot));
        if (!value) return Status::NoShmem;
        counters_.set(n, *value);
      } else if ((flags & pmu::kSetInitValue) != 0) {
        counters_.set(n, call.a[3]);
      }
      counters_.start(n, now);
      return Status::Success;
    });
    enable_reads();
    return environment_.answer(call, status);
  }

  /// What can be stopped is. The page gets all of them.
  TrapOutcome stop(const Call& call, const CounterMask& mask) {
    const std::uint64_t flags = call.a[2];
    if (!mask.is_valid() || (flags & ~pmu::kStopFlags) != 0) {
      return environment_.answer(call, Status::InvalidParam);
    }
    const bool to_page = (flags & pmu::kTakeSnapshot) != 0;
    if (to_page && counters_.snapshot_page() == PerformanceCounters::kNoPage) {
      return environment_.answer(call, Status::NoShmem);
    }
    if (to_page && !store(overflow_bitmap(), 0)) {
      return environment_.answer(call, Status::NoShmem);
    }
    const HardwareCounts now = hardware_counts(environment_.cpu);
    const Status status = for_each(mask, [&](unsigned n, unsigned slot) {
      const bool was_running = counters_.is_running(n);
      if (was_running) counters_.stop(n, now);
      const bool is_stored = !to_page || store(place(slot), counters_.value(n, now));
      if ((flags & pmu::kReset) != 0) counters_.release(n);
      if (!is_stored) return Status::NoShmem;
      return was_running ? Status::Success : Status::AlreadyStopped;
    });
    enable_reads();
    return environment_.answer(call, status);
  }

  /// `f(counter, bit of the mask)` for each that is configured; the last of its errors.
  template <class F>
  Status for_each(const CounterMask& mask, const F& f) {
    Status status = Status::Success;
    for (std::uint64_t rest = mask.bits; rest != 0; rest &= rest - 1) {
      const unsigned slot = lowest_bit(rest);
      const unsigned n = static_cast<unsigned>(mask.base) + slot;
      const Status one = counters_.is_configured(n) ? f(n, slot) : Status::InvalidParam;
      if (one != Status::Success) status = one;
    }
    return status;
  }

  /// Bits from `shift` on.
  TrapOutcome firmware_read(const Call& call, unsigned shift) {
    if (call.a[0] >= PerformanceCounters::kCount) {
      return environment_.answer(call, Status::InvalidParam);
    }
    const auto n = static_cast<unsigned>(call.a[0]);
    if (PerformanceCounters::is_hardware(n) || !counters_.is_configured(n)) {
      return environment_.answer(call, Status::InvalidParam);
    }
    return environment_.answer(call, shift == 0 ? counters_.value(n, {}) : 0);
  }

  void enable_reads() { environment_.cpu.template write<Csr::hcounteren>(counters_.readable()); }

  // --- the page ---------------------------------------------------------------------------------

  /// a0 and a1 are the page's address, or both -1 to share none; there are no flags.
  TrapOutcome set_snapshot_page(const Call& call) {
    const auto [low, high, flags, unused3, unused4] = call.a;
    if (flags != 0) return environment_.answer(call, Status::InvalidParam);
    if (low == PerformanceCounters::kNoPage && high == PerformanceCounters::kNoPage) {
      counters_.set_snapshot_page(PerformanceCounters::kNoPage);
      return environment_.answer(call, Status::Success);
    }
    if (low % kPageSize != 0) return environment_.answer(call, Status::InvalidParam);
    if (high != 0 || !environment_.vm.is_memory(GuestPhysAddr(low))) {
      return environment_.answer(call, Status::InvalidAddress);
    }
    const std::uint64_t before = counters_.snapshot_page();
    counters_.set_snapshot_page(low);
    if (store(overflow_bitmap(), 0)) return environment_.answer(call, Status::Success);
    counters_.set_snapshot_page(before);
    return environment_.answer(call, Status::InvalidAddress);
  }

  /// Of counters that have overflowed: 0.
  [[nodiscard]] GuestPhysAddr overflow_bitmap() const {
    return GuestPhysAddr(counters_.snapshot_page());
  }
  /// Where the counter of a bit of the mask is.
  [[nodiscard]] GuestPhysAddr place(unsigned slot) const {
    return GuestPhysAddr(counters_.snapshot_page() + 8 + 8 * slot);
  }
  [[nodiscard]] std::optional<std::uint64_t> load(GuestPhysAddr at) {
    std::array<std::byte, 8> bytes{};
    const auto read = environment_.vm.with_memory(
        [&](auto& space, auto&) { return space.read(at, std::span<std::byte>(bytes)); });
    if (!read) return std::nullopt;
    return load_le<std::uint64_t>(std::span<const std::byte>(bytes));
  }
  /// False: the guest may not write there.
  [[nodiscard]] bool store(GuestPhysAddr at, std::uint64_t value) {
    const auto there = environment_.may_write(at);
    if (!there || !*there) return false;
    std::array<std::byte, 8> bytes{};
    store_le(std::span<std::byte>(bytes), value);
    const auto written = environment_.vm.with_memory([&](auto& space, auto& tlb) {
      return space.write(at, std::span<const std::byte>(bytes), tlb);
    });
    return written.has_value();
  }

  Environment<Vm, U>& environment_;
  PerformanceCounters& counters_;
};

}  // namespace axvm::riscv64::sbi
