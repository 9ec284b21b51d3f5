#pragma once
// The local APICs of a VM: who hears of a message, and when their timers are due. Registers are a
// device (local_apic_device.hpp), and MSRs, which trap.

#include <atomic>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/x86_64/local_apic/local_apic.hpp>
#include <core/lock.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace axvm::x86_64 {

/// Who hears that a level-triggered interrupt has been handled: IO-APICs.
class EndOfInterruptListener {
 public:
  virtual void end_of_interrupt(std::uint8_t vector) { static_cast<void>(vector); }

 protected:
  ~EndOfInterruptListener() = default;
};

/// One per vCPU, whose number is the APIC's ID; vCPU 0 is the bootstrap processor. Every call may
/// come from any CPU; what it changes for other vCPUs, take_wakes() tells. `vcpu` < vcpu_count(),
/// `now` is guest time in nanoseconds.
class LocalApics {
 public:
  /// The lock outlives them. `tsc_frequency` in Hz. Errors: NoMemory.
  [[nodiscard]] static Result<Box<LocalApics>> try_make(Allocator allocator, AnyLock& lock,
                                                        std::size_t vcpus,
                                                        std::uint64_t tsc_frequency);

  /// At most once, before anything else. It is called on the CPU that ends the interrupt, under no
  /// lock of this, and outlives it.
  void attach(EndOfInterruptListener& listener) noexcept { listener_ = &listener; }
  [[nodiscard]] unsigned vcpu_count() const noexcept {
    return static_cast<unsigned>(apics_.size());
  }
  void reset() noexcept;

  // --- registers
  // ----------------------------------------------------------------------------------
  /// Of memory. Errors: Unsupported (the APIC is no xAPIC).
  Result<std::uint32_t> read(unsigned vcpu, unsigned number, std::uint64_t now) noexcept;
  Result<> write(unsigned vcpu, unsigned number, std::uint32_t value, std::uint64_t now) noexcept;
  /// Whether these two have the MSR: APIC_BASE, TSC_DEADLINE and 800h to 8FFh.
  [[nodiscard]] static constexpr bool has_msr(std::uint32_t msr) noexcept {
    return msr == kBaseMsr || msr == kTscDeadlineMsr || msr - kFirstApicMsr < 0x100;
  }
  /// Nothing and false are #GP.
  [[nodiscard]] std::optional<std::uint64_t> read_msr(unsigned vcpu, std::uint32_t msr,
                                                      std::uint64_t now) noexcept;
  bool write_msr(unsigned vcpu, std::uint32_t msr, std::uint64_t value, std::uint64_t now) noexcept;

  // --- what comes
  // ---------------------------------------------------------------------------------
  /// From a device or an IO-APIC.
  void send(const InterruptMessage& message) noexcept;
  /// As LocalApic::trigger().
  void trigger(unsigned vcpu, LocalVector source) noexcept;
  /// Delivers what timers have that are due.
  void poll(std::uint64_t now) noexcept;
  /// When the first of them is.
  [[nodiscard]] std::optional<std::uint64_t> deadline() noexcept;

  // --- whom to tell
  // -------------------------------------------------------------------------------
  /// vCPUs to which something has come since the last call, one bit each.
  [[nodiscard]] std::uint64_t take_wakes() noexcept {
    if (wakes_.load(std::memory_order_acquire) == 0) [[likely]]
      return 0;
    return wakes_.exchange(0, std::memory_order_acq_rel);
  }

  // --- what a processor takes
  // ---------------------------------------------------------------------
  /// `f(LocalApic&)`, with nobody else there.
  template <class F>
  auto with_apic(unsigned vcpu, const F& f) {
    LockGuard guard(lock_);
    return f(apics_[vcpu]);
  }

  void describe(StateVisitor& visitor);

 private:
  template <class T>
  friend class axvm::Box;

  static constexpr std::uint32_t kBaseMsr = 0x1b;
  static constexpr std::uint32_t kTscDeadlineMsr = 0x6e0;
  static constexpr std::uint32_t kFirstApicMsr = 0x800;

  LocalApics(AnyLock& lock, Array<LocalApic> apics) noexcept
      : lock_(lock), apics_(std::move(apics)) {}

  /// What a write asks for, under the lock; what is left to be done without it.
  [[nodiscard]] std::optional<std::uint8_t> carry_out(unsigned sender,
                                                      const ApicEffect& effect) noexcept;
  void tell_listener(std::optional<std::uint8_t> ended) noexcept;
  /// To all that the message names; `sender` is nobody's number if it comes from outside.
  void deliver(const InterruptMessage& message, unsigned sender) noexcept;
  [[nodiscard]] bool is_for(const InterruptMessage& message, unsigned sender,
                            unsigned vcpu) const noexcept;
  void wake(unsigned vcpu) noexcept;

  AnyLock& lock_;
  Array<LocalApic> apics_;
  EndOfInterruptListener* listener_ = nullptr;
  std::atomic<std::uint64_t> wakes_{0};
};

}  // namespace axvm::x86_64
