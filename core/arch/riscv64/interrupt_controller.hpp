#pragma once
// The interrupt controller of a VM, whichever its configuration names: a PLIC, or what the Advanced
// Interrupt Architecture has.

#include <atomic>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/riscv64/aia/aia.hpp>
#include <core/arch/riscv64/plic/plic.hpp>
#include <core/arch/riscv64/vcpu_interrupts.hpp>
#include <core/lock.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace axvm::riscv64 {

/// Both have sources 1 to 1023.
static_assert(Aplic::kSources == kSourceCount);

/// Every call may come from any CPU; what it changes for vCPUs, take_wakes() tells.
class InterruptController {
 public:
  /// A PLIC until use_aia(). The lock outlives the controller. Errors: NoMemory.
  [[nodiscard]] static Result<Box<InterruptController>> try_make(Allocator allocator, AnyLock& lock,
                                                                 std::size_t vcpus);

  /// Once per vCPU, in their order, before anything else.
  void add_vcpu(std::uint64_t hart_id, VcpuInterrupts& interrupts) noexcept;

  [[nodiscard]] std::size_t vcpu_count() const noexcept { return vcpus_.size(); }

  // --- which one it is; each at most once, and after all vCPUs have been added -----------------
  /// Errors: InvalidInput (it is another one already).
  Result<Plic*> use_plic() noexcept;
  /// Errors: InvalidInput (there is a controller already), NoMemory.
  Result<Aia*> use_aia(Allocator allocator, bool has_interrupt_files);

  void reset() noexcept;
  /// As those of the controller that it is.
  void set_line(std::uint32_t source, bool high) noexcept;
  void make_pending(unsigned vcpu, std::uint32_t source) noexcept;
  Result<> send_message(std::uint32_t device, std::uint32_t event);
  /// A supervisor software interrupt for a vCPU, from its devices; ignored where there is none.
  void send_software(std::uint32_t vcpu) noexcept;

  /// vCPUs that have news since the last call, one bit each.
  [[nodiscard]] std::uint64_t take_wakes() noexcept;

  void describe(StateVisitor& visitor);

 private:
  template <class T>
  friend class axvm::Box;

  InterruptController(AnyLock& lock, Array<VcpuInterrupts*> vcpus, Box<Plic> plic) noexcept
      : lock_(lock), vcpus_(std::move(vcpus)), plic_(std::move(plic)) {}

  AnyLock& lock_;
  Array<VcpuInterrupts*> vcpus_;
  std::optional<Box<Plic>> plic_;  ///< unless there is an AIA
  std::optional<Box<Aia>> aia_;
  bool has_plic_device_ = false;
  std::atomic<std::uint64_t> software_wakes_{0};
};

}  // namespace axvm::riscv64
