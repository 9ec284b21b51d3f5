// The registers of distributor and redistributors that both versions of the architecture share.

#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/gic/interrupt_bits.hpp>

namespace axvm::aarch64 {

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

}  // namespace axvm::aarch64
