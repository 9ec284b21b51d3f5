#pragma once
// Registers of HS-mode and of the hypervisor extension, which the engine does not have. Fields that
// a hart need not have read as zero; writes keep what is legal (WARL).

#include <cstdint>
#include <optional>
#include <sim/arch/riscv64/csr.hpp>
#include <sim/state.hpp>

namespace axvm::sim::riscv64 {

struct HsRegisters {
  // HS-mode's own.
  std::uint64_t sstatus = status::UXL_64;
  std::uint64_t sie = 0;
  std::uint64_t stvec = 0;
  std::uint64_t sscratch = 0;
  std::uint64_t sepc = 0;
  std::uint64_t scause = 0;
  std::uint64_t stval = 0;
  std::uint64_t ssip = 0;  ///< sip.SSIP, which software sets and clears
  std::uint64_t stimecmp = ~0ULL;
  std::uint64_t satp = 0;
  // Not doubled: VS-mode finds what HS-mode left there.
  std::uint64_t scounteren = 0;
  std::uint64_t senvcfg = 0;

  std::uint64_t hstatus = hstatus::VSXL_64;
  std::uint64_t hedeleg = 0;
  std::uint64_t hideleg = 0;
  std::uint64_t hie = 0;
  std::uint64_t hvip = 0;
  std::uint64_t hcounteren = 0;
  std::uint64_t htimedelta = 0;
  std::uint64_t henvcfg = 0;
  std::uint64_t hstateen0 = 0;
  std::uint64_t hvictl = 0;
  std::uint64_t hviprio1 = 0;
  std::uint64_t htval = 0;
  std::uint64_t htinst = 0;

  // VS-mode's, as far as the engine does not have them.
  std::uint64_t vstimecmp = ~0ULL;
  std::uint64_t vsiselect = 0;

  /// A register that reads as it is stored; nothing for others.
  [[nodiscard]] std::optional<std::uint64_t> read(Csr csr) const noexcept;
  /// Stores what is legal. False: the register is not stored here, or read only.
  bool write(Csr csr, std::uint64_t value) noexcept;

  void describe(StateVisitor& visitor);
};

}  // namespace axvm::sim::riscv64
