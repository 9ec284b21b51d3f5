#pragma once
// Where the VMM's stage-2 tables meet the machine that walks them: frames in the machine's memory,
// and TLB maintenance that reaches its MMU.

#include <core/arch/aarch64/arch.hpp>
#include <cstring>
#include <fuzz/input.hpp>
#include <optional>
#include <set>
#include <sim/arch/aarch64/mmu.hpp>
#include <sim/memory/physical_memory.hpp>
#include <utility>

namespace axvm::fuzz {

inline constexpr std::uint64_t kBank = 0x40'0000;

inline sim::PhysicalMemory make_memory() {
  // Two banks, since the walk treats the first one specially.
  const sim::PhysicalMemory::Bank banks[] = {{0x4000'0000, kBank}, {0x8000'0000, kBank}};
  return std::move(sim::PhysicalMemory::create(banks).value());
}

/// Frames for tables in the machine's memory, alternately from both banks.
class Frames {
 public:
  Frames() = default;
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;
  ~Frames() { require(taken.empty(), "a table gives all its frames back"); }

  std::optional<HostPhysAddr> allocate_frame() {
    if (left == 0 || next_ * kPageSize == 2 * kBank - kBlockFrames * 2 * kPageSize) {
      refused = true;
      return std::nullopt;
    }
    --left;
    const std::uint64_t n = next_++;
    const std::uint64_t hpa = (n % 2 == 0 ? 0x4000'0000 : 0x8000'0000) + n / 2 * kPageSize;
    std::memset(memory.at(hpa), 0xa5, kPageSize);  // whoever needs zeroes makes them
    taken.insert(hpa);
    return HostPhysAddr(hpa);
  }
  void deallocate_frame(HostPhysAddr hpa) {
    require(taken.erase(hpa.value) == 1, "a frame is given back once");
    std::memset(memory.at(hpa.value), 0xa5, kPageSize);
  }
  /// From the end of the second bank, which single frames do not reach.
  std::optional<HostPhysAddr> allocate_frames(std::size_t count, std::size_t alignment) {
    require(count <= 16 && alignment == count * kPageSize, "a block is aligned to its size");
    const std::uint64_t end = 0x8000'0000 + kBank;
    const std::uint64_t first = end - kBlockFrames * kPageSize;
    for (std::uint64_t hpa = end - alignment; left > 0 && hpa >= first; hpa -= alignment) {
      const auto next = taken.lower_bound(hpa);
      if (next != taken.end() && *next < hpa + alignment) continue;
      --left;
      for (std::size_t i = 0; i < count; ++i) taken.insert(hpa + i * kPageSize);
      std::memset(memory.at(hpa), 0xa5, alignment);
      return HostPhysAddr(hpa);
    }
    refused = true;
    return std::nullopt;
  }
  void deallocate_frames(HostPhysAddr base, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) deallocate_frame(base + i * kPageSize);
  }
  HostVirtAddr phys_to_virt(HostPhysAddr hpa) {
    require(memory.at(hpa.value) != nullptr, "tables are in memory");
    return HostVirtAddr(reinterpret_cast<std::uintptr_t>(memory.at(hpa.value)));
  }

  sim::PhysicalMemory memory = make_memory();
  std::set<std::uint64_t> taken;
  std::uint64_t left = ~std::uint64_t{0};  ///< allocations that still succeed
  bool refused = false;

 private:
  static constexpr std::uint64_t kBlockFrames = 128;

  std::uint64_t next_ = 0;
};

/// As much of a CPU as the VMM's TLB maintenance needs.
struct MaintenanceCpu {
  using Arch = aarch64::Arch;
  using SysReg = aarch64::SysReg;

  template <SysReg R>
  std::uint64_t read() {
    return R == SysReg::VTTBR_EL2 ? mmu.registers().vttbr_el2 : 0;
  }
  template <SysReg R>
  void write(std::uint64_t value) {
    if (R == SysReg::VTTBR_EL2) mmu.registers().vttbr_el2 = value;
  }
  std::uint64_t gpr(unsigned) const { return 0; }
  void set_gpr(unsigned, std::uint64_t) {}
  aarch64::VectorRegister vreg(unsigned) const { return {}; }
  void set_vreg(unsigned, aarch64::VectorRegister) {}
  aarch64::Vector enter_guest() { return aarch64::Vector::Irq; }
  void tlbi_ipas2e1is(GuestPhysAddr ipa) { mmu.tlbi_ipas2e1(mmu.vmid(), ipa.value); }
  void tlbi_vmalle1is() { mmu.tlbi_vmalle1(mmu.vmid()); }
  void tlbi_vmalls12e1is() { mmu.tlbi_vmalls12e1(mmu.vmid()); }
  void at_s1e1r(GuestVirtAddr) {}
  void at_s1e1w(GuestVirtAddr) {}
  void at_s1e0r(GuestVirtAddr) {}
  void at_s1e0w(GuestVirtAddr) {}
  void publish_tables() {}
  void publish_data(std::span<std::byte>) {}
  void publish_instructions() {}
  void synchronize() {}
  static std::optional<HostPhysRange> gicv() { return std::nullopt; }

  sim::aarch64::Mmu& mmu;
};

/// The permission that an access needs.
inline MappingFlags flag_of(sim::aarch64::Access access) {
  using sim::aarch64::Access;
  switch (access) {
    case Access::Read: return MappingFlags::Read;
    case Access::Write: return MappingFlags::Write;
    case Access::Fetch: return MappingFlags::Execute;
  }
  return MappingFlags::None;
}

}  // namespace axvm::fuzz
