#pragma once
// Locality-specific interrupts (IHI 0069, chapter 5): which are pending, for whom, and what their
// configuration table says. They are edge-triggered, of group 1 and never active.

#include <array>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/aarch64/gic/list_registers.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::aarch64 {

/// INTIDs have so many bits where there are LPIs (GICD_TYPER.IDbits + 1), the fewest that may be:
/// all that is done for every LPI stays short.
inline constexpr unsigned kLpiIntidBits = 14;
inline constexpr std::uint32_t kFirstLpi = 8192;
inline constexpr std::uint32_t kEndOfLpis = 1U << kLpiIntidBits;
inline constexpr std::uint32_t kLpiCount = kEndOfLpis - kFirstLpi;

[[nodiscard]] constexpr bool is_lpi(std::uint32_t intid) noexcept {
  return intid >= kFirstLpi && intid < kEndOfLpis;
}

/// A bit per LPI, as a pending table has them behind its first KiB (5.1.2).
using LpiBits = std::array<std::uint8_t, kLpiCount / 8>;
/// A byte per LPI, as a configuration table has them (5.1.1): priority, and enabled in bit 0.
using LpiConfiguration = std::array<std::uint8_t, kLpiCount>;

/// `vcpu` is below the number given, `intid` an LPI. Callers see to it that calls do not overlap.
class Lpis {
 public:
  static constexpr std::uint8_t kNobody = 0xff;

  /// Errors: NoMemory.
  [[nodiscard]] static Result<Lpis> try_make(Allocator allocator, std::size_t vcpus);

  void reset() noexcept;

  // --- configuration --------------------------------------------------------------------------
  /// GICR_CTLR.EnableLPIs. While it is clear nothing is pending for the vCPU, nor becomes it.
  [[nodiscard]] bool are_enabled(unsigned vcpu) const noexcept { return cpus_[vcpu].enabled; }
  [[nodiscard]] bool are_enabled() const noexcept;
  /// `pending`: what the vCPU's pending table says.
  void enable(unsigned vcpu, const LpiBits& pending) noexcept;
  /// Returns what was pending.
  LpiBits disable(unsigned vcpu) noexcept;
  /// What the configuration table says of as many LPIs from `first` on.
  void configure(std::uint32_t first, std::span<const std::uint8_t> bytes) noexcept;

  // --- pending --------------------------------------------------------------------------------
  [[nodiscard]] bool is_pending(unsigned vcpu, std::uint32_t intid) const noexcept;
  /// False when it cannot become pending.
  bool make_pending(unsigned vcpu, std::uint32_t intid) noexcept;
  void move_all(unsigned from, unsigned to) noexcept;

  // --- list registers -------------------------------------------------------------------------
  /// Adds what comes first of what is to be delivered to `vcpu`.
  void collect(unsigned vcpu, ListRegisters& best, unsigned capacity) noexcept;
  /// The interrupt is in list register `n` now, and not pending here.
  void lend(unsigned vcpu, unsigned n, std::uint32_t intid) noexcept;
  /// It has left that list register, where it is still pending or not. Returns the vCPU for which
  /// it is pending here again; kNobody when it is not.
  std::uint8_t take_back(unsigned vcpu, unsigned n, std::uint32_t intid, bool pending) noexcept;
  /// What is pending for `from` goes to `to`, or is cleared when that is kNobody: one interrupt,
  /// and what becomes of it should it come back pending from list register `n` of a vCPU.
  void move(unsigned from, std::uint32_t intid, std::uint8_t to) noexcept;
  void move_lent(unsigned holder, unsigned n, unsigned from, std::uint8_t to) noexcept {
    if (cpus_[holder].heirs[n] == from) cpus_[holder].heirs[n] = to;
  }

  void describe(StateVisitor& visitor);

 private:
  struct Cpu {
    bool enabled = false;
    bool idle = true;  ///< nothing has become pending since nothing was
    LpiBits pending{};
    /// Who gets back what a list register holds.
    std::array<std::uint8_t, kMaxListRegisters> heirs{};
  };

  Lpis(Array<Cpu> cpus, Box<LpiConfiguration> configuration) noexcept
      : cpus_(std::move(cpus)), configuration_(std::move(configuration)) {}

  Array<Cpu> cpus_;
  Box<LpiConfiguration> configuration_;
};

}  // namespace axvm::aarch64
