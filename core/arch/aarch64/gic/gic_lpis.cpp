// The controller's part in LPIs: under its lock, and with the vCPUs told.

#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/gic/its.hpp>

namespace axvm::aarch64 {

Result<> Gic::add_lpis(Allocator allocator) {
  auto lpis = Lpis::try_make(allocator, vcpu_count());
  if (!lpis) return std::unexpected(lpis.error());
  lpis_.emplace(std::move(*lpis));
  return {};
}

bool Gic::are_lpis_enabled() noexcept {
  LockGuard guard(lock_);
  return lpis_->are_enabled();
}

bool Gic::are_lpis_enabled(unsigned vcpu) noexcept {
  LockGuard guard(lock_);
  return lpis_->are_enabled(vcpu);
}

void Gic::enable_lpis(unsigned vcpu, const LpiBits& pending) noexcept {
  LockGuard guard(lock_);
  lpis_->enable(vcpu, pending);
  wake(vcpu);
}

LpiBits Gic::disable_lpis(unsigned vcpu) noexcept {
  LockGuard guard(lock_);
  wake(vcpu);
  return lpis_->disable(vcpu);
}

void Gic::configure_lpis(std::uint32_t first, std::span<const std::uint8_t> bytes) noexcept {
  LockGuard guard(lock_);
  lpis_->configure(first, bytes);
  wake_all();
}

void Gic::make_lpi_pending(unsigned vcpu, std::uint32_t intid) noexcept {
  LockGuard guard(lock_);
  if (lpis_->make_pending(vcpu, intid)) wake(vcpu);
}

void Gic::move_lpi(unsigned from, std::uint32_t intid, unsigned to) noexcept {
  LockGuard guard(lock_);
  const std::uint8_t heir = to < vcpu_count() ? static_cast<std::uint8_t>(to) : Lpis::kNobody;
  lpis_->move(from, intid, heir);
  move_lent_lpis(from, heir, intid, intid + 1);
  wake(to);
}

void Gic::move_all_lpis(unsigned from, unsigned to) noexcept {
  LockGuard guard(lock_);
  lpis_->move_all(from, to);
  move_lent_lpis(from, static_cast<std::uint8_t>(to), kFirstLpi, kEndOfLpis);
  wake(to);
}

/// The guest may still take it where it is, as from a CPU interface that has it already; its CPU is
/// asked to give it back.
void Gic::move_lent_lpis(unsigned from, std::uint8_t to, std::uint32_t first,
                         std::uint32_t end) noexcept {
  for (unsigned holder = 0; holder < vcpu_count(); ++holder) {
    for (unsigned n = 0; n < lent_[holder].count; ++n) {
      const std::uint32_t intid = lent_[holder].entries[n].intid;
      if (intid < first || intid >= end) continue;
      lpis_->move_lent(holder, n, from, to);
      wake(holder);
    }
  }
}

Result<> Gic::send_message(std::uint32_t device, std::uint32_t event) {
  if (its_ == nullptr) {
    return fail(ErrorKind::Unsupported, "send message"sv, "the VM has no ITS"sv);
  }
  return its_->translate(device, event);
}

}  // namespace axvm::aarch64
