// What list registers are given, and what they come back with.

#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/gic/interrupt_bits.hpp>

namespace axvm::aarch64 {

bool Gic::is_lent(unsigned vcpu, std::uint32_t intid) const noexcept {
  for (unsigned i = 0; i < lent_[vcpu].count; ++i) {
    if (lent_[vcpu].entries[i].intid == intid) return true;
  }
  return false;
}

std::uint32_t Gic::fold(unsigned vcpu, const ListRegisters& held, unsigned ends) noexcept {
  LockGuard guard(lock_);
  ListRegisters& lent = lent_[vcpu];
  std::uint32_t ended = 0;
  for (unsigned i = 0; i < lent.count; ++i) {
    const ListRegister& now = held.entries[i];
    if (is_lpi(lent.entries[i].intid)) {
      fold_lpi(vcpu, i, lent.entries[i].intid, now.pending);
      continue;
    }
    fold_one(vcpu, lent.entries[i], now);
    if (lent.entries[i].hardware && !now.is_valid()) ended |= bit_of(lent.entries[i].intid);
  }
  for (; ends != 0; --ends) end_unlisted(vcpu);
  lent = {};
  return ended;
}

void Gic::fold_lpi(unsigned vcpu, unsigned n, std::uint32_t intid, bool pending) noexcept {
  const std::uint8_t heir = lpis_->take_back(vcpu, n, intid, pending);
  if (heir != vcpu) wake(heir);
}

void Gic::fold_one(unsigned vcpu, const ListRegister& was, const ListRegister& now) noexcept {
  const Place p = place(vcpu, was.intid);
  InterruptBank& bank = *p.bank;
  if (is_gicv2_sgi(was.intid)) return sgi_sources_[vcpu].fold(bank, was, now);
  if ((bank.lent & p.bit) != 0) {
    bank.lent &= ~p.bit;
    if (now.pending && (bank.drop_pending & p.bit) == 0) bank.latched |= p.bit;
  }
  if (now.active && (bank.drop_active & p.bit) == 0) {
    bank.active |= p.bit;
  } else if (was.active || now.active) {
    bank.active &= ~p.bit;
  }
  bank.drop_pending &= ~p.bit;
  bank.drop_active &= ~p.bit;
  if (p.shared == nullptr) return;
  p.shared->holder[p.index] =
      (bank.active & p.bit) != 0 ? static_cast<std::uint8_t>(vcpu) : kNobody;
}

/// The guest has ended an active interrupt that had no list register: the one of highest priority.
void Gic::end_unlisted(unsigned vcpu) noexcept {
  ListRegister best;
  bool found = false;
  for (unsigned n = 0; n <= kSharedBanks; ++n) {
    for_each_bit(bank(vcpu, n).active, [&](unsigned index) {
      ListRegister entry;
      entry.intid = n * 32 + index;
      entry.active = true;
      entry.priority = bank(vcpu, n).priority[index];
      if (n != 0 && shared_[n - 1].holder[index] != vcpu) return;
      if (is_lent(vcpu, entry.intid)) return;
      if (found && order_of(entry) >= order_of(best)) return;
      best = entry;
      found = true;
    });
  }
  if (!found) return;
  const Place p = place(vcpu, best.intid);
  p.bank->active &= ~p.bit;
  if (p.shared != nullptr) p.shared->holder[p.index] = kNobody;
}

std::uint32_t Gic::enabled_groups(const InterruptBank& bank) const noexcept {
  return ((groups_ & 1) != 0 ? ~bank.group1 : 0) | ((groups_ & 2) != 0 ? bank.group1 : 0);
}

void Gic::collect(unsigned vcpu, unsigned n, ListRegisters& best, unsigned capacity) noexcept {
  const InterruptBank& from = bank(vcpu, n);
  const std::uint32_t deliverable = from.pending() & from.enabled & enabled_groups(from);
  for_each_bit(deliverable | from.active, [&](unsigned index) {
    const std::uint32_t bit = 1U << index;
    if (n != 0) {
      const SharedBank& shared = shared_[n - 1];
      const std::uint8_t owner =
          shared.holder[index] != kNobody ? shared.holder[index] : shared.target[index];
      if (owner != vcpu) return;
    }
    ListRegister entry;
    entry.intid = n * 32 + index;
    entry.pending = (deliverable & bit) != 0;
    entry.active = (from.active & bit) != 0;
    entry.group1 = (from.group1 & bit) != 0;
    entry.priority = from.priority[index];
    best.insert(entry, capacity);
  });
}

void Gic::lend(unsigned vcpu, ListRegister& entry, std::uint32_t hardware) noexcept {
  const Place p = place(vcpu, entry.intid);
  InterruptBank& bank = *p.bank;
  if (is_gicv2_sgi(entry.intid)) return sgi_sources_[vcpu].lend(bank, entry);
  // A physical interrupt that is active comes again when it has ended (12.4.6: HW with pending and
  // active is not permitted).
  entry.hardware = p.shared == nullptr && (hardware & p.bit) != 0;
  if (entry.hardware && entry.active) entry.pending = false;
  // A wire may still be up when its interrupt has ended.
  entry.reports_end = !entry.hardware && entry.pending && (bank.edge & p.bit) == 0;
  if (entry.pending && (bank.latched & p.bit) != 0) {
    bank.latched &= ~p.bit;
    bank.lent |= p.bit;
  }
  if (p.shared != nullptr) p.shared->holder[p.index] = static_cast<std::uint8_t>(vcpu);
}

ListRegisters Gic::fill(unsigned vcpu, unsigned capacity, std::uint32_t hardware) noexcept {
  LockGuard guard(lock_);
  ListRegisters chosen;
  for (unsigned n = 0; n <= kSharedBanks; ++n) collect(vcpu, n, chosen, capacity);
  if (lpis_ && (groups_ & 2) != 0) lpis_->collect(vcpu, chosen, capacity);
  for (unsigned i = 0; i < chosen.count; ++i) {
    if (is_lpi(chosen.entries[i].intid)) {
      lpis_->lend(vcpu, i, chosen.entries[i].intid);
    } else {
      lend(vcpu, chosen.entries[i], hardware);
    }
  }
  lent_[vcpu] = chosen;
  return chosen;
}

std::uint32_t Gic::active_private(unsigned vcpu) noexcept {
  LockGuard guard(lock_);
  return private_[vcpu].active;
}

}  // namespace axvm::aarch64
