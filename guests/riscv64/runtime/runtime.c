// Exceptions, power: what stands behind guest.h.

#include "guest.h"

// Only a broken host comes back from these calls: the loops then keep the guest where it is.
_Noreturn void sbi_shutdown(void) {
  for (;;) sbi_call(SBI_SRST, SYSTEM_RESET, SHUTDOWN, 0, 0, 0, 0);
}
_Noreturn void sbi_reboot(void) {
  for (;;) sbi_call(SBI_SRST, SYSTEM_RESET, COLD_REBOOT, SYSTEM_FAILURE, 0, 0, 0);
}
_Noreturn void sbi_hart_stop(void) {
  for (;;) sbi_call(SBI_HSM, HART_STOP, 0, 0, 0, 0, 0);
}

_Noreturn void guest_exit(int status) {
  if (status == 0) sbi_shutdown();
  print("guest failed: main returned %d\n", status);
  sbi_reboot();
}

__attribute__((weak)) bool guest_exception(struct trap_frame* frame) {
  (void)frame;
  return false;
}

__attribute__((weak)) bool guest_interrupt(uint64_t code) {
  (void)code;
  return false;
}

static _Noreturn void report(const struct trap_frame* frame) {
  static bool reporting;
  if (reporting) sbi_reboot();
  reporting = true;
  const bool is_interrupt = frame->scause >> 63 != 0;
  print("guest failed: unexpected %s %lu from %s\n", is_interrupt ? "interrupt" : "exception",
        frame->scause & ~(1UL << 63), (frame->sstatus & SSTATUS_SPP) != 0 ? "S-mode" : "U-mode");
  print("  sepc 0x%lx, stval 0x%lx, sstatus 0x%lx\n", frame->sepc, frame->stval, frame->sstatus);
  for (unsigned n = 1; n < 32; ++n) {
    print("  x%u%s0x%016lx%s", n, n < 10 ? "  " : " ", frame->x[n], n % 3 == 0 ? "\n" : "");
  }
  print("\n");
  sbi_reboot();
}

// From the vector of start.S. Returns when the guest dealt with the trap.
void trap_entry(struct trap_frame* frame) {
  if (frame->scause >> 63 != 0) {
    if (guest_interrupt(frame->scause & ~(1UL << 63))) return;
  } else if (guest_exception(frame)) {
    return;
  }
  report(frame);
}

extern const char secondary_start[];

int64_t start_cpu(uint64_t cpu, void* stack, size_t size, void (*function)(uint64_t),
                  uint64_t argument) {
  uint64_t* top = (uint64_t*)((char*)stack + size) - 2;
  top[0] = (uint64_t)function;
  top[1] = argument;
  memory_barrier();
  return sbi_call(SBI_HSM, HART_START, cpu, (uint64_t)secondary_start, (uint64_t)top, 0, 0).error;
}
