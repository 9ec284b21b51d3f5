// What the controller of a VM that sees a GICv2 does differently.

#include <core/arch/aarch64/gic/gic.hpp>
#include <core/lowest_bit.hpp>

namespace axvm::aarch64 {

void Gic::add_distributor_v2() noexcept {
  is_v2_ = true;
  for (VcpuInterface* const interface : interfaces_) interface->put_in_memory();
  add_distributor();
}

std::uint8_t Gic::target_of(std::uint64_t value) const noexcept {
  if (!is_v2_) return static_cast<std::uint8_t>(find_vcpu(value));
  if (vcpu_count() == 1) return 0;  // a uniprocessor's need no target (IHI 0048B, 4.3.12)
  return value == 0 ? kNobody : static_cast<std::uint8_t>(lowest_bit(value));
}

void Gic::send_v2(unsigned sender, std::uint8_t targets, std::uint32_t intid) noexcept {
  LockGuard guard(lock_);
  for (unsigned i = 0; i < vcpu_count(); ++i) {
    if (((targets >> i) & 1) == 0) continue;
    sgi_sources_[i].add(private_[i], intid, static_cast<std::uint8_t>(1U << sender));
    wake(i);
  }
}

void Gic::set_targets(std::uint32_t intid, std::uint8_t targets) noexcept {
  const auto existing = static_cast<std::uint8_t>((1U << vcpu_count()) - 1);
  set_route(intid, targets & existing);
}

std::uint8_t Gic::sgi_senders(unsigned vcpu, std::uint32_t intid) noexcept {
  LockGuard guard(lock_);
  return sgi_sources_[vcpu].waiting(intid);
}

void Gic::add_sgi_senders(unsigned vcpu, std::uint32_t intid, std::uint8_t senders) noexcept {
  LockGuard guard(lock_);
  const auto existing = static_cast<std::uint8_t>((1U << vcpu_count()) - 1);
  sgi_sources_[vcpu].add(private_[vcpu], intid, senders & existing);
  wake(vcpu);
}

void Gic::remove_sgi_senders(unsigned vcpu, std::uint32_t intid, std::uint8_t senders) noexcept {
  LockGuard guard(lock_);
  sgi_sources_[vcpu].remove(private_[vcpu], intid, senders);
  wake(vcpu);
}

}  // namespace axvm::aarch64
