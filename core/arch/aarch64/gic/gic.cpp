#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/lowest_bit.hpp>

namespace axvm::aarch64 {
namespace {

constexpr std::uint32_t kSgis = 0xffff;
constexpr std::uint8_t kPriorityMask = 0xf8;  // five bits are implemented

constexpr std::uint32_t bit_of(std::uint32_t intid) { return 1U << (intid % 32); }

/// Calls `f` with the position of each bit that is set.
template <class F>
void for_each_bit(std::uint32_t bits, F&& f) {
  for (; bits != 0; bits &= bits - 1) f(lowest_bit(bits));
}

}  // namespace

std::uint64_t guest_gic_feature(const VcpuInterface& interface, std::uint16_t encoding) noexcept {
  constexpr std::uint64_t kSystemRegisters = 1ULL << 24;
  const bool is_there =
      interface.gic() != nullptr && interface.gic()->has_distributor() && !interface.gic()->is_v2();
  const bool asked = encoding == static_cast<std::uint16_t>(SysReg::ID_AA64PFR0_EL1);
  return is_there && asked ? kSystemRegisters : 0;
}

Result<Box<Gic>> Gic::try_make(Allocator allocator, AnyLock& lock, std::size_t vcpus) {
  auto banks = Array<InterruptBank>::try_make(allocator, vcpus);
  if (!banks) return std::unexpected(banks.error());
  auto sources = Array<SgiSources>::try_make(allocator, vcpus);
  if (!sources) return std::unexpected(sources.error());
  auto lent = Array<ListRegisters>::try_make(allocator, vcpus);
  if (!lent) return std::unexpected(lent.error());
  auto interfaces = Array<VcpuInterface*>::try_make(allocator, vcpus);
  if (!interfaces) return std::unexpected(interfaces.error());
  auto affinities = Array<std::uint64_t>::try_make(allocator, vcpus);
  if (!affinities) return std::unexpected(affinities.error());
  return Box<Gic>::try_make(allocator, lock, std::move(*banks), std::move(*sources),
                            std::move(*lent), std::move(*interfaces), std::move(*affinities));
}

Gic::Gic(AnyLock& lock, Array<InterruptBank> private_banks, Array<SgiSources> sgi_sources,
         Array<ListRegisters> lent, Array<VcpuInterface*> interfaces,
         Array<std::uint64_t> affinities) noexcept
    : lock_(lock),
      private_(std::move(private_banks)),
      sgi_sources_(std::move(sgi_sources)),
      lent_(std::move(lent)),
      interfaces_(std::move(interfaces)),
      affinities_(std::move(affinities)) {}

void Gic::add_vcpu(std::uint64_t affinity, VcpuInterface& interface) noexcept {
  private_.emplace_back();
  sgi_sources_.emplace_back();
  lent_.emplace_back();
  interfaces_.emplace_back(&interface);
  affinities_.emplace_back(affinity);
  interface.attach(*this, vcpu_count() - 1);
  reset();
}

void Gic::reset() noexcept {
  LockGuard guard(lock_);
  InterruptBank initial;
  groups_ = 0;
  if (!has_distributor_) {
    groups_ = 3;
    initial.enabled = initial.group1 = ~0U;
    initial.priority.fill(InterruptBank::kDefaultPriority);
  }
  for (SharedBank& bank : shared_) {
    static_cast<InterruptBank&>(bank) = initial;
    bank.route = {};
    bank.target.fill(has_distributor_ ? target_of(0) : 0);
    bank.holder.fill(kNobody);
  }
  initial.edge = kSgis;
  for (InterruptBank& bank : private_) bank = initial;
  if (lpis_) lpis_->reset();
  for (SgiSources& sources : sgi_sources_) sources = {};
  for (ListRegisters& lent : lent_) lent = {};
  wake_all();
  wakes_.store(0, std::memory_order_relaxed);  // nobody runs
}

unsigned Gic::find_vcpu(std::uint64_t affinity) const noexcept {
  for (unsigned i = 0; i < affinities_.size(); ++i) {
    if (affinities_[i] == affinity) return i;
  }
  return kNobody;
}

Gic::Place Gic::place(unsigned vcpu, std::uint32_t intid) noexcept {
  const unsigned index = intid % 32;
  if (intid < kPrivateCount) return {&private_[vcpu], bit_of(intid), index, nullptr};
  SharedBank& shared = shared_[intid / 32 - 1];
  return {&shared, bit_of(intid), index, &shared};
}

void Gic::wake(unsigned vcpu) noexcept {
  if (vcpu >= vcpu_count()) return;
  interfaces_[vcpu]->mark_changed();
  wakes_.fetch_or(std::uint64_t{1} << vcpu, std::memory_order_release);
}

void Gic::wake_all() noexcept {
  for (unsigned i = 0; i < vcpu_count(); ++i) wake(i);
}

void Gic::wake_for(unsigned vcpu, unsigned bank, std::uint32_t bits) noexcept {
  if (bank == 0) return wake(vcpu);
  const SharedBank& shared = shared_[bank - 1];
  for_each_bit(bits, [&](unsigned index) {
    wake(shared.holder[index] != kNobody ? shared.holder[index] : shared.target[index]);
  });
}

// --- sources -------------------------------------------------------------------------------------

void Gic::set_line(std::uint32_t intid, bool high) noexcept {
  if (intid < kPrivateCount || intid >= kIntidCount) return;
  LockGuard guard(lock_);
  const Place p = place(0, intid);
  if (((p.bank->level & p.bit) != 0) == high) return;
  p.bank->set_line(p.bit, high);
  wake_for(0, intid / 32, p.bit);
}

void Gic::set_private_line(unsigned vcpu, std::uint32_t intid, bool high) noexcept {
  LockGuard guard(lock_);
  const Place p = place(vcpu, intid);
  if (((p.bank->level & p.bit) != 0) == high) return;
  p.bank->set_line(p.bit, high);
  wake(vcpu);
}

void Gic::make_pending(unsigned vcpu, std::uint32_t intid) noexcept {
  LockGuard guard(lock_);
  const Place p = place(vcpu, intid);
  if (is_gicv2_sgi(intid)) {
    sgi_sources_[vcpu].add(*p.bank, intid, static_cast<std::uint8_t>(1U << vcpu));
  } else {
    p.bank->latched |= p.bit;
  }
  wake_for(vcpu, intid / 32, p.bit);
}

void Gic::send(unsigned sender, const SgiRequest& request, bool group1) noexcept {
  LockGuard guard(lock_);
  const std::uint32_t bit = bit_of(request.intid);
  for (unsigned i = 0; i < vcpu_count(); ++i) {
    InterruptBank& bank = private_[i];
    if (!request.reaches(affinities_[i], i == sender)) continue;
    if (((bank.group1 & bit) != 0) != group1) continue;
    bank.latched |= bit;
    wake(i);
  }
}

// --- list registers ------------------------------------------------------------------------------

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

// --- registers -----------------------------------------------------------------------------------

unsigned Gic::groups_enabled() noexcept {
  LockGuard guard(lock_);
  return groups_;
}

void Gic::enable_groups(unsigned groups) noexcept {
  LockGuard guard(lock_);
  groups_ = groups & 3;
  wake_all();
}

namespace {

/// The registers of a bank, by the offset of bank 0's (table 12-25), and how much further that of
/// the next bank is.
enum class Register : std::uint8_t {
  Group,
  SetEnable,
  ClearEnable,
  SetPending,
  ClearPending,
  SetActive,
  ClearActive,
  Priority,
  Config,
};
struct RegisterName {
  Register what;
  unsigned bank;
  unsigned first;  ///< of the interrupts in the word, within the bank
};

std::optional<RegisterName> name_of(std::uint64_t offset) {
  const auto at = static_cast<unsigned>(offset);
  if (offset >= 0x80 && offset < 0x400) {
    return RegisterName{static_cast<Register>((at - 0x80) / 0x80), (at & 0x7f) / 4, 0};
  }
  if (offset >= 0x400 && offset < 0x800) {
    return RegisterName{Register::Priority, (at - 0x400) / 32, (at & 0x1c)};
  }
  if (offset >= 0xc00 && offset < 0xd00) {
    return RegisterName{Register::Config, (at - 0xc00) / 8, (at & 4) * 4};
  }
  return std::nullopt;
}

std::uint32_t read_priorities(const InterruptBank& bank, unsigned first) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value |= std::uint32_t{bank.priority[first + i]} << (8 * i);
  return value;
}

void write_priorities(InterruptBank& bank, unsigned first, std::uint32_t value,
                      std::uint32_t mask) {
  for (unsigned i = 0; i < 4; ++i) {
    if (((mask >> (8 * i)) & 0xff) == 0) continue;
    bank.priority[first + i] = static_cast<std::uint8_t>(value >> (8 * i)) & kPriorityMask;
  }
}

/// Two bits each, of which the upper one says edge.
std::uint32_t read_config(const InterruptBank& bank, unsigned first) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 16; ++i) value |= ((bank.edge >> (first + i)) & 1) << (2 * i + 1);
  return value;
}

