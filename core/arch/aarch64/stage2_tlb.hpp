#pragma once
// Stage-2 TLB maintenance for one VM (DDI 0487 D8.17).

#include <axvm/address.hpp>
#include <core/arch/aarch64/control.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/memory/invalidation.hpp>
#include <cstddef>
#include <span>

namespace axvm::aarch64 {

/// Maintenance reaches every CPU of the inner shareable domain, for the VMID of `controls`,
/// whichever VM is loaded here.
template <VirtualizationHardware U>
class Stage2Tlb {
 public:
  Stage2Tlb(U& cpu, const VmControls& controls) noexcept : cpu_(cpu), vttbr_(controls.vttbr) {}

  /// Forgets the stage-2 entries, then the combined ones that were made with their help.
  void invalidate(GuestPhysRange range) {
    if (range.size > kMaxPages * kPageSize) return invalidate_all();
    with_vmid([&] {
      for (std::uint64_t offset = 0; offset < range.size; offset += kPageSize) {
        cpu_.tlbi_ipas2e1is(range.base + offset);
      }
      cpu_.tlbi_vmalle1is();
    });
  }
  void invalidate_all() {
    with_vmid([&] { cpu_.tlbi_vmalls12e1is(); });
  }
  void publish() { cpu_.publish_tables(); }
  void publish_data(std::span<std::byte> bytes) { cpu_.publish_data(bytes); }
  /// Takes the table from this CPU, whose walks could otherwise still find it. Before a table is
  /// freed, every CPU that has had it gives it up; then everything is invalidated, once.
  void give_up() {
    if (cpu_.template read<SysReg::VTTBR_EL2>() == vttbr_) {
      cpu_.template write<SysReg::VTTBR_EL2>(0);
    }
  }

 private:
  /// Beyond this many pages, forgetting everything is cheaper.
  static constexpr std::uint64_t kMaxPages = 32;

  template <class F>
  void with_vmid(F&& maintain) {
    const std::uint64_t loaded = cpu_.template read<SysReg::VTTBR_EL2>();
    if (loaded != vttbr_) cpu_.template write<SysReg::VTTBR_EL2>(vttbr_);
    maintain();
    if (loaded != vttbr_) cpu_.template write<SysReg::VTTBR_EL2>(loaded);
  }

  U& cpu_;
  std::uint64_t vttbr_;
};

}  // namespace axvm::aarch64
