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


class Dump:
    """For tests: writes registers and memory to files."""

    def typed_in(self, registers=REGISTERS, size=0x10000):
        (self.folder / "ram.bin").write_bytes(memory()[:size])
        return ["--registers", self.file("registers.toml", registers),
                "--memory", f"{self.folder / 'ram.bin'}@{RAM:#x}"]
