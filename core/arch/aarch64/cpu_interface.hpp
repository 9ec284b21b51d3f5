#pragma once
// The interrupts of one vCPU and its GIC CPU interface by system registers (GICv3, IHI 0069 12.2),
// in software: without a distributor, so that all interrupts are of group 1 and of one priority.

#include <array>
#include <atomic>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <cstdint>
#include <optional>

namespace axvm::aarch64 {

/// The first of the special INTIDs: those below name interrupts.
inline constexpr std::uint32_t kIntidCount = 1020;
/// What acknowledging finds when nothing is pending.
inline constexpr std::uint32_t kSpuriousIntid = 1023;

/// Registers of the interface that EL1 sees.
enum class IccRegister : std::uint8_t {
  None,
  Pmr,
  Iar0,
  Eoir0,
  Hppir0,
  Bpr0,
  Ap0r0,
  Ap1r0,
  Dir,
  Rpr,
  Sgi1r,
  Asgi1r,
  Sgi0r,
  Iar1,
  Eoir1,
  Hppir1,
  Bpr1,
  Ctlr,
  Sre,
  Igrpen0,
  Igrpen1,
};

/// `encoding` as sysreg_encoding() packs it.
[[nodiscard]] IccRegister icc_register(std::uint16_t encoding) noexcept;

/// A write of ICC_SGI1R_EL1 (IHI 0069, 12.2.19).
struct SgiRequest {
  std::uint32_t intid = 0;        ///< 0..15
  bool all_others = false;        ///< IRM: every CPU but the sender
  std::uint64_t cluster = 0;      ///< affinity fields 3, 2 and 1 as MPIDR_EL1 has them
  std::uint16_t target_list = 0;  ///< one bit per affinity 0

  explicit SgiRequest(std::uint64_t value) noexcept;
  /// Whether it goes to the CPU with this affinity, which is not the sender's unless `is_sender`.
  [[nodiscard]] bool reaches(std::uint64_t affinity, bool is_sender) const noexcept;
};

/// Pending bits may be set from any CPU. All else belongs to the CPU that runs the vCPU.
class CpuInterface {
 public:
  CpuInterface() noexcept { reset(); }
  CpuInterface(const CpuInterface&) = delete;
  CpuInterface& operator=(const CpuInterface&) = delete;

  /// As when the VM was made.
  void reset() noexcept;
  /// As when the CPU is powered on: what is pending stays.
  void reset_registers() noexcept;

  // --- interrupts; `intid` < kIntidCount ----------------------------------------------------
  void set_pending(std::uint32_t intid) noexcept;
  void clear_pending(std::uint32_t intid) noexcept;
  [[nodiscard]] bool is_pending(std::uint32_t intid) const noexcept;
  [[nodiscard]] bool is_active(std::uint32_t intid) const noexcept;

  /// Whether the vCPU's IRQ line is up: an enabled interrupt is pending, of sufficient priority and
  /// not active.
  [[nodiscard]] bool signals() const noexcept;
  /// Whether signals() may have changed since the last call.
  [[nodiscard]] bool take_changed() noexcept;
  void mark_changed() noexcept { changed_.store(1, std::memory_order_release); }

  // --- registers ----------------------------------------------------------------------------
  /// Reading ICC_IAR1_EL1 acknowledges. Nothing: the register cannot be read.
  std::optional<std::uint64_t> read(IccRegister reg) noexcept;

  struct Written {
    std::optional<std::uint32_t> deactivated{};  ///< this interrupt is no longer active
    std::optional<SgiRequest> sgi{};             ///< to be sent
  };
  /// Nothing: the register cannot be written.
  std::optional<Written> write(IccRegister reg, std::uint64_t value) noexcept;

  void describe(StateVisitor& visitor);

 private:
  static constexpr std::uint32_t kIdle = 0xff;  ///< ICC_RPR_EL1 when nothing is active
  static constexpr std::size_t kWords = (kIntidCount + 63) / 64;

  [[nodiscard]] std::optional<std::uint32_t> highest_pending() const noexcept;
  [[nodiscard]] std::uint32_t group_priority() const noexcept;
  std::uint32_t acknowledge() noexcept;
  Written end(std::uint32_t intid) noexcept;
  Written deactivate(std::uint32_t intid) noexcept;

  std::array<std::atomic<std::uint64_t>, kWords> pending_{};
  std::atomic<std::uint32_t> changed_{1};  ///< a flag, as wide as atomic exchange is everywhere
  std::array<std::uint64_t, kWords> active_{};
  std::uint32_t priority_mask_ = 0;         ///< ICC_PMR_EL1
  std::uint32_t running_priority_ = kIdle;  ///< ICC_RPR_EL1
  std::uint32_t control_ = 0;               ///< ICC_CTLR_EL1: EOImode and CBPR
  std::uint32_t binary_point0_ = 0;
  std::uint32_t binary_point1_ = 0;
  bool group0_enabled_ = false;
  bool group1_enabled_ = false;
};

}  // namespace axvm::aarch64
