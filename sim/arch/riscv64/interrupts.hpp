#pragma once
// Which interrupts are pending at a hart, for whom, and when its timers will be ("Interrupts" of
// the hypervisor extension; Sstc; Ssaia).

#include <algorithm>
#include <cstdint>
#include <optional>
#include <sim/arch/riscv64/hs_registers.hpp>
#include <sim/arch/riscv64/top_interrupt.hpp>

namespace axvm::sim::riscv64 {

/// `time()` counts at 10 MHz of guest time.
inline constexpr std::uint64_t kTimebaseFrequency = 10'000'000;
inline constexpr std::uint64_t kNanosecondsPerTick = 1'000'000'000 / kTimebaseFrequency;

/// All of it follows from the registers and the time.
class Interrupts {
 public:
  static constexpr std::uint64_t kNever = ~0ULL;

  /// The time CSR at a local time in nanoseconds.
  [[nodiscard]] static constexpr std::uint64_t ticks(std::uint64_t now) noexcept {
    return now / kNanosecondsPerTick;
  }
  /// The same as the guest sees it.
  [[nodiscard]] static constexpr std::uint64_t guest_ticks(const HsRegisters& r,
                                                           std::uint64_t now) noexcept {
    return ticks(now) + r.htimedelta;
  }
  [[nodiscard]] static constexpr bool has_vstimecmp(const HsRegisters& r) noexcept {
    return (r.henvcfg & envcfg::STCE) != 0;
  }

  /// hip: VS-level interrupts at their places there.
  [[nodiscard]] static constexpr std::uint64_t hip(const HsRegisters& r,
                                                   std::uint64_t now) noexcept {
    const bool timer = has_vstimecmp(r) && guest_ticks(r, now) >= r.vstimecmp;
    return r.hvip | (timer ? interrupt::VSTI : 0);
  }
  /// sip of HS-mode.
  [[nodiscard]] static constexpr std::uint64_t sip(const HsRegisters& r,
                                                   std::uint64_t now) noexcept {
    return r.ssip | (ticks(now) >= r.stimecmp ? interrupt::STI : 0);
  }
  /// vsip and vsie: what is delegated, one bit lower.
  [[nodiscard]] static constexpr std::uint64_t as_supervisor(const HsRegisters& r,
                                                             std::uint64_t bits) noexcept {
    return (bits & r.hideleg & interrupt::kVirtual) >> 1;
  }

  /// What HS-mode takes while a guest runs: its own interrupts are enabled then, and VS-level ones
  /// that are not delegated are among them. Nothing: there is none.
  [[nodiscard]] static constexpr std::optional<Cause> for_hs(const HsRegisters& r,
                                                             std::uint64_t now) noexcept {
    const std::uint64_t own = sip(r, now) & r.sie;
    const std::uint64_t virtual_ones = hip(r, now) & r.hie & ~r.hideleg;
    const std::uint64_t pending = own | virtual_ones;
    if (pending == 0) return std::nullopt;
    // The manual's order.
    struct Line {
      std::uint64_t bit;
      Cause cause;
    };
    constexpr Line kOrder[] = {
        {interrupt::SEI, Cause::SupervisorExternal},
        {interrupt::SSI, Cause::SupervisorSoftware},
        {interrupt::STI, Cause::SupervisorTimer},
        {interrupt::VSEI, Cause::VirtualSupervisorExternal},
        {interrupt::VSSI, Cause::VirtualSupervisorSoftware},
        {interrupt::VSTI, Cause::VirtualSupervisorTimer},
    };
    for (const Line& line : kOrder) {
      if ((pending & line.bit) != 0) return line.cause;
    }
    return std::nullopt;
  }
  /// Pending and enabled for VS-mode, as in vsip and vsie.
  [[nodiscard]] static constexpr std::uint64_t for_vs(const HsRegisters& r,
                                                      std::uint64_t now) noexcept {
    return as_supervisor(r, hip(r, now) & r.hie);
  }
  /// vstopi: the interrupt of VS-mode that goes first; 0: none is pending there.
  [[nodiscard]] static constexpr std::uint64_t vstopi(const HsRegisters& r,
                                                      std::uint64_t now) noexcept {
    return TopInterrupt::vstopi(r, for_vs(r, now));
  }

  /// Local time at which a timer's interrupt that is enabled and HS-mode's is pending, earlier than
  /// now when it is; kNever.
  [[nodiscard]] static constexpr std::uint64_t timer_for_hs(const HsRegisters& r,
                                                            std::uint64_t now) noexcept {
    const std::uint64_t own = (r.sie & interrupt::STI) != 0 ? start_of(r.stimecmp, 0, now) : kNever;
    return std::min(own, vs_timer(r, ~r.hideleg, now));
  }
  /// The same for VS-mode.
  [[nodiscard]] static constexpr std::uint64_t timer_for_vs(const HsRegisters& r,
                                                            std::uint64_t now) noexcept {
    if ((r.hvictl & hvictl::VTI) != 0) return kNever;  // it is no candidate
    return vs_timer(r, r.hideleg, now);
  }

 private:
  [[nodiscard]] static constexpr std::uint64_t vs_timer(const HsRegisters& r, std::uint64_t whose,
                                                        std::uint64_t now) noexcept {
    if ((r.hie & whose & interrupt::VSTI) == 0 || !has_vstimecmp(r)) return kNever;
    return start_of(r.vstimecmp, r.htimedelta, now);
  }
  /// When ticks plus `delta` reached `compare`, or will.
  [[nodiscard]] static constexpr std::uint64_t start_of(std::uint64_t compare, std::uint64_t delta,
                                                        std::uint64_t now) noexcept {
    const std::uint64_t seen = ticks(now) + delta;
    if (seen >= compare) {
      const std::uint64_t since = seen - compare;
      return since < ticks(now) ? (ticks(now) - since) * kNanosecondsPerTick : 0;
    }
    const std::uint64_t at = ticks(now) + (compare - seen);
    return at > kNever / kNanosecondsPerTick || at < ticks(now) ? kNever : at * kNanosecondsPerTick;
  }
};

}  // namespace axvm::sim::riscv64
