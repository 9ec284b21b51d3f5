#pragma once
// AArch64 system registers as this machine knows them (DDI 0487, D24.2). Written for the machine
// from the manual; the VMM has its own list.

#include <cstdint>

namespace axvm::sim::aarch64 {

/// op0, op1, CRn, CRm, op2 packed as MRS and MSR carry them in bits 20:5.
struct SysReg {
  std::uint16_t encoding = 0;

  constexpr SysReg() = default;
  constexpr explicit SysReg(std::uint16_t e) noexcept : encoding(e) {}
  constexpr SysReg(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2) noexcept
      : encoding(static_cast<std::uint16_t>((op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) |
                                            op2)) {}

  [[nodiscard]] constexpr unsigned op0() const noexcept { return encoding >> 14; }
  [[nodiscard]] constexpr unsigned op1() const noexcept { return (encoding >> 11) & 7; }
  [[nodiscard]] constexpr unsigned crn() const noexcept { return (encoding >> 7) & 15; }
  [[nodiscard]] constexpr unsigned crm() const noexcept { return (encoding >> 3) & 15; }
  [[nodiscard]] constexpr unsigned op2() const noexcept { return encoding & 7; }

  friend constexpr bool operator==(SysReg, SysReg) = default;
};

}  // namespace axvm::sim::aarch64
