#pragma once
// The interrupt controller of a VM: which sources are pending, and which harts hear of them (RISC-V
// Platform-Level Interrupt Controller Specification 1.0.0). Its registers are a device
// (plic_device.hpp); vCPUs get its interrupts by hvip.VSEIP.

#include <array>
#include <atomic>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/riscv64/vcpu_interrupts.hpp>
#include <core/lock.hpp>
#include <cstddef>
#include <cstdint>

namespace axvm::riscv64 {

/// Source 0 does not exist.
inline constexpr std::uint32_t kSourceCount = 1024;

/// One context per vCPU: its S-mode. Every call may come from any CPU; what it changes for vCPUs,
/// take_wakes() tells.
class Plic {
 public:
  static constexpr unsigned kWords = kSourceCount / 32;  ///< of a bit per source
  static constexpr std::uint32_t kMaxPriority = 7;       ///< 0: never interrupts

  /// The lock outlives the controller. Errors: NoMemory.
  [[nodiscard]] static Result<Box<Plic>> try_make(Allocator allocator, AnyLock& lock,
                                                  std::size_t vcpus);

  /// Once per vCPU, in their order, before anything else.
  void add_vcpu(std::uint64_t hart_id, VcpuInterrupts& interrupts) noexcept;
  [[nodiscard]] unsigned vcpu_count() const noexcept {
    return static_cast<unsigned>(contexts_.size());
  }
  void reset() noexcept;

  // --- sources; those that do not exist are ignored ---------------------------------------------
  /// The wire of a source, which is level-triggered.
  void set_line(std::uint32_t source, bool high) noexcept;
  /// A source's interrupt out of the blue, as an edge. `vcpu` does not matter: harts enable
  /// sources.
  void make_pending(unsigned vcpu, std::uint32_t source) noexcept;
  /// Errors: Unsupported: a PLIC takes no messages.
  Result<> send_message(std::uint32_t device, std::uint32_t event);

  // --- whom to tell -----------------------------------------------------------------------------
  /// vCPUs whose external interrupt has changed since the last call, one bit each.
  [[nodiscard]] std::uint64_t take_wakes() noexcept {
    if (wakes_.load(std::memory_order_acquire) == 0) [[likely]]
      return 0;
    return wakes_.exchange(0, std::memory_order_acq_rel);
  }

  // --- registers; `source` < kSourceCount, `word` < kWords, `vcpu` < vcpu_count() ----------------
  [[nodiscard]] std::uint32_t priority(std::uint32_t source) noexcept;
  void set_priority(std::uint32_t source, std::uint32_t priority) noexcept;
  [[nodiscard]] std::uint32_t pending(unsigned word) noexcept;
  [[nodiscard]] std::uint32_t enabled(unsigned vcpu, unsigned word) noexcept;
  void enable(unsigned vcpu, unsigned word, std::uint32_t sources) noexcept;
  [[nodiscard]] std::uint32_t threshold(unsigned vcpu) noexcept;
  void set_threshold(unsigned vcpu, std::uint32_t threshold) noexcept;
  /// The pending source of the highest priority that the hart has enabled, the lowest number first;
  /// 0 when there is none. It is not pending any more, and will not be before its completion.
  [[nodiscard]] std::uint32_t claim(unsigned vcpu) noexcept;
  /// Ignored where the hart has not enabled the source.
  void complete(unsigned vcpu, std::uint32_t source) noexcept;

  void describe(StateVisitor& visitor);

 private:
  template <class T>
  friend class axvm::Box;

  using Bits = std::array<std::uint32_t, kWords>;
  struct Context {
    VcpuInterrupts* interrupts = nullptr;
    Bits enabled{};
    std::uint32_t threshold = 0;
  };

  Plic(AnyLock& lock, Array<Context> contexts) noexcept
      : lock_(lock), contexts_(std::move(contexts)) {}

  [[nodiscard]] static bool exists(std::uint32_t source) noexcept {
    return source != 0 && source < kSourceCount;
  }
  /// The gateway lets a request through, unless the last one is still being handled.
  void pass_request(std::uint32_t source) noexcept;
  /// The source that claim() would give, if its priority is above `threshold`.
  [[nodiscard]] std::uint32_t best(const Context& context, std::uint32_t threshold) const noexcept;
  void tell(unsigned vcpu) noexcept;
  void tell_all() noexcept;

  AnyLock& lock_;
  std::array<std::uint8_t, kSourceCount> priority_{};
  Bits level_{};    ///< wires that are up
  Bits edges_{};    ///< edges that wait for the completion of the interrupt before
  Bits pending_{};  ///< let through, not claimed
  Bits claimed_{};  ///< being handled
  Array<Context> contexts_;
  std::atomic<std::uint64_t> wakes_{0};
};

}  // namespace axvm::riscv64
