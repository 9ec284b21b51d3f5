#pragma once
// The SGIs of one vCPU that sees a GICv2, which tells them by who has sent them (IHI 0048B, 3.2.2).

#include <array>
#include <axvm/state.hpp>
#include <core/arch/aarch64/gic/interrupt_bank.hpp>
#include <core/arch/aarch64/gic/list_register.hpp>
#include <core/lowest_bit.hpp>
#include <cstdint>

namespace axvm::aarch64 {

inline constexpr std::uint32_t kSgiCount = 16;  ///< INTIDs 0..15
inline constexpr unsigned kGicv2Cpus = 8;

/// InterruptBank::latched has the bit of each SGI that waits from anybody. `intid` < kSgiCount,
/// `sender` < kGicv2Cpus.
class SgiSources {
 public:
  /// A bit per sender whose SGI waits.
  [[nodiscard]] std::uint8_t waiting(std::uint32_t intid) const noexcept { return waiting_[intid]; }
  void add(InterruptBank& bank, std::uint32_t intid, std::uint8_t senders) noexcept {
    waiting_[intid] |= senders;
    if (waiting_[intid] != 0) bank.latched |= 1U << intid;
  }
  void remove(InterruptBank& bank, std::uint32_t intid, std::uint8_t senders) noexcept {
    waiting_[intid] &= static_cast<std::uint8_t>(~senders);
    if (waiting_[intid] == 0) bank.latched &= ~(1U << intid);
  }

  /// `entry` goes into a list register, which has room for one sender: the first, and none beside
  /// one that is active. Where others wait, its end is reported.
  void lend(InterruptBank& bank, ListRegister& entry) noexcept {
    entry.source = active_[entry.intid];
    if (entry.pending && !entry.active) {
      entry.source = static_cast<std::uint8_t>(lowest_bit(waiting_[entry.intid]));
      remove(bank, entry.intid, static_cast<std::uint8_t>(1U << entry.source));
      bank.lent |= 1U << entry.intid;
    }
    if (entry.active) entry.pending = false;
    entry.reports_end = waiting_[entry.intid] != 0;
  }
  /// It comes back from there: `was` as it went.
  void fold(InterruptBank& bank, const ListRegister& was, const ListRegister& now) noexcept {
    const std::uint32_t bit = 1U << was.intid;
    bank.lent &= ~bit;
    if (now.pending) add(bank, was.intid, static_cast<std::uint8_t>(1U << was.source));
    bank.active = now.active ? bank.active | bit : bank.active & ~bit;
    active_[was.intid] = was.source;
  }

  void describe(StateVisitor& visitor) {
    visitor.bytes("waiting"sv, std::as_writable_bytes(std::span(waiting_)));
    visitor.bytes("active"sv, std::as_writable_bytes(std::span(active_)));
    for (std::uint8_t& sender : active_) sender %= kGicv2Cpus;  // a restored state may be anything
  }
  /// `bank` and this agree, whatever was restored.
  void repair(InterruptBank& bank) const noexcept {
    for (std::uint32_t intid = 0; intid < kSgiCount; ++intid) {
      const std::uint32_t bit = 1U << intid;
      bank.latched = waiting_[intid] != 0 ? bank.latched | bit : bank.latched & ~bit;
    }
  }

 private:
  std::array<std::uint8_t, kSgiCount> waiting_{};
  std::array<std::uint8_t, kSgiCount> active_{};  ///< the sender of one that is active
};

}  // namespace axvm::aarch64
