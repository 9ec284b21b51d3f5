#pragma once
// The generic timer of one pCPU (DDI 0487 D11): counters derived from guest time, and the guest's
// virtual and physical timer registers.

#include <cstdint>
#include <optional>
#include <sim/arch/aarch64/sysreg.hpp>
#include <sim/state.hpp>

namespace axvm::sim::aarch64 {

class Timers {
 public:
  static constexpr std::uint64_t kFrequency = 62'500'000;  ///< CNTFRQ_EL0, Hz
  static constexpr std::uint64_t kNanosecondsPerTick = 1'000'000'000 / kFrequency;

  /// Ticks of the physical counter at guest time `ns`.
  [[nodiscard]] static constexpr std::uint64_t ticks(std::uint64_t ns) noexcept {
    return ns / kNanosecondsPerTick;
  }

  /// The value of a counter or timer register at `ns`; nothing when `r` is none of them.
  /// `offset` is CNTVOFF_EL2.
  [[nodiscard]] std::optional<std::uint64_t> read(SysReg r, std::uint64_t ns,
                                                  std::uint64_t offset) const noexcept;
  /// True when `r` is a timer register; it is then written.
  bool write(SysReg r, std::uint64_t value, std::uint64_t ns, std::uint64_t offset) noexcept;

  void describe(StateVisitor& v);

 private:
  struct Timer {
    std::uint64_t control = 0;  ///< ENABLE, IMASK
    std::uint64_t compare = 0;  ///< CVAL

    [[nodiscard]] std::uint64_t ctl(std::uint64_t now) const noexcept {
      const bool met = (control & 1) != 0 && now >= compare;
      return control | (met ? 4U : 0U);
    }
    [[nodiscard]] std::uint64_t tval(std::uint64_t now) const noexcept {
      return static_cast<std::uint32_t>(compare - now);
    }
    void set_tval(std::uint64_t v, std::uint64_t now) noexcept {
      compare = now + static_cast<std::uint64_t>(static_cast<std::int64_t>(
                          static_cast<std::int32_t>(static_cast<std::uint32_t>(v))));
    }
  };

  Timer virtual_;
  Timer physical_;
};

}  // namespace axvm::sim::aarch64