void write_config(InterruptBank& bank, unsigned first, std::uint32_t value, std::uint32_t mask) {
  for (unsigned i = 0; i < 16; ++i) {
    if (((mask >> (2 * i + 1)) & 1) == 0) continue;
    const std::uint32_t bit = 1U << (first + i);
    bank.edge = ((value >> (2 * i + 1)) & 1) != 0 ? bank.edge | bit : bank.edge & ~bit;
  }
}

/// There is no interrupt from 1020 on.
constexpr std::uint32_t existing(unsigned bank) {
  return bank == kIntidCount / 32 ? (1U << (kIntidCount % 32)) - 1 : ~0U;
}

}  // namespace

std::optional<unsigned> Gic::bank_of(std::uint64_t offset) noexcept {
  const auto name = name_of(offset);
  return name ? std::optional(name->bank) : std::nullopt;
}

std::uint32_t Gic::held_of(unsigned vcpu, unsigned bank, std::uint32_t bits) const noexcept {
  std::uint32_t held = 0;
  for_each_bit(bits, [&](unsigned index) {
    const bool is_held = bank == 0
                             ? is_lent(vcpu, index)
                             : shared_[bank - 1].holder[index] != kNobody &&
                                   is_lent(shared_[bank - 1].holder[index], bank * 32 + index);
    if (is_held) held |= 1U << index;
  });
  return held;
}

