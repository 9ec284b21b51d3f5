#include <core/arch/riscv64/interrupt_controller.hpp>

namespace axvm::riscv64 {
namespace {

std::unexpected<Error> already_there() noexcept {
  return fail(ErrorKind::InvalidInput, "create interrupt controller"sv,
              "a VM has one PLIC or one APLIC"sv);
}

}  // namespace

Result<Box<InterruptController>> InterruptController::try_make(Allocator allocator, AnyLock& lock,
                                                               std::size_t vcpus) {
  auto interrupts = Array<VcpuInterrupts*>::try_make(allocator, vcpus);
  if (!interrupts) return std::unexpected(interrupts.error());
  auto plic = Plic::try_make(allocator, lock, vcpus);
  if (!plic) return std::unexpected(plic.error());
  return Box<InterruptController>::try_make(allocator, lock, std::move(*interrupts),
                                            std::move(*plic));
}

void InterruptController::add_vcpu(std::uint64_t hart_id, VcpuInterrupts& interrupts) noexcept {
  vcpus_.emplace_back(&interrupts);
  (*plic_)->add_vcpu(hart_id, interrupts);
}

Result<Plic*> InterruptController::use_plic() noexcept {
  if (aia_ || has_plic_device_) return already_there();
  has_plic_device_ = true;
  return plic_->get();
}

Result<Aia*> InterruptController::use_aia(Allocator allocator, bool has_interrupt_files) {
  if (aia_ || has_plic_device_) return already_there();
  auto made = Aia::try_make(allocator, lock_, vcpus_.size(), has_interrupt_files);
  if (!made) return std::unexpected(made.error());
  for (VcpuInterrupts* const vcpu : vcpus_) (*made)->add_vcpu(*vcpu);
  plic_.reset();
  aia_.emplace(std::move(*made));
  return aia_->get();
}

void InterruptController::reset() noexcept {
  aia_ ? (*aia_)->reset() : (*plic_)->reset();
  software_wakes_.store(0, std::memory_order_relaxed);  // nobody runs
}

void InterruptController::set_line(std::uint32_t source, bool high) noexcept {
  aia_ ? (*aia_)->set_line(source, high) : (*plic_)->set_line(source, high);
}

void InterruptController::make_pending(unsigned vcpu, std::uint32_t source) noexcept {
  aia_ ? (*aia_)->make_pending(vcpu, source) : (*plic_)->make_pending(vcpu, source);
}

Result<> InterruptController::send_message(std::uint32_t device, std::uint32_t event) {
  return aia_ ? (*aia_)->send_message(device, event) : (*plic_)->send_message(device, event);
}

void InterruptController::send_software(std::uint32_t vcpu) noexcept {
  if (vcpu >= vcpus_.size()) return;
  vcpus_[vcpu]->send_software();
  software_wakes_.fetch_or(std::uint64_t{1} << vcpu, std::memory_order_release);
}

std::uint64_t InterruptController::take_wakes() noexcept {
  std::uint64_t wakes = aia_ ? (*aia_)->take_wakes() : (*plic_)->take_wakes();
  if (software_wakes_.load(std::memory_order_acquire) != 0) [[unlikely]] {
    wakes |= software_wakes_.exchange(0, std::memory_order_acq_rel);
  }
  return wakes;
}

void InterruptController::describe(StateVisitor& visitor) {
  aia_ ? (*aia_)->describe(visitor) : (*plic_)->describe(visitor);
}

}  // namespace axvm::riscv64
