"""Page tables of both stages in a dump of memory, made without the project's code."""

import struct

RAM = 0x80000000
# 39 bits for both stages: three levels. Stage 2 maps the first 64 KiB of RAM to itself, stage 1
# VA 0x403000 to the page at 0x80007000.
REGISTERS = f"""
SCTLR_EL1 = 1
TCR_EL1 = 0x800019
TTBR0_EL1 = {RAM + 0x3000:#x}
MAIR_EL1 = 0xff
HCR_EL2 = "0x80000001"
VTCR_EL2 = 0x50059
VTTBR_EL2 = "{5 << 48 | RAM:#x}"
"""


def memory():
    words = {2: RAM + 0x1003, 0x1000 // 8: RAM + 0x2003,
             0x3000 // 8: RAM + 0x4003, 0x4000 // 8 + 2: RAM + 0x5003,
             0x5000 // 8 + 3: RAM + 0x7000 | 0x703}
    words |= {0x2000 // 8 + n: RAM + n * 0x1000 | 0x7ff for n in range(16)}
    return b"".join(struct.pack("<Q", words.get(n, 0)) for n in range(0x10000 // 8))


# RISC-V: Sv39 over Sv39x4, for the same addresses. The G-stage's root has 16 KiB.
RISCV_REGISTERS = f"""
vsatp = "{8 << 60 | 3 << 44 | RAM + 0x8000 >> 12:#x}"
hgatp = "{8 << 60 | 5 << 44 | RAM >> 12:#x}"
"""


def riscv_memory():
    def entry(address, bits):
        return address >> 12 << 10 | bits

    words = {2: entry(RAM + 0x4000, 0x01), 0x4000 // 8: entry(RAM + 0x5000, 0x01),
             0x8000 // 8: entry(RAM + 0x9000, 0x01), 0x9000 // 8 + 2: entry(RAM + 0xa000, 0x01),
             0xa000 // 8 + 3: entry(RAM + 0x7000, 0xcf)}
    words |= {0x5000 // 8 + n: entry(RAM + n * 0x1000, 0xdf) for n in range(16)}
    return b"".join(struct.pack("<Q", words.get(n, 0)) for n in range(0x10000 // 8))


class Dump:
    """For tests: writes registers and memory to files."""

    def typed_in(self, registers=REGISTERS, size=0x10000):
        (self.folder / "ram.bin").write_bytes(memory()[:size])
        return ["--registers", self.file("registers.toml", registers),
                "--memory", f"{self.folder / 'ram.bin'}@{RAM:#x}"]

    def typed_in_riscv(self, registers=RISCV_REGISTERS, size=0x10000):
        (self.folder / "riscv.bin").write_bytes(riscv_memory()[:size])
        return ["--registers", self.file("riscv.toml", registers),
                "--memory", f"{self.folder / 'riscv.bin'}@{RAM:#x}"]
