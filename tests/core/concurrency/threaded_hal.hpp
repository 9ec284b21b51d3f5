#pragma once
// AArch64 CPUs for real threads, and their host. A guest is a function that runs until it traps, or
// until somebody kicks its CPU.

#include <cstdint>
#include <functional>
#include <span>
#include <tests/core/concurrency/threaded_host.hpp>
#include <tests/core/fake_hal.hpp>

namespace axvm::test {

class ThreadedCpu : public FakeCpu, public KickableCpu {
 public:
  using Guest = std::function<Vector(ThreadedCpu&)>;
  static constexpr std::uint32_t kKick = 7;
  static constexpr std::uint32_t kMaintenance = 25;

  ThreadedCpu() { set(SysReg::ICH_VTR_EL2, 3); }  // four list registers

  Vector enter_guest() {
    if (take_kick()) return interrupt(kKick);
    return while_inside([&] { return guest ? guest(*this) : interrupt(kKick); });
  }

  // --- for guests ---------------------------------------------------------------------------
  Vector interrupt(std::uint32_t intid) {
    set_pending(intid);
    return Vector::Irq;
  }
  Vector trap(std::uint64_t esr, std::uint64_t address = 0) {
    set(SysReg::ESR_EL2, esr);
    set(SysReg::FAR_EL2, address);
    set(SysReg::HPFAR_EL2, (address >> 12) << 4);
    return Vector::Synchronous;
  }
  Vector hvc(std::span<const std::uint64_t> x) {
    for (unsigned n = 0; n < x.size(); ++n) set_gpr(n, x[n]);
    return trap(0x16ULL << 26 | 1ULL << 25);
  }
  /// A translation fault at level 3, without a syndrome of the instruction.
  Vector touch(std::uint64_t address, bool writes) {
    return trap(0x24ULL << 26 | 1ULL << 25 | (writes ? 1ULL << 6 : 0) | 7, address);
  }
  /// A store of X1, or a load to it, at a device; 1, 4 or 8 bytes.
  Vector device(std::uint64_t address, bool writes, unsigned size, std::uint64_t value = 0) {
    const std::uint64_t log2 = size == 8 ? 3 : size == 4 ? 2 : 0;
    set_gpr(1, value);
    return trap(0x24ULL << 26 | 1ULL << 25 | 1ULL << 24 | log2 << 22 | 1ULL << 16 |
                    (size == 8 ? 1ULL << 15 : 0) | (writes ? 1ULL << 6 : 0) | 7,
                address);
  }

  // --- below the core -------------------------------------------------------------------------
  void tlbi_ipas2e1is(GuestPhysAddr) {}
  void tlbi_vmalle1is() {}
  void tlbi_vmalls12e1is() {}
  void publish_tables() {}
  void publish_data(std::span<std::byte>) {}
  void publish_instructions() {}

  Guest guest;
};

using ThreadedHal = ThreadedHost<ThreadedCpu>;
static_assert(aarch64::VirtualizationHardware<ThreadedCpu>);
static_assert(VmHal<ThreadedHal>);

using ThreadedVm = AxVM<ThreadedHal, ThreadedCpu>;

}  // namespace axvm::test
