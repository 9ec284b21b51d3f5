#pragma once
// SBI's fences on other harts ("RFENCE Extension"). Firmware carries them out on every hart: which
// of them have had a vCPU of the guest and may remember something, nobody need know.

#include <core/arch/riscv64/sbi/environment.hpp>
#include <core/arch/riscv64/sbi/hart_mask.hpp>
#include <cstdint>
#include <optional>

namespace axvm::riscv64::sbi {

/// Virtual addresses [start, start + size); all of them when both are 0, or the size is -1.
struct FencedRange {
  static constexpr std::uint64_t kEverything = ~std::uint64_t{0};
  std::uint64_t start = 0;
  std::uint64_t size = 0;

  [[nodiscard]] constexpr bool is_everything() const noexcept {
    return size == kEverything || (start == 0 && size == 0);
  }
};

template <class Vm, VirtualizationHardware U>
Status fence_instructions(Environment<Vm, U>& environment, const HartMask& harts) {
  if (!harts.is_valid(environment.vm)) return Status::InvalidParam;
  environment.cpu.remote_fence_i();
  environment.count_sent(FirmwareEvent::FenceISent, harts);
  return Status::Success;
}

template <class Vm, VirtualizationHardware U>
Status fence_translations(Environment<Vm, U>& environment, const HartMask& harts,
                          const FencedRange& range, std::optional<std::uint64_t> asid) {
  if (!harts.is_valid(environment.vm)) return Status::InvalidParam;
  if (range.is_everything() && !asid) {
    environment.cpu.remote_hfence_vvma();
  } else if (range.is_everything()) {
    environment.cpu.remote_hfence_vvma(GuestVirtAddr(0), FencedRange::kEverything, asid);
  } else if (range.start != 0 && range.size > 0 - range.start) {
    return Status::InvalidAddress;
  } else {
    environment.cpu.remote_hfence_vvma(GuestVirtAddr(range.start), range.size, asid);
  }
  environment.count_sent(asid ? FirmwareEvent::SfenceVmaAsidSent : FirmwareEvent::SfenceVmaSent,
                         harts);
  return Status::Success;
}

/// Guests have no guests: the fences for those are not supported.
template <class Vm, VirtualizationHardware U>
TrapOutcome rfence_call(Environment<Vm, U>& environment, const Call& call) {
  const HartMask harts{call.a[0], call.a[1]};
  const FencedRange range{call.a[2], call.a[3]};
  switch (call.function) {
    case rfence::kRemoteFenceI:
      return environment.answer(call, fence_instructions(environment, harts));
    case rfence::kRemoteSfenceVma:
      return environment.answer(call, fence_translations(environment, harts, range, std::nullopt));
    case rfence::kRemoteSfenceVmaAsid:
      return environment.answer(call, fence_translations(environment, harts, range, call.a[4]));
    default: return environment.not_supported(call);
  }
}

}  // namespace axvm::riscv64::sbi
