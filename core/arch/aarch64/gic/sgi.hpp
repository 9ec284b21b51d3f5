#pragma once
// Interrupts that CPUs send each other: ICC_SGI1R_EL1 and its kin (IHI 0069, 12.2.18 to 12.2.20).

#include <cstdint>

namespace axvm::aarch64 {

struct SgiRequest {
  std::uint32_t intid = 0;        ///< 0..15
  bool all_others = false;        ///< IRM: every CPU but the sender
  std::uint64_t cluster = 0;      ///< affinity fields 3, 2 and 1 as MPIDR_EL1 has them
  unsigned first = 0;             ///< RS: affinity 0 of the target list's first bit
  std::uint16_t target_list = 0;  ///< one bit per affinity 0

  constexpr SgiRequest() = default;
  constexpr explicit SgiRequest(std::uint64_t value) noexcept
      : intid(static_cast<std::uint32_t>((value >> 24) & 0xf)),
        all_others(((value >> 40) & 1) != 0),
        cluster(((value >> 48) & 0xff) << 32 | ((value >> 32) & 0xff) << 16 |
                ((value >> 16) & 0xff) << 8),
        first(static_cast<unsigned>((value >> 44) & 0xf) * 16),
        target_list(static_cast<std::uint16_t>(value)) {}

  /// Whether it goes to the CPU with this affinity, which is not the sender's unless `is_sender`.
  [[nodiscard]] constexpr bool reaches(std::uint64_t affinity, bool is_sender) const noexcept {
    if (all_others) return !is_sender;
    const auto aff0 = static_cast<unsigned>(affinity & 0xff);
    return (affinity & ~std::uint64_t{0xff}) == cluster && aff0 >= first && aff0 - first < 16 &&
           ((target_list >> (aff0 - first)) & 1) != 0;
  }
};

}  // namespace axvm::aarch64
