#pragma once
// As much of a RISC-V hart as the VMM's TLB maintenance needs, over the machine's MMU.

#include <axvm/mapping.hpp>
#include <core/arch/riscv64/arch.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sim/arch/riscv64/mmu.hpp>
#include <span>

namespace axvm::fuzz {

struct MaintenanceHart {
  using Arch = riscv64::Arch;
  using Csr = riscv64::Csr;

  template <Csr R>
  std::uint64_t read() {
    return R == Csr::hgatp ? mmu.registers().hgatp : 0;
  }
  template <Csr R>
  void write(std::uint64_t value) {
    if (R == Csr::hgatp) mmu.registers().hgatp = value;
  }
  std::uint64_t gpr(unsigned) const { return 0; }
  void set_gpr(unsigned, std::uint64_t) {}
  std::uint64_t fpr(unsigned) { return 0; }
  void set_fpr(unsigned, std::uint64_t) {}
  void clear_reservation() {}
  std::uint64_t enter_guest() { return 0; }
  std::optional<std::uint64_t> hlv(GuestVirtAddr, AccessWidth) { return std::nullopt; }
  std::optional<std::uint16_t> hlvx(GuestVirtAddr) { return std::nullopt; }
  bool hsv(GuestVirtAddr, AccessWidth, std::uint64_t) { return false; }
  void hfence_gvma(GuestPhysAddr gpa, Vmid vmid) { mmu.fence_g_stage(number(vmid), gpa.value); }
  void hfence_gvma(Vmid vmid) { mmu.fence_g_stage(number(vmid), std::nullopt); }
  void hfence_vvma() {}
  void remote_hfence_gvma(Vmid vmid, GuestPhysRange range) {
    mmu.fence_g_stage(number(vmid), range.base.value, range.size);
  }
  void remote_hfence_gvma(Vmid vmid) { mmu.fence_g_stage(number(vmid), std::nullopt); }
  void remote_hfence_vvma() {}
  void remote_hfence_vvma(GuestVirtAddr, std::uint64_t, std::optional<std::uint64_t>) {}
  void remote_fence_i() {}
  std::uint64_t timebase_frequency() const { return 10'000'000; }
  void publish_tables() {}
  void publish_instructions() {}
  void publish_data(std::span<std::byte>) {}

  static std::uint16_t number(Vmid vmid) { return static_cast<std::uint16_t>(vmid.value); }

  sim::riscv64::Mmu& mmu;
};

/// The permission that an access needs.
inline MappingFlags flag_of(sim::riscv64::Access access) {
  using sim::riscv64::Access;
  switch (access) {
    case Access::Load: return MappingFlags::Read;
    case Access::Store: return MappingFlags::Write;
    case Access::Fetch: return MappingFlags::Execute;
  }
  return MappingFlags::None;
}

}  // namespace axvm::fuzz
