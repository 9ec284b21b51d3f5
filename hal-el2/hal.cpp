#include <hal-el2/hal.hpp>

namespace axvm::hal_el2 {

std::uint64_t Hal::monotonic_nanoseconds() {
  std::uint64_t ticks = 0;
  std::uint64_t frequency = 0;
  asm volatile("isb\n\tmrs %0, cntpct_el0\n\tmrs %1, cntfrq_el0" : "=r"(ticks), "=r"(frequency));
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return ticks / frequency * kSecond + ticks % frequency * kSecond / frequency;
}

// GICv3 CPU interface by system registers (IHI 0069): ICC_SRE_EL2.SRE and .Enable, and
// ICC_CTLR_EL1.EOImode, so that the end of an interrupt is in two steps. No interrupt group is
// enabled, the image waits for none.
void Hal::enable_interrupt_interface() {
  asm volatile("msr S3_4_C12_C9_5, %0\n\tisb" ::"r"(std::uint64_t{0x9}) : "memory");
  asm volatile("msr S3_0_C12_C12_4, %0\n\tisb" ::"r"(std::uint64_t{0x2}) : "memory");
}

std::uint32_t Hal::acknowledge_irq() {
  std::uint64_t irq = 0;
  asm volatile("mrs %0, S3_0_C12_C12_0\n\tdsb sy" : "=r"(irq)::"memory");  // ICC_IAR1_EL1
  asm volatile("msr S3_0_C12_C12_1, %0\n\tisb" ::"r"(irq) : "memory");     // ICC_EOIR1_EL1
  return static_cast<std::uint32_t>(irq & 0xffffff);
}

void Hal::end_irq(std::uint32_t irq) {
  asm volatile("msr S3_0_C12_C11_1, %0\n\tisb" ::"r"(std::uint64_t{irq})
               : "memory");  // ICC_DIR_EL1
}

}  // namespace axvm::hal_el2
