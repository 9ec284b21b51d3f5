#pragma once
// The virtualization hardware of one RISC-V hart, at register level.

#include <axvm/address.hpp>
#include <concepts>
#include <core/arch/riscv64/csr.hpp>
#include <core/devices/device.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::riscv64 {

struct Arch;  // core/arch/riscv64/arch.hpp

/// One hart with the hypervisor extension, seen from code in HS-mode above firmware that offers
/// SBI's RFENCE. On metal each call is one or two instructions, or one call of firmware; what they
/// cannot do, the core may not ask for. `C::Arch` is riscv64::Arch.
template <class C>
concept VirtualizationHardware =
    requires(C& cpu, const C& view, std::uint64_t value, unsigned n, GuestPhysAddr gpa,
             GuestPhysRange range, GuestVirtAddr va, AccessWidth width, Vmid vmid,
             std::optional<std::uint64_t> asid, std::span<std::byte> bytes) {
      requires std::same_as<typename C::Arch, Arch>;

      /// CSRR / CSRW of the named register. One of an extension that the hart lacks reads as 0 and
      /// ignores writes.
      { cpu.template read<Csr::hstatus>() } -> std::same_as<std::uint64_t>;
      { cpu.template write<Csr::hstatus>(value) };

      /// x0..x31 of the guest, valid from a trap until the next entry; x0 reads 0 and ignores
      /// writes. n <= 31.
      { view.gpr(n) } -> std::same_as<std::uint64_t>;
      { cpu.set_gpr(n, value) };
      /// f0..f31 of the guest, likewise. sstatus.FS is not Off. n <= 31.
      { cpu.fpr(n) } -> std::same_as<std::uint64_t>;
      { cpu.set_fpr(n, value) };
      /// An SC to memory of nobody's: no reservation is left on this hart ("Load-Reserved/
      /// Store-Conditional Instructions" asks for it between two contexts).
      { cpu.clear_reservation() };

      /// SRET, with hstatus.SPV set, to the guest at sepc in the mode of sstatus.SPP; returns
      /// scause when a trap to HS-mode is taken. scause, sepc, stval, htval, htinst, hstatus and
      /// sstatus then read as the manual says for that trap; htval has the address after a
      /// guest-page fault, which the manual lets hardware leave out.
      { cpu.enter_guest() } -> std::same_as<std::uint64_t>;

      /// HLV.BU, HLV.HU, HLV.WU, HLV.D and HSV.*, by the rights of hstatus.SPVP; HLVX.HU. Nothing,
      /// or false, when the access traps: then scause, stval, htval and htinst say how.
      { cpu.hlv(va, width) } -> std::same_as<std::optional<std::uint64_t>>;
      { cpu.hlvx(va) } -> std::same_as<std::optional<std::uint16_t>>;
      { cpu.hsv(va, width, value) } -> std::same_as<bool>;

      /// HFENCE.GVMA, for one guest-physical address or all of a VMID, and HFENCE.VVMA for all of
      /// hgatp.VMID, on this hart.
      { cpu.hfence_gvma(gpa, vmid) };
      { cpu.hfence_gvma(vmid) };
      { cpu.hfence_vvma() };
      /// The same on every hart, this one too, when the call returns: SBI's RFENCE. A size that
      /// reaches beyond the address space means all of it; without `asid`, all address spaces.
      { cpu.remote_hfence_gvma(vmid, range) };
      { cpu.remote_hfence_gvma(vmid) };
      { cpu.remote_hfence_vvma() };
      { cpu.remote_hfence_vvma(va, value, asid) };
      /// FENCE.I on every hart.
      { cpu.remote_fence_i() };

      /// Ticks per second of the time CSR.
      { view.timebase_frequency() } -> std::same_as<std::uint64_t>;

      /// Makes earlier writes to memory visible to table walks (FENCE) and to instruction fetch of
      /// every hart (FENCE; FENCE.I, and on the others by firmware).
      { cpu.publish_tables() };
      { cpu.publish_instructions() };
      /// Makes earlier writes to `bytes` reach a guest that reads past caches: nothing to do where
      /// memory is coherent.
      { cpu.publish_data(bytes) };
    };

}  // namespace axvm::riscv64
