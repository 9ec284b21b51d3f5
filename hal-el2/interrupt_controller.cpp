#include <core/arch/aarch64/hal.hpp>
#include <hal-el2/board.hpp>
#include <hal-el2/gic_v2.hpp>
#include <hal-el2/interrupt_controller.hpp>
#include <hal-metal/mmio.hpp>
#include <hal-metal/platform.hpp>

namespace axvm::hal_el2 {
namespace {

// Distributor registers (IHI 0069, 12.9). EL3 is absent: there is one security state.
constexpr std::uint64_t kCtlr = 0x0;
constexpr std::uint32_t kCtlrEnableGroup1 = 1U << 1;
constexpr std::uint32_t kCtlrAffinityRouting = 1U << 4;

// Redistributor registers (IHI 0069, 12.11), those of private interrupts in its second frame.
constexpr std::uint64_t kWaker = 0x14;
constexpr std::uint32_t kWakerProcessorSleep = 1U << 1;
constexpr std::uint32_t kWakerChildrenAsleep = 1U << 2;
constexpr std::uint64_t kPrivateFrame = 0x1'0000;
constexpr std::uint64_t kIgroupr0 = kPrivateFrame + 0x80;
constexpr std::uint64_t kIsenabler0 = kPrivateFrame + 0x100;

using hal_metal::mmio;

/// What acknowledge_interrupt() would answer.
std::uint32_t pending_interrupt() {
  if (has_gic_v2()) return gic_v2::pending_interrupt();
  std::uint64_t intid = 0;
  asm volatile("mrs %0, S3_0_C12_C12_2" : "=r"(intid)::"memory");  // ICC_HPPIR1_EL1
  return static_cast<std::uint32_t>(intid);
}

}  // namespace

bool has_gic_v2() {
  std::uint64_t pfr0 = 0;
  asm("mrs %0, id_aa64pfr0_el1" : "=r"(pfr0));
  return (pfr0 >> 24 & 0xf) == 0;
}

}  // namespace axvm::hal_el2

namespace axvm::hal_metal {

using namespace hal_el2;

// INTIDs from here on are answers without an interrupt (IHI 0069, 2.2.1).
static_assert(kFirstNoInterrupt == 1020);

void enable_interrupt_controller() {
  if (has_gic_v2()) return gic_v2::enable_distributor();
  mmio(kDistributor + kCtlr) = kCtlrAffinityRouting;
  mmio(kDistributor + kCtlr) = kCtlrAffinityRouting | kCtlrEnableGroup1;
}

void enable_interrupts() {
  if (has_gic_v2()) return gic_v2::enable_interrupts();
  const std::uint64_t redistributor = kRedistributors + current_cpu() * kRedistributorSize;
  mmio(redistributor + kWaker) = mmio(redistributor + kWaker) & ~kWakerProcessorSleep;
  while ((mmio(redistributor + kWaker) & kWakerChildrenAsleep) != 0) {
  }
  mmio(redistributor + kIgroupr0) = ~0U;
  mmio(redistributor + kIsenabler0) = kPrivateInterrupts;
  // ICC_SRE_EL2.{SRE, Enable}; ICC_CTLR_EL1.EOImode; ICC_PMR_EL1; ICC_IGRPEN1_EL1.
  asm volatile("msr S3_4_C12_C9_5, %0\n\tisb" ::"r"(std::uint64_t{0x9}) : "memory");
  asm volatile("msr S3_0_C12_C12_4, %0" ::"r"(std::uint64_t{0x2}) : "memory");
  asm volatile("msr S3_0_C4_C6_0, %0" ::"r"(std::uint64_t{0xff}) : "memory");
  asm volatile("msr S3_0_C12_C12_7, %0\n\tisb" ::"r"(std::uint64_t{1}) : "memory");
}

void interrupt_cpu(unsigned cpu) {
  if (has_gic_v2()) return gic_v2::interrupt_cpu(cpu);
  // ICC_SGI1R_EL1: INTID in bits 27:24, the CPU in the list of Aff0.
  const std::uint64_t request = std::uint64_t{kCpuIntid} << 24 | std::uint64_t{1} << cpu;
  asm volatile("dsb ish\n\tmsr S3_0_C12_C11_5, %0\n\tisb" ::"r"(request) : "memory");
}

std::uint32_t acknowledge_interrupt() {
  if (has_gic_v2()) return gic_v2::acknowledge_interrupt();
  std::uint64_t intid = 0;
  asm volatile("mrs %0, S3_0_C12_C12_0\n\tdsb sy" : "=r"(intid)::"memory");  // ICC_IAR1_EL1
  if (intid < kFirstNoInterrupt) {
    asm volatile("msr S3_0_C12_C12_1, %0\n\tisb" ::"r"(intid) : "memory");  // ICC_EOIR1_EL1
  }
  return static_cast<std::uint32_t>(intid);
}

void end_interrupt(std::uint32_t intid) {
  if (has_gic_v2()) return gic_v2::end_interrupt(intid);
  asm volatile("msr S3_0_C12_C11_1, %0\n\tisb" ::"r"(std::uint64_t{intid})
               : "memory");  // ICC_DIR_EL1
}

void end_cpu_interrupts() {
  while (pending_interrupt() == kCpuIntid) end_interrupt(acknowledge_interrupt());
}

bool is_own_interrupt(const TrapTaken& trap) {
  if (trap.cause != static_cast<std::uint64_t>(aarch64::Vector::Irq)) return false;
  const std::uint32_t intid = pending_interrupt();
  return intid == kHypervisorTimerIntid || intid == kCpuIntid;
}

}  // namespace axvm::hal_metal
