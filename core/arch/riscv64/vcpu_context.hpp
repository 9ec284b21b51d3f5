#pragma once
// The registers of a guest hart while they are in memory, and the way into a hart and back.

#include <array>
#include <axvm/address.hpp>
#include <axvm/state.hpp>
#include <core/arch/riscv64/control.hpp>
#include <core/arch/riscv64/counter_access.hpp>
#include <core/arch/riscv64/csr.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/performance_counters.hpp>
#include <core/arch/riscv64/steal_time.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace axvm::riscv64 {

/// Registers that carry the arguments and results of calls.
inline constexpr unsigned kA0 = 10;
inline constexpr unsigned kA1 = 11;

/// VS-mode and VU-mode state that belongs to the guest; vsip is seen in hvip and vstimecmp.
inline constexpr std::array kSwitchedRegisters{
    Csr::vsstatus,   Csr::vsie,    Csr::vstvec,    Csr::vsscratch, Csr::vsepc,
    Csr::vscause,    Csr::vstval,  Csr::vsatp,     Csr::hvip,      Csr::vstimecmp,
    Csr::scounteren, Csr::senvcfg, Csr::vsiselect,
};

/// A timer that never fires.
inline constexpr std::uint64_t kNoDeadline = ~std::uint64_t{0};

class VCpuContext {
 public:
  /// `phys_id` is the hart's id, which the guest finds in a0.
  explicit VCpuContext(std::uint64_t phys_id) noexcept : hart_id_(phys_id) {
    reset(GuestPhysAddr(0), 0);
  }

  /// As SBI leaves a hart that is started ("Hart State Management", table 3): about to run at
  /// `entry` in VS-mode with translation and interrupts off, its id in a0 and `argument` in a1.
  /// And VU-mode may read the counters: SBI leaves scounteren open, but firmware sets it, and
  /// programs that read the time rely on that.
  void reset(GuestPhysAddr entry, std::uint64_t argument) noexcept {
    gprs_ = {};
    fprs_ = {};
    fcsr_ = 0;
    gprs_[kA0 - 1] = hart_id_;
    gprs_[kA1 - 1] = argument;
    pc_ = entry.value;
    is_supervisor_ = true;
    registers_ = {};
    steal_time_ = {};
    counters_ = {};
    at(Csr::vsstatus) = status::kUxl64;
    at(Csr::vstimecmp) = kNoDeadline;
    at(Csr::scounteren) = kGuestCounters;
  }

  /// As after suspension that loses registers, about to run at `entry` with `argument` in a1: what
  /// may wake it stays, where its time is accounted for, and what is counted.
  void wake_at(GuestPhysAddr entry, std::uint64_t argument) noexcept {
    const auto before = registers_;
    const StealTime steal_time = steal_time_;
    const PerformanceCounters counters = counters_;
    reset(entry, argument);
    steal_time_ = steal_time;
    counters_ = counters;
    for (std::size_t n = 0; n < registers_.size(); ++n) {
      const Csr csr = kSwitchedRegisters[n];
      if (csr == Csr::vsie || csr == Csr::hvip || csr == Csr::vstimecmp) registers_[n] = before[n];
    }
  }

  template <VirtualizationHardware U>
  void load(U& cpu, const VmControls& controls) {
    // Both are active in HS-mode: the last guest's must not be walked for this one.
    cpu.template write<Csr::vsatp>(0);
    cpu.template write<Csr::hgatp>(controls.hgatp);
    cpu.clear_reservation();
    cpu.template write<Csr::hstatus>(kGuestHstatus | (is_supervisor_ ? hstatus::kSpvp : 0));
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (cpu.template write<kSwitchedRegisters[I]>(registers_[I]), ...);
    }(std::make_index_sequence<kSwitchedRegisters.size()>());
    if (counters_.counts_hardware()) counters_.enter(hardware_counts(cpu));
    cpu.template write<Csr::hcounteren>(counters_.readable());
    for (unsigned n = 0; n < gprs_.size(); ++n) cpu.set_gpr(n + 1, gprs_[n]);
    cpu.template write<Csr::sstatus>(status::kUxl64 | status::kFsDirty);
    for (unsigned n = 0; n < fprs_.size(); ++n) cpu.set_fpr(n, fprs_[n]);
    cpu.template write<Csr::fcsr>(fcsr_);
    cpu.template write<Csr::sepc>(pc_);
    // Clean: the guest's first write makes it Dirty, as it does vsstatus.FS.
    cpu.template write<Csr::sstatus>(status::kUxl64 | status::kFsClean |
                                     (is_supervisor_ ? status::kSpp : 0));
  }

  template <VirtualizationHardware U>
  void save(U& cpu) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((registers_[I] = cpu.template read<kSwitchedRegisters[I]>()), ...);
    }(std::make_index_sequence<kSwitchedRegisters.size()>());
    for (unsigned n = 0; n < gprs_.size(); ++n) gprs_[n] = cpu.gpr(n + 1);
    const std::uint64_t sstatus = cpu.template read<Csr::sstatus>();
    if ((sstatus & status::kFsMask) == status::kFsDirty) {
      for (unsigned n = 0; n < fprs_.size(); ++n) fprs_[n] = cpu.fpr(n);
      fcsr_ = cpu.template read<Csr::fcsr>();
    }
    if (counters_.counts_hardware()) counters_.leave(hardware_counts(cpu));
    pc_ = cpu.template read<Csr::sepc>();
    is_supervisor_ = (sstatus & status::kSpp) != 0;
    // Nothing of it is pending for whoever runs next.
    cpu.template write<Csr::hvip>(0);
    cpu.template write<Csr::vstimecmp>(kNoDeadline);
  }

  /// Whether the registers were in another hart last, or in none; they are in `hart` now.
  [[nodiscard]] bool moved_to(PcpuId hart) noexcept {
    return std::exchange(last_hart_, std::uint64_t{hart.value} + 1) !=
           std::uint64_t{hart.value} + 1;
  }

  [[nodiscard]] StealTime& steal_time() noexcept { return steal_time_; }
  [[nodiscard]] PerformanceCounters& counters() noexcept { return counters_; }

  void describe(StateVisitor& visitor) {
    visitor.bytes("x"sv, std::as_writable_bytes(std::span(gprs_)));
    visitor.bytes("f"sv, std::as_writable_bytes(std::span(fprs_)));
    visitor.field("fcsr"sv, fcsr_);
    visitor.field("pc"sv, pc_);
    visitor.value("is_supervisor"sv, is_supervisor_);
    visitor.bytes("csrs"sv, std::as_writable_bytes(std::span(registers_)));
    visitor.field("last_hart"sv, last_hart_);
    steal_time_.describe(visitor);
    counters_.describe(visitor);
  }

 private:
  [[nodiscard]] std::uint64_t& at(Csr csr) noexcept {
    std::size_t n = 0;
    while (n + 1 < kSwitchedRegisters.size() && kSwitchedRegisters[n] != csr) ++n;
    return registers_[n];
  }

  std::uint64_t hart_id_;
  std::array<std::uint64_t, 31> gprs_{};  ///< x1..x31
  std::array<std::uint64_t, 32> fprs_{};
  std::uint64_t fcsr_ = 0;
  std::uint64_t pc_ = 0;
  bool is_supervisor_ = true;
  std::array<std::uint64_t, kSwitchedRegisters.size()> registers_{};
  StealTime steal_time_;
  PerformanceCounters counters_;
  std::uint64_t last_hart_ = 0;  ///< 1 + the physical hart that had them; 0: none
};

}  // namespace axvm::riscv64
