// Exceptions, power: what stands behind guest.h.

#include "guest.h"

// Only a broken host comes back from these calls: the loops then keep the guest where it is.
_Noreturn void psci_system_off(void) {
  for (;;) hvc(PSCI_SYSTEM_OFF, 0, 0, 0);
}
_Noreturn void psci_system_reset(void) {
  for (;;) hvc(PSCI_SYSTEM_RESET, 0, 0, 0);
}
_Noreturn void psci_cpu_off(void) {
  for (;;) hvc(PSCI_CPU_OFF, 0, 0, 0);
}

_Noreturn void guest_exit(int status) {
  if (status == 0) psci_system_off();
  print("guest failed: main returned %d\n", status);
  psci_system_reset();
}

__attribute__((weak)) bool guest_exception(struct exception_frame* frame) {
  (void)frame;
  return false;
}

__attribute__((weak)) bool guest_interrupt(void) { return false; }

static const char* const kind_names[] = {"synchronous exception", "IRQ", "FIQ", "SError"};
static const char* const origin_names[] = {"EL1 with SP_EL0", "EL1", "EL0 (AArch64)",
                                           "EL0 (AArch32)"};

static _Noreturn void report(const struct exception_frame* frame, uint64_t vector) {
  static bool reporting;
  if (reporting) psci_system_reset();
  reporting = true;
  print("guest failed: unexpected %s from %s\n", kind_names[vector & 3], origin_names[vector >> 2]);
  print("  ESR_EL1 0x%lx (EC 0x%x), FAR_EL1 0x%lx\n", frame->esr, exception_class(frame),
        frame->far);
  print("  ELR_EL1 0x%lx, SPSR_EL1 0x%lx\n", frame->elr, frame->spsr);
  for (unsigned n = 0; n < 31; ++n) {
    print("  x%u%s0x%016lx%s", n, n < 10 ? "  " : " ", frame->x[n], n % 3 == 2 ? "\n" : "");
  }
  print("\n");
  psci_system_reset();
}

// From the vectors of start.S. Returns when the guest dealt with the exception.
void exception_entry(struct exception_frame* frame, uint64_t vector) {
  if ((vector & 3) == 0 && guest_exception(frame)) return;
  if ((vector & 3) == 1 && guest_interrupt()) return;
  report(frame, vector);
}

extern const char secondary_start[];

int64_t start_cpu(uint64_t target, void* stack, size_t size, void (*function)(uint64_t),
                  uint64_t argument) {
  uint64_t* top = (uint64_t*)((char*)stack + size) - 2;
  top[0] = (uint64_t)function;
  top[1] = argument;
  __asm__ volatile("dc civac, %0\n\tdsb sy" ::"r"(top) : "memory");  // read with the MMU off
  return (int64_t)hvc(PSCI_CPU_ON_64, target, (uint64_t)secondary_start, (uint64_t)top);
}
