#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/gic/interrupt_bits.hpp>
#include <core/arch/aarch64/registers.hpp>

namespace axvm::aarch64 {

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
