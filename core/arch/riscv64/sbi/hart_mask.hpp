#pragma once
// The harts that a call is about ("Hart list parameter").

#include <core/lowest_bit.hpp>
#include <cstdint>

namespace axvm::riscv64::sbi {

/// Bit n of `bits` is the hart with the id `base` + n; a base of -1 means all harts.
struct HartMask {
  static constexpr std::uint64_t kAll = ~std::uint64_t{0};
  std::uint64_t bits = 0;
  std::uint64_t base = kAll;

  /// Whether the VM has all of them.
  template <class Vm>
  [[nodiscard]] bool is_valid(Vm& vm) const {
    if (base == kAll) return true;
    for (std::uint64_t rest = bits; rest != 0; rest &= rest - 1) {
      const std::uint64_t hart = base + lowest_bit(rest);
      if (hart < base || vm.find_vcpu(hart) == nullptr) return false;
    }
    return true;
  }

  /// How many there are beside the hart `self`; the mask is valid.
  template <class Vm>
  [[nodiscard]] std::uint64_t count_others(Vm& vm, std::uint64_t self) const {
    if (base == kAll) return vm.vcpus().size() - 1;
    std::uint64_t count = 0;
    for (std::uint64_t rest = bits; rest != 0; rest &= rest - 1) {
      if (base + lowest_bit(rest) != self) ++count;
    }
    return count;
  }

  /// `f(vcpu)` for each; the mask is valid.
  template <class Vm, class F>
  void for_each(Vm& vm, const F& f) const {
    for (const auto& vcpu : vm.vcpus()) {
      const std::uint64_t n = vcpu.phys_id() - base;
      if (base == kAll || (n < 64 && (bits >> n & 1) != 0)) f(*vm.find_vcpu(vcpu.phys_id()));
    }
  }
};

}  // namespace axvm::riscv64::sbi
