// What the traps of each architecture are called.
#include <doctest/doctest.h>

#include <hal-sim/trace/trap_text.hpp>

using namespace axvm;
using namespace axvm::hal_sim;

namespace {

TrapTaken riscv_trap(std::uint64_t scause, std::uint64_t stval = 0, std::uint64_t htval = 0) {
  TrapTaken trap{};
  trap.syndrome = scause;
  trap.fault_address = stval;
  trap.fault_gpa = htval;
  trap.return_address = 0x8020'0010;
  trap.saved_state = 0x2'0000'0180;  // SPV, SPVP
  return trap;
}

}  // namespace

TEST_CASE("trap text: RISC-V names causes, and tells waiting from other virtual instructions") {
  const TrapText& text = trap_text(Isa::Riscv64);
  CHECK(text.name(riscv_trap(10)) == "ecall from VS-mode");
  CHECK(text.name(riscv_trap(23)) == "store/AMO guest-page fault");
  CHECK(text.name(riscv_trap(1ULL << 63 | 5)) == "supervisor timer interrupt");
  CHECK(text.is_interrupt(riscv_trap(1ULL << 63 | 5)));
  CHECK_FALSE(text.is_interrupt(riscv_trap(10)));
  CHECK(text.is_wait(riscv_trap(22, 0x1050'0073)));        // wfi
  CHECK_FALSE(text.is_wait(riscv_trap(22, 0x1200'0073)));  // sfence.vma
  CHECK(text.is_stage2_fault(riscv_trap(20)));
  CHECK_FALSE(text.is_stage2_fault(riscv_trap(12)));
}

TEST_CASE(
    "trap text: interrupts between CPUs are sent by calls on RISC-V, by a register on AArch64") {
  const TrapText& riscv64 = trap_text(Isa::Riscv64);
  FirmwareCall call{};
  call.function = 0x73'5049ULL << 32;  // sbi_send_ipi
  CHECK(riscv64.sends_interrupt(call));
  CHECK_FALSE(trap_text(Isa::Aarch64).sends_interrupt(call));
  call.function = 0x04ULL << 32;  // the legacy one
  CHECK(riscv64.sends_interrupt(call));
  call.function = 0x03ULL << 32;  // sbi_clear_ipi
  CHECK_FALSE(riscv64.sends_interrupt(call));
  call.function = 0x73'5049ULL << 32 | 1;
  CHECK_FALSE(riscv64.sends_interrupt(call));
  DeviceAccess access{};
  access.bus = Bus::SysReg;
  access.address = 0xC65D;  // ICC_SGI1R_EL1: op0 3, op1 0, CRn 12, CRm 11, op2 5
  CHECK(trap_text(Isa::Aarch64).sends_interrupt(access));
  CHECK_FALSE(riscv64.sends_interrupt(access));
}

TEST_CASE("trap text: RISC-V shows the guest-physical address of a guest-page fault") {
  const TrapText& text = trap_text(Isa::Riscv64);
  CHECK(text.registers(riscv_trap(21, 0x1000'0005, 0x400'0001)) ==
        "  scause=0x15 stval=0x10000005 htval=0x4000001: GPA 0x10000005\n"
        "  sepc=0x80200010 hstatus=0x200000180: from VS\n");
  TrapTaken on_walk = riscv_trap(23, 0xc000'0043, 0x2040'0010);
  on_walk.instruction = 0x3000;
  CHECK(text.registers(on_walk) ==
        "  scause=0x17 stval=0xc0000043 htval=0x20400010: GPA 0x81000040 htinst=0x3000: on a walk "
        "of the VS-stage\n"
        "  sepc=0x80200010 hstatus=0x200000180: from VS\n");
  CHECK(text.registers(riscv_trap(10)) ==
        "  scause=0xa stval=0x0\n  sepc=0x80200010 hstatus=0x200000180: from VS\n");
  CHECK(text.system_register(0x14D) == "stimecmp");
  CHECK(text.system_register(0xC03) == "hpmcounter3");
  CHECK(text.system_register(0x7C0) == "csr 0x7c0");
  CHECK(text.general_register(0) == "x1");
}

TEST_CASE("trap text: AArch64 tells the same of its own") {
  const TrapText& text = trap_text(Isa::Aarch64);
  TrapTaken wfi{};
  wfi.syndrome = 0x0600'0000;
  CHECK(text.is_wait(wfi));
  CHECK(text.trapped_instruction(wfi) == 0);
  TrapTaken hvc{};
  hvc.syndrome = 0x5A00'0000;
  hvc.return_address = 0x4008'0004;
  CHECK(text.trapped_instruction(hvc) == 0x4008'0000);
  TrapTaken irq{};
  irq.cause = 1;
  CHECK(text.is_interrupt(irq));
  CHECK(text.name(irq) == "IRQ");
  CHECK(text.trap_member("syndrome") == "ESR_EL2");
}