std::uint32_t Gic::read_bank(unsigned vcpu, std::uint64_t offset) noexcept {
  const auto name = name_of(offset);
  if (!name) return 0;
  LockGuard guard(lock_);
  const InterruptBank& from = bank(vcpu, name->bank);
  switch (name->what) {
    case Register::Group: return from.group1 & existing(name->bank);
    case Register::SetEnable:
    case Register::ClearEnable: return from.enabled & existing(name->bank);
    case Register::SetPending:
    case Register::ClearPending: return from.visibly_pending();
    case Register::SetActive:
    case Register::ClearActive: return from.active;
    case Register::Priority: return read_priorities(from, name->first);
    case Register::Config: return read_config(from, name->first);
  }
  return 0;
}

void Gic::write_bank(unsigned vcpu, std::uint64_t offset, std::uint32_t value,
                     std::uint32_t mask) noexcept {
  const auto name = name_of(offset);
  if (!name) return;
  LockGuard guard(lock_);
  InterruptBank& to = bank(vcpu, name->bank);
  const std::uint32_t bits = value & mask & existing(name->bank);
  std::uint32_t touched = bits;
  switch (name->what) {
    case Register::Group:
      to.group1 = (to.group1 & ~mask) | bits;
      touched = mask & existing(name->bank);
      break;
    case Register::SetEnable: to.enabled |= bits; break;
    case Register::ClearEnable: to.enabled &= ~bits; break;
    case Register::SetPending: to.latched |= bits; break;
    case Register::ClearPending:
      to.latched &= ~bits;
      to.drop_pending |= held_of(vcpu, name->bank, bits);
      break;
    case Register::SetActive:
      to.active |= bits;
      for_each_bit(name->bank == 0 ? 0 : bits, [&](unsigned index) {
        SharedBank& shared = shared_[name->bank - 1];
        if (shared.holder[index] == kNobody) shared.holder[index] = shared.target[index];
      });
      break;
    case Register::ClearActive:
      to.active &= ~bits;
      to.drop_active |= held_of(vcpu, name->bank, bits);
      for_each_bit(name->bank == 0 ? 0 : bits & ~held_of(vcpu, name->bank, bits),
                   [&](unsigned index) { shared_[name->bank - 1].holder[index] = kNobody; });
      break;
    case Register::Priority:
      write_priorities(to, name->first, value, mask);
      touched = 0xfU << name->first;
      break;
    case Register::Config: {
      // SGIs are always edge-triggered.
      const bool sgis = name->bank == 0 && name->first == 0;
      if (!sgis) write_config(to, name->first, value, mask);
      touched = 0xffffU << name->first;
      break;
    }
  }
  wake_for(vcpu, name->bank, touched & existing(name->bank));
}

