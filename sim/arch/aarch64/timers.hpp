#pragma once
// The generic timer of one pCPU (DDI 0487 D11): counters derived from guest time, and the timers of
// EL1 (virtual, physical) and EL2 (physical), each with its interrupt.

#include <array>
#include <cstdint>
#include <optional>
#include <sim/arch/aarch64/sysreg.hpp>
#include <sim/state.hpp>

namespace axvm::sim::aarch64 {

class Timers {
 public:
  static constexpr std::uint64_t kFrequency = 62'500'000;  ///< CNTFRQ_EL0, Hz
  static constexpr std::uint64_t kNanosecondsPerTick = 1'000'000'000 / kFrequency;
  static constexpr std::uint64_t kNever = ~0ULL;

  enum Id : std::uint8_t { kVirtual, kPhysical, kHypervisor };
  static constexpr std::array<Id, 3> kAll{kVirtual, kPhysical, kHypervisor};
  /// The private peripheral interrupt of a timer (BSA: the recommended INTIDs).
  static constexpr std::uint32_t intid(Id timer) noexcept {
    constexpr std::array<std::uint32_t, 3> kIntids{27, 30, 26};
    return kIntids[timer];
  }

  /// Ticks of the physical counter at guest time `ns`.
  [[nodiscard]] static constexpr std::uint64_t ticks(std::uint64_t ns) noexcept {
    return ns / kNanosecondsPerTick;
  }

  /// A register of a timer.
  struct Field {
    Id timer;
    unsigned op2;  ///< 0 TVAL, 1 CTL, 2 CVAL
  };
  /// Which one `r` is; nothing when it is none.
  [[nodiscard]] static constexpr std::optional<Field> field_of(SysReg r) noexcept {
    if (r.op2() > 2) return std::nullopt;
    switch (r.encoding & ~7U) {
      case SysReg(3, 3, 14, 3, 0).encoding: return Field{kVirtual, r.op2()};     // CNTV
      case SysReg(3, 3, 14, 2, 0).encoding: return Field{kPhysical, r.op2()};    // CNTP
      case SysReg(3, 4, 14, 2, 0).encoding: return Field{kHypervisor, r.op2()};  // CNTHP
      default: return std::nullopt;
    }
  }
  /// Whether its value now is another one later, though nobody writes it.
  [[nodiscard]] bool runs(Field field) const noexcept {
    return field.op2 == 0 || (field.op2 == 1 && (timers_[field.timer].control & 1) != 0);
  }
  /// Its value at `ns`. `offset` is CNTVOFF_EL2.
  [[nodiscard]] std::uint64_t read(Field field, std::uint64_t ns,
                                   std::uint64_t offset) const noexcept {
    const Timer& timer = timers_[field.timer];
    switch (field.op2) {
      case 0: return timer.tval(counter(field.timer, ns, offset));
      case 1: return timer.ctl(counter(field.timer, ns, offset));
      default: return timer.compare;
    }
  }
  /// The value of a counter or timer register at `ns`; nothing when `r` is none of them.
  [[nodiscard]] std::optional<std::uint64_t> read(SysReg r, std::uint64_t ns,
                                                  std::uint64_t offset) const noexcept;
  /// True when `r` is a timer register; it is then written.
  bool write(SysReg r, std::uint64_t value, std::uint64_t ns, std::uint64_t offset) noexcept;

  /// Whether the timer asserts its interrupt at `ns`: enabled, not masked, condition met.
  [[nodiscard]] bool asserts(Id timer, std::uint64_t ns, std::uint64_t offset) const noexcept {
    return timers_[timer].output(counter(timer, ns, offset));
  }
  /// The first time from `ns` on at which it does; kNever.
  [[nodiscard]] std::uint64_t next_assertion(Id timer, std::uint64_t ns,
                                             std::uint64_t offset) const noexcept;

  void describe(StateVisitor& v);

 private:
  struct Timer {
    std::uint64_t control = 0;  ///< ENABLE, IMASK
    std::uint64_t compare = 0;  ///< CVAL

    [[nodiscard]] std::uint64_t ctl(std::uint64_t now) const noexcept {
      const bool met = (control & 1) != 0 && now >= compare;
      return control | (met ? 4U : 0U);
    }
    [[nodiscard]] bool enabled() const noexcept { return control == 1; }
    [[nodiscard]] bool output(std::uint64_t now) const noexcept {
      return enabled() && now >= compare;
    }
    [[nodiscard]] std::uint64_t tval(std::uint64_t now) const noexcept {
      return static_cast<std::uint32_t>(compare - now);
    }
    void set_tval(std::uint64_t v, std::uint64_t now) noexcept {
      compare = now + static_cast<std::uint64_t>(static_cast<std::int64_t>(
                          static_cast<std::int32_t>(static_cast<std::uint32_t>(v))));
    }
  };

  /// The counter that a timer compares with.
  [[nodiscard]] static std::uint64_t counter(Id timer, std::uint64_t ns,
                                             std::uint64_t offset) noexcept {
    return timer == kVirtual ? ticks(ns) - offset : ticks(ns);
  }
  std::array<Timer, 3> timers_;
};

}  // namespace axvm::sim::aarch64
