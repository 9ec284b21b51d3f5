#pragma once
// How long a vCPU wanted to run and did not, as its guest finds it in memory (SBI 2.0, "Steal-time
// Accounting Extension").

#include <array>
#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/devices/byte_order.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::riscv64 {

/// Of one vCPU; changed by the CPU that runs it. Times are VmHal::monotonic_nanoseconds.
class StealTime {
 public:
  static constexpr std::uint64_t kBytes = 64;  ///< of the structure, and its alignment
  // Where its fields are; the rest is 0.
  static constexpr std::uint64_t kSequence = 0;  ///< 32 bits; odd while the others change
  static constexpr std::uint64_t kSteal = 8;     ///< 64 bits, nanoseconds

  /// The guest has given memory for it, or taken it away; counting begins anew.
  void share(std::optional<GuestPhysAddr> address) noexcept {
    *this = {};
    address_ = address ? address->value : kNone;
  }
  [[nodiscard]] std::optional<GuestPhysAddr> address() const noexcept {
    return address_ == kNone ? std::nullopt : std::optional(GuestPhysAddr(address_));
  }

  /// The vCPU stops running, though it would go on at once.
  void leave(std::uint64_t now) noexcept { since_ = address_ != kNone ? now : kNone; }
  /// It runs again. True when the guest is to be told.
  [[nodiscard]] bool enter(std::uint64_t now) noexcept {
    if (since_ == kNone) [[likely]]
      return false;
    const std::uint64_t waited = now > since_ ? now - since_ : 0;
    since_ = kNone;
    stolen_ += waited;
    return waited != 0;
  }

  /// Brings the structure up to date by `write(address, bytes)`, for readers that run meanwhile.
  template <class Write>
  void tell(const Write& write) {
    const auto put = [&]<class T>(std::uint64_t offset, T value) {
      std::array<std::byte, sizeof(T)> bytes{};
      store_le(std::span<std::byte>(bytes), value);
      write(GuestPhysAddr(address_ + offset), std::span<const std::byte>(bytes));
    };
    put(kSequence, ++sequence_);
    put(kSteal, stolen_);
    put(kSequence, ++sequence_);
  }

  void describe(StateVisitor& visitor) {
    visitor.field("steal_address"sv, address_);
    visitor.field("stolen"sv, stolen_);
    visitor.field("waits_since"sv, since_);
    visitor.value("steal_sequence"sv, sequence_);
    sequence_ &= ~1U;  // a restored state may be anything
  }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  std::uint64_t address_ = kNone;
  std::uint64_t stolen_ = 0;
  std::uint64_t since_ = kNone;  ///< when it was kept from running; kNone: it was not
  std::uint32_t sequence_ = 0;
};

}  // namespace axvm::riscv64
