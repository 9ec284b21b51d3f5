#pragma once
// SBI's accounting of time that a guest did not get ("Steal-time Accounting Extension").

#include <array>
#include <core/arch/riscv64/sbi/environment.hpp>
#include <core/arch/riscv64/steal_time.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::riscv64::sbi {

/// a0 and a1 are the structure's address, or both -1 to share none; a2 are flags, of which there
/// are none. Memory is checked, and zeroed, as a whole.
template <class Vm, VirtualizationHardware U>
TrapOutcome steal_time_call(Environment<Vm, U>& environment, const Call& call) {
  constexpr std::uint64_t kNone = ~std::uint64_t{0};
  if (call.function != steal_time::kSetShmem) return environment.not_supported(call);
  const auto [low, high, flags, unused3, unused4] = call.a;
  if (flags != 0) return environment.answer(call, Status::InvalidParam);
  StealTime& shared = environment.vcpu.context().steal_time();
  if (low == kNone && high == kNone) {
    shared.share(std::nullopt);
    return environment.answer(call, Status::Success);
  }
  if (high != 0) return environment.answer(call, Status::InvalidAddress);
  const GuestPhysAddr address(low);
  if (!address.is_aligned(StealTime::kBytes)) {
    return environment.answer(call, Status::InvalidParam);
  }
  const auto there = environment.may_write(address);
  if (!there) return environment.exit.leave(there.error());
  if (!*there) return environment.answer(call, Status::InvalidAddress);
  const auto zeroed = environment.vm.with_memory([&](auto& space, auto& tlb) {
    constexpr std::array<std::byte, StealTime::kBytes> kZeroes{};
    return space.write(address, std::span<const std::byte>(kZeroes), tlb);
  });
  if (!zeroed) return environment.answer(call, Status::InvalidAddress);
  shared.share(address);
  return environment.answer(call, Status::Success);
}

}  // namespace axvm::riscv64::sbi
