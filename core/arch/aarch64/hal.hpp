#pragma once
// The virtualization hardware of one AArch64 CPU, at register level.

#include <axvm/address.hpp>
#include <concepts>
#include <core/arch/aarch64/registers.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::aarch64 {

struct Arch;  // core/arch/aarch64/arch.hpp

/// Which vector of VBAR_EL2 a trap from a lower level took (DDI 0487 D1.3.1.5, table D1-7).
enum class Vector : std::uint8_t { Synchronous = 0, Irq = 1, Fiq = 2, SError = 3 };

/// A SIMD&FP register of the guest: bits 63:0 and 127:64 of Qn.
struct VectorRegister {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend constexpr bool operator==(const VectorRegister&, const VectorRegister&) = default;
};

/// One CPU that implements EL2, seen from code that runs there. On metal each call is one or two
/// instructions; what they cannot do, the core may not ask for. `C::Arch` is aarch64::Arch.
template <class C>
concept VirtualizationHardware =
    requires(C& cpu, const C& view, std::uint64_t value, unsigned n, GuestPhysAddr ipa,
             GuestVirtAddr va, VectorRegister q, std::span<std::byte> bytes) {
      requires std::same_as<typename C::Arch, Arch>;

      /// MRS / MSR of the named register.
      { cpu.template read<SysReg::HCR_EL2>() } -> std::same_as<std::uint64_t>;
      { cpu.template write<SysReg::HCR_EL2>(value) };
      /// ISB: what was written decides what later reads and writes do.
      { cpu.synchronize() };

      /// X0..X30 of the guest, valid from a trap until the next entry. n <= 30.
      { view.gpr(n) } -> std::same_as<std::uint64_t>;
      { cpu.set_gpr(n, value) };
      /// Q0..Q31 of the guest, likewise. n <= 31. Where FP registers are switched lazily, this is
      /// what brings them in.
      { cpu.vreg(n) } -> std::same_as<VectorRegister>;
      { cpu.set_vreg(n, q) };

      /// ERET to the guest at ELR_EL2 with SPSR_EL2; returns when a trap to EL2 is taken. ESR_EL2,
      /// FAR_EL2, HPFAR_EL2, ELR_EL2, SPSR_EL2 then read as the architecture says for that trap.
      { cpu.enter_guest() } -> std::same_as<Vector>;

      /// TLBI for the VMID in VTTBR_EL2, inner shareable, each with the barriers it needs
      /// before (ISB; DSB ISHST) and after (DSB ISH; ISB). Stage-2 entries of one page:
      { cpu.tlbi_ipas2e1is(ipa) };
      /// Everything stage 1 made, combined entries included:
      { cpu.tlbi_vmalle1is() };
      /// Everything of both stages:
      { cpu.tlbi_vmalls12e1is() };

      /// AT S1E1R, S1E0R, S1E0W, S1E1W: stage 1 of the guest in VTTBR_EL2, so that PAR_EL1 then has
      /// the intermediate physical address, or the fault.
      { cpu.at_s1e1r(va) };
      { cpu.at_s1e1w(va) };
      { cpu.at_s1e0r(va) };
      { cpu.at_s1e0w(va) };

      /// Where the registers of the CPU's virtual interface are in memory, for guests with a GICv2:
      /// GICV_* (IHI 0048B, 5.5), at the same address for every CPU, which each finds its own at.
      /// Nothing where firmware names no such frame.
      { view.gicv() } -> std::same_as<std::optional<HostPhysRange>>;

      /// Makes earlier writes to memory visible to table walks (DSB ISHST) and to instruction
      /// fetch (DSB ISH; IC IALLUIS; DSB ISH; ISB), the latter after publish_data.
      { cpu.publish_tables() };
      { cpu.publish_instructions() };
      /// Makes earlier writes to `bytes` reach memory, past every cache (DC CIVAC of each line; DSB
      /// SY): a guest whose MMU is off reads there, and what it writes there no older line hides.
      { cpu.publish_data(bytes) };
    };

}  // namespace axvm::aarch64
