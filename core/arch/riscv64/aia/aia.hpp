#pragma once
// The interrupt controllers of a VM by the Advanced Interrupt Architecture: an APLIC, alone or with
// an interrupt file per vCPU. Registers are devices (aplic_device.hpp, imsic_device.hpp), and CSRs
// that trap (interrupt_file_access.hpp); vCPUs get interrupts by hvip.VSEIP, so that no guest
// interrupt files are needed of the hardware.

#include <atomic>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/riscv64/aia/aplic.hpp>
#include <core/arch/riscv64/aia/interrupt_file.hpp>
#include <core/arch/riscv64/vcpu_interrupts.hpp>
#include <core/lock.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace axvm::riscv64 {

/// Every call may come from any CPU; what it changes for vCPUs, take_wakes() tells.
class Aia {
 public:
  /// The lock outlives it. Errors: NoMemory.
  [[nodiscard]] static Result<Box<Aia>> try_make(Allocator allocator, AnyLock& lock,
                                                 std::size_t vcpus, bool has_interrupt_files);

  /// Once per vCPU, in their order, before anything else.
  void add_vcpu(VcpuInterrupts& interrupts) noexcept;
  [[nodiscard]] unsigned vcpu_count() const noexcept {
    return static_cast<unsigned>(vcpus_.size());
  }
  void reset() noexcept;

  // --- sources; those that do not exist are ignored ---------------------------------------------
  void set_line(std::uint32_t source, bool high) noexcept;
  /// A pulse on the wire of a source. `vcpu` does not matter: a source has a target.
  void make_pending(unsigned vcpu, std::uint32_t source) noexcept;

  // --- messages ---------------------------------------------------------------------------------
  /// Writes `identity` to the interrupt file of a vCPU. Errors: Unsupported (there are no interrupt
  /// files), NotFound (no such vCPU), OutOfRange (no such identity).
  Result<> send_message(std::uint32_t vcpu, std::uint32_t identity);

  // --- whom to tell -----------------------------------------------------------------------------
  /// vCPUs whose external interrupt has come since the last call, one bit each.
  [[nodiscard]] std::uint64_t take_wakes() noexcept {
    if (wakes_.load(std::memory_order_acquire) == 0) [[likely]]
      return 0;
    return wakes_.exchange(0, std::memory_order_acq_rel);
  }

  // --- registers --------------------------------------------------------------------------------
  /// As Aplic::read() and write().
  [[nodiscard]] std::uint32_t read_aplic(std::uint64_t offset) noexcept;
  void write_aplic(std::uint64_t offset, std::uint32_t value) noexcept;
  /// As those of InterruptFile, by the vCPU whose it is: it need not be told. There are interrupt
  /// files; `vcpu` < vcpu_count().
  [[nodiscard]] std::optional<std::uint64_t> read_file(unsigned vcpu,
                                                       std::uint64_t select) noexcept;
  /// Writes what `change` makes of the register, with no message in between; what it was before.
  template <class F>
  std::optional<std::uint64_t> change_file(unsigned vcpu, std::uint64_t select, const F& change) {
    LockGuard guard(lock_);
    const auto old = files_[vcpu].read(select);
    if (!old) return std::nullopt;
    files_[vcpu].write(select, change(*old));
    update(vcpu);
    return old;
  }
  [[nodiscard]] std::uint64_t top(unsigned vcpu) noexcept;
  /// The same, and a write to stopei at once.
  std::uint64_t claim(unsigned vcpu) noexcept;

  void describe(StateVisitor& visitor);

 private:
  template <class T>
  friend class axvm::Box;

  Aia(AnyLock& lock, Array<VcpuInterrupts*> vcpus, Array<InterruptFile> files) noexcept
      : lock_(lock), vcpus_(std::move(vcpus)), files_(std::move(files)) {}

  [[nodiscard]] bool is_signaling(unsigned vcpu) const noexcept {
    return files_.empty() ? (*aplic_)->is_signaling(vcpu) : files_[vcpu].is_signaling();
  }
  /// True when the vCPU is to be told: its external interrupt has come.
  bool update(unsigned vcpu) noexcept;
  void tell_all() noexcept;

  AnyLock& lock_;
  Array<VcpuInterrupts*> vcpus_;
  Array<InterruptFile> files_;       ///< one per vCPU, or none
  std::optional<Box<Aplic>> aplic_;  ///< always there: it is made once the files have their place
  std::atomic<std::uint64_t> wakes_{0};
};

}  // namespace axvm::riscv64