std::uint64_t Gic::route(std::uint32_t intid) noexcept {
  LockGuard guard(lock_);
  return place(0, intid).shared->route[intid % 32];
}

void Gic::set_route(std::uint32_t intid, std::uint64_t affinity) noexcept {
  LockGuard guard(lock_);
  route_to(intid, affinity);
}

void Gic::route_to(std::uint32_t intid, std::uint64_t value) noexcept {
  const Place p = place(0, intid);
  wake_for(0, intid / 32, p.bit);  // whoever has it now
  p.shared->route[p.index] = value;
  p.shared->target[p.index] = target_of(value);
  wake_for(0, intid / 32, p.bit);
}

// --- state ---------------------------------------------------------------------------------------

void Gic::describe(StateVisitor& visitor) {
  LockGuard guard(lock_);
  visitor.value("groups"sv, groups_);
  for (InterruptBank& bank : private_) bank.describe(visitor);
  if (is_v2_) {
    for (unsigned i = 0; i < vcpu_count(); ++i) {
      sgi_sources_[i].describe(visitor);
      sgi_sources_[i].repair(private_[i]);
    }
  }
  for (SharedBank& bank : shared_) {
    bank.describe(visitor);
    visitor.bytes("route"sv, std::as_writable_bytes(std::span(bank.route)));
    visitor.bytes("target"sv, std::as_writable_bytes(std::span(bank.target)));
    visitor.bytes("holder"sv, std::as_writable_bytes(std::span(bank.holder)));
    // A restored state may be anything.
    for (auto* vcpus : {&bank.target, &bank.holder}) {
      for (std::uint8_t& vcpu : *vcpus) vcpu = vcpu < vcpu_count() ? vcpu : kNobody;
    }
  }
  if (lpis_) lpis_->describe(visitor);
  for (ListRegisters& lent : lent_) {
    visitor.value("lent"sv, lent.count);
    if (lent.count > kMaxListRegisters) lent.count = kMaxListRegisters;
    for (unsigned i = 0; i < lent.count; ++i) {
      std::uint64_t entry = lent.entries[i].encode();
      visitor.field("entry"sv, entry);
      lent.entries[i] = is_v2_ ? ListRegister::of_gicv2(entry) : ListRegister(entry);
      std::uint32_t& intid = lent.entries[i].intid;
      if (!lpis_ || !is_lpi(intid)) intid %= kIntidCount;
    }
  }
  groups_ &= 3;
}

}  // namespace axvm::aarch64
