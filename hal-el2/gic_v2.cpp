#include <hal-el2/board.hpp>
#include <hal-el2/gic_v2.hpp>
#include <hal-el2/interrupt_controller.hpp>
#include <hal-metal/mmio.hpp>
#include <hal-metal/platform.hpp>

namespace axvm::hal_el2::gic_v2 {
namespace {

using aarch64::SysReg;
using hal_metal::mmio;

// Distributor (IHI 0048, 4.3). There are no security extensions: everything is of group 0.
constexpr std::uint64_t kGicdCtlr = kDistributor + 0x0;
constexpr std::uint64_t kGicdIsenabler0 = kDistributor + 0x100;
constexpr std::uint64_t kGicdSgir = kDistributor + 0xf00;

// CPU interface (4.4).
constexpr std::uint64_t kGiccCtlr = kCpuInterface + 0x0;
constexpr std::uint64_t kGiccPmr = kCpuInterface + 0x4;
constexpr std::uint64_t kGiccIar = kCpuInterface + 0xc;
constexpr std::uint64_t kGiccEoir = kCpuInterface + 0x10;
constexpr std::uint64_t kGiccHppir = kCpuInterface + 0x18;
constexpr std::uint64_t kGiccDir = kCpuInterface + 0x1000;
constexpr std::uint32_t kEnableGroup0 = 1U << 0;
constexpr std::uint32_t kEndInTwoSteps = 1U << 9;  ///< EOImode

constexpr std::uint32_t kIntid = 0x3ff;
constexpr std::uint32_t kFirstPrivate = 16;  ///< below are those that CPUs send

// Control of the virtual interface (5.3).
constexpr std::uint64_t kGichHcr = kVirtualControl + 0x0;
constexpr std::uint64_t kGichVtr = kVirtualControl + 0x4;
constexpr std::uint64_t kGichVmcr = kVirtualControl + 0x8;
constexpr std::uint64_t kGichApr = kVirtualControl + 0xf0;
constexpr std::uint64_t kGichLr0 = kVirtualControl + 0x100;

/// ICH_HCR_EL2 has more bits than GICH_HCR: traps of system registers.
constexpr std::uint32_t kHcrKept = 0xff;

/// ICH_LR<n>_EL2 (IHI 0069, 12.4.6) and GICH_LR<n> (IHI 0048, 5.3.11).
struct Field {
  unsigned v3;
  unsigned v2;
  unsigned width;
};
constexpr Field kVirtualId{0, 0, 10};
constexpr Field kPhysicalId{32, 10, 10};  ///< with HW
constexpr Field kSender{10, 10, 3};       ///< without
constexpr Field kReportsEnd{41, 19, 1};
constexpr Field kPriority{51, 23, 5};  ///< the upper five bits
constexpr Field kState{62, 28, 2};
constexpr Field kGroup{60, 30, 1};
constexpr Field kHardware{61, 31, 1};

constexpr std::uint32_t to_v2(std::uint64_t value, Field field) {
  const auto bits = static_cast<std::uint32_t>(value >> field.v3) & ((1U << field.width) - 1);
  return bits << field.v2;
}
constexpr std::uint64_t to_v3(std::uint32_t value, Field field) {
  const std::uint64_t bits = (value >> field.v2) & ((1U << field.width) - 1);
  return bits << field.v3;
}

constexpr std::uint32_t list_register_v2(std::uint64_t value) {
  std::uint32_t v2 = to_v2(value, kVirtualId) | to_v2(value, kPriority) | to_v2(value, kState) |
                     to_v2(value, kGroup) | to_v2(value, kHardware);
  if (to_v2(value, kHardware) != 0) return v2 | to_v2(value, kPhysicalId);
  return v2 | to_v2(value, kSender) | to_v2(value, kReportsEnd);
}
constexpr std::uint64_t list_register_v3(std::uint32_t value) {
  std::uint64_t v3 = to_v3(value, kVirtualId) | to_v3(value, kPriority) | to_v3(value, kState) |
                     to_v3(value, kGroup) | to_v3(value, kHardware);
  if (to_v3(value, kHardware) != 0) return v3 | to_v3(value, kPhysicalId);
  return v3 | to_v3(value, kSender) | to_v3(value, kReportsEnd);
}

std::uint64_t list_register(SysReg reg) {
  return kGichLr0 +
         4ULL * (static_cast<unsigned>(reg) - static_cast<unsigned>(SysReg::ICH_LR0_EL2));
}

}  // namespace

void enable_distributor() { mmio(kGicdCtlr) = kEnableGroup0; }

void enable_interrupts() {
  mmio(kGicdIsenabler0) = kPrivateInterrupts;
  mmio(kGiccPmr) = 0xff;
  mmio(kGiccCtlr) = kEnableGroup0 | kEndInTwoSteps;
}

void interrupt_cpu(unsigned cpu) {
  asm volatile("dsb ish" ::: "memory");
  mmio(kGicdSgir) = 1U << (16 + cpu) | kCpuIntid;
}

std::uint32_t acknowledge_interrupt() {
  const std::uint32_t acknowledged = mmio(kGiccIar);
  asm volatile("dsb sy" ::: "memory");
  const std::uint32_t intid = acknowledged & kIntid;
  if (intid >= hal_metal::kFirstNoInterrupt) return intid;
  mmio(kGiccEoir) = acknowledged;
  // It is deactivated together with its sender's name, which is known here only.
  if (intid < kFirstPrivate) mmio(kGiccDir) = acknowledged;
  return intid;
}

std::uint32_t pending_interrupt() { return mmio(kGiccHppir) & kIntid; }

void end_interrupt(std::uint32_t intid) {
  if (intid >= kFirstPrivate) mmio(kGiccDir) = intid;
}

std::uint64_t read_interface(SysReg reg) {
  switch (reg) {
    case SysReg::ICH_HCR_EL2: return mmio(kGichHcr);
    case SysReg::ICH_VTR_EL2: return mmio(kGichVtr);
    case SysReg::ICH_VMCR_EL2: return mmio(kGichVmcr);
    // One register has the active priorities of both groups.
    case SysReg::ICH_AP0R0_EL2: return mmio(kGichApr);
    case SysReg::ICH_AP1R0_EL2:
    case SysReg::ICC_SRE_EL1:
    case SysReg::ICC_SRE_EL2: return 0;
    default: return list_register_v3(mmio(list_register(reg)));
  }
}

void write_interface(SysReg reg, std::uint64_t value) {
  const auto word = static_cast<std::uint32_t>(value);
  switch (reg) {
    case SysReg::ICH_HCR_EL2: mmio(kGichHcr) = word & kHcrKept; break;
    case SysReg::ICH_VMCR_EL2: mmio(kGichVmcr) = word; break;
    case SysReg::ICH_AP0R0_EL2: mmio(kGichApr) = word; break;
    case SysReg::ICH_AP1R0_EL2: mmio(kGichApr) = mmio(kGichApr) | word; break;
    case SysReg::ICH_VTR_EL2:
    case SysReg::ICC_SRE_EL1:
    case SysReg::ICC_SRE_EL2: break;
    default: mmio(list_register(reg)) = list_register_v2(value); break;
  }
  asm volatile("dsb sy" ::: "memory");  // the guest's accesses to GICV come later
}

}  // namespace axvm::hal_el2::gic_v2
