#!/usr/bin/env python3
"""The corpus: one case per way to trap to EL2, each an instruction and the address it is given.

    table.py OUTPUT.S      writes the cases as assembly (macros: corpus.S)
    table.py --list        lists them, with their numbers

What every case leaves in the registers is part of the trace, since each ends in a call. What
QEMU does otherwise than the manual says is permitted or left out (hal-el2/README.md).
"""

import sys

# --- where accesses go (guest-physical; stage 1 maps the first 2 GiB onto themselves) -----------
# Memory that nobody has touched: a page for each case, or two next to each other.
FRESH = 0x4100_0000
READ_ONLY = 0x5000_0000   # configs/corpus-aarch64.toml: only to be read
NO_EXECUTE = 0x5010_0000
WRITE_ONLY = 0x5020_0000
NOTHING = 0x0A00_0000     # neither memory nor a device
PL011 = 0x0900_0000
PL011_ID = PL011 + 0xFE0  # read-only registers: 0x11, 0x10, …
PL011_IBRD = PL011 + 0x24
ALIAS = 0x8000_0000       # all of it again, for EL1 to execute

LOADS = """
ldrb w1, [x0]; ldrh w1, [x0]; ldr w1, [x0]; ldr x1, [x0]; ldrsb w1, [x0]; ldrsb x1, [x0]
ldrsh w1, [x0]; ldrsh x1, [x0]; ldrsw x1, [x0]; ldr xzr, [x0]; ldr x30, [x0]
ldurb w1, [x0, #1]; ldurh w1, [x0, #2]; ldur w1, [x0, #4]; ldur x1, [x0, #-8]
ldursb w1, [x0, #3]; ldursb x1, [x0, #3]; ldursh w1, [x0, #2]; ldursh x1, [x0, #-2]
ldursw x1, [x0, #4]
ldtrb w1, [x0]; ldtrh w1, [x0]; ldtr w1, [x0]; ldtr x1, [x0]; ldtrsb w1, [x0]; ldtrsb x1, [x0]
ldtrsh w1, [x0]; ldtrsh x1, [x0]; ldtrsw x1, [x0]
ldr x1, [x0, x2]; ldr w1, [x0, x2, lsl #2]; ldr x1, [x0, w2, uxtw #3]; ldrh w1, [x0, w2, sxtw]
ldrb w1, [x0, x2]; ldrsw x1, [x0, x2, sxtx #2]
ldr w1, [x0, #4]!; ldr x1, [x0], #8; ldrb w1, [x0, #-1]!; ldrsh x1, [x0], #-2
ldrsw x1, [x0, #8]!; ldrsb w1, [x0], #1
ldp w1, w3, [x0]; ldp x1, x3, [x0]; ldp w1, w3, [x0, #8]!; ldp x1, x3, [x0], #16
ldpsw x1, x3, [x0]; ldpsw x1, x3, [x0], #8; ldnp w1, w3, [x0]; ldnp x1, x3, [x0, #16]
ldarb w1, [x0]; ldarh w1, [x0]; ldar w1, [x0]; ldar x1, [x0]
ldxrb w1, [x0]; ldxrh w1, [x0]; ldxr w1, [x0]; ldxr x1, [x0]
ldaxrb w1, [x0]; ldaxrh w1, [x0]; ldaxr w1, [x0]; ldaxr x1, [x0]
ldxp w1, w3, [x0]; ldxp x1, x3, [x0]; ldaxp w1, w3, [x0]; ldaxp x1, x3, [x0]
ldr b0, [x0]; ldr h0, [x0]; ldr s0, [x0]; ldr d0, [x0]; ldr q0, [x0]
ldur d0, [x0, #8]; ldur q0, [x0, #-16]; ldr q0, [x0, x2, lsl #4]; ldr d0, [x0, #8]!; ldr q0, [x0], #16
ldp s0, s1, [x0]; ldp d0, d1, [x0]; ldp q0, q1, [x0]; ldp q0, q1, [x0, #32]!; ldnp d0, d1, [x0]
ld1 {v0.8b}, [x0]; ld1 {v0.16b}, [x0]; ld1 {v0.2d, v1.2d}, [x0], #32
ld2 {v0.4s, v1.4s}, [x0]; ld3 {v0.8h, v1.8h, v2.8h}, [x0]
ld4 {v0.16b, v1.16b, v2.16b, v3.16b}, [x0]; ld1r {v0.4s}, [x0]; ld1 {v0.b}[3], [x0]
ld1 {v0.s}[1], [x0], #4; ld2 {v0.d, v1.d}[1], [x0]
"""

STORES = """
strb w1, [x0]; strh w1, [x0]; str w1, [x0]; str x1, [x0]; str wzr, [x0]; str xzr, [x0]
sturb w1, [x0, #1]; sturh w1, [x0, #2]; stur w1, [x0, #4]; stur x1, [x0, #-8]
sttrb w1, [x0]; sttrh w1, [x0]; sttr w1, [x0]; sttr x1, [x0]
str x1, [x0, x2]; str w1, [x0, w2, uxtw #2]; strh w1, [x0, w2, sxtw #1]; strb w1, [x0, x2]
str w1, [x0, #4]!; str x1, [x0], #8; strb w1, [x0, #-1]!; strh w1, [x0], #2
stp w1, w3, [x0]; stp x1, x3, [x0]; stp w1, w3, [x0, #8]!; stp x1, x3, [x0], #16
stnp w1, w3, [x0]; stnp x1, x3, [x0, #16]
stlrb w1, [x0]; stlrh w1, [x0]; stlr w1, [x0]; stlr x1, [x0]
str b0, [x0]; str h0, [x0]; str s0, [x0]; str d0, [x0]; str q0, [x0]
stur d0, [x0, #8]; str q0, [x0, x2, lsl #4]; str d0, [x0, #8]!; str q0, [x0], #16
stp s0, s1, [x0]; stp d0, d1, [x0]; stp q0, q1, [x0]; stp q0, q1, [x0], #32; stnp d0, d1, [x0]
st1 {v0.8b}, [x0]; st1 {v0.16b}, [x0]; st1 {v0.2d, v1.2d}, [x0], #32
st2 {v0.4s, v1.4s}, [x0]; st3 {v0.8h, v1.8h, v2.8h}, [x0]
st4 {v0.16b, v1.16b, v2.16b, v3.16b}, [x0]; st1 {v0.b}[3], [x0]; st1 {v0.s}[1], [x0], #4
"""

# Load the monitor, then store: the load is allowed where the store is not.
STORE_EXCLUSIVES = """
ldxrb w3, [x0]; stxrb w4, w1, [x0] | ldxrh w3, [x0]; stxrh w4, w1, [x0]
ldxr w3, [x0]; stxr w4, w1, [x0] | ldxr x3, [x0]; stxr w4, x1, [x0]
ldaxr w3, [x0]; stlxr w4, w1, [x0] | ldaxr x3, [x0]; stlxr w4, x1, [x0]
ldxp w3, w5, [x0]; stxp w4, w1, w6, [x0] | ldxp x3, x5, [x0]; stxp w4, x1, x6, [x0]
ldaxp x3, x5, [x0]; stlxp w4, x1, x6, [x0]
"""

# Wider than a byte: these may reach into the next page.
CROSSING_LOADS = """
ldrh w1, [x0]; ldr w1, [x0]; ldr x1, [x0]; ldrsw x1, [x0]; ldp w1, w3, [x0]; ldp x1, x3, [x0]
ldr h0, [x0]; ldr s0, [x0]; ldr d0, [x0]; ldr q0, [x0]; ldp d0, d1, [x0]; ldr x1, [x0], #8
"""
CROSSING_STORES = """
strh w1, [x0]; str w1, [x0]; str x1, [x0]; stp w1, w3, [x0]; stp x1, x3, [x0]; str h0, [x0]
str s0, [x0]; str d0, [x0]; str q0, [x0]; stp d0, d1, [x0]; str x1, [x0, #0]!
"""

# Feature registers, HCR_EL2.TID3: the whole space that it traps (DDI 0487 D24.3.1).
FEATURES = [f"mrs x1, s3_0_c0_c{crm}_{op2}" for crm in range(1, 8) for op2 in range(8)]

# HCR_EL2.TACR, .TSW, .TIDCP, MDCR_EL2.TDRA, .TDOSA, .TDA, .TPM.
REGISTERS = """
mrs x1, actlr_el1; msr actlr_el1, x1; dc isw, x3; dc csw, x3; dc cisw, x3
mrs x1, mdscr_el1; msr mdscr_el1, x3; msr oslar_el1, x3; mrs x1, oslsr_el1; mrs x1, osdlr_el1
msr osdlr_el1, x3; mrs x1, mdrar_el1; mrs x1, mdccint_el1; msr mdccint_el1, x3
mrs x1, dbgbvr0_el1; msr dbgbvr0_el1, x1; mrs x1, dbgbcr0_el1; msr dbgbcr0_el1, x3
mrs x1, dbgbvr5_el1; mrs x1, dbgbcr5_el1; mrs x1, dbgwvr0_el1; msr dbgwvr0_el1, x1
mrs x1, dbgwcr0_el1; msr dbgwcr0_el1, x3; mrs x1, dbgwvr3_el1; mrs x1, dbgwcr3_el1
mrs x1, mdccsr_el0
mrs x1, pmcr_el0; msr pmcr_el0, x3; mrs x1, pmcntenset_el0; msr pmcntenset_el0, x3
mrs x1, pmcntenclr_el0; msr pmcntenclr_el0, x3; mrs x1, pmovsclr_el0; msr pmovsclr_el0, x3
msr pmswinc_el0, x3; mrs x1, pmselr_el0; msr pmselr_el0, xzr; mrs x1, pmceid0_el0
mrs x1, pmceid1_el0; mrs x1, pmccntr_el0; msr pmccntr_el0, x3; mrs x1, pmxevtyper_el0
mrs x1, pmxevcntr_el0; mrs x1, pmuserenr_el0; msr pmuserenr_el0, x3; mrs x1, pmovsset_el0
mrs x1, pmintenset_el1; msr pmintenset_el1, x3; mrs x1, pmintenclr_el1; msr pmintenclr_el1, x3
mrs x1, pmevcntr0_el0; msr pmevcntr0_el0, x3; mrs x1, pmevtyper0_el0; msr pmevtyper0_el0, x3
mrs x1, pmccfiltr_el0; msr pmccfiltr_el0, x3
msr s3_0_c12_c11_5, xzr; msr s3_0_c12_c11_6, xzr; msr s3_0_c12_c11_7, xzr
"""

# Those that QEMU knows nothing of, so that they are undefined there (permitted: hal-el2/README.md).
# What is left of it at EL1 is no part of a case.
UNKNOWN_REGISTERS = """
mrs x1, dbgauthstatus_el1; mrs x1, dbgclaimset_el1; msr dbgclaimset_el1, x3
mrs x1, dbgclaimclr_el1; msr dbgclaimclr_el1, x3; mrs x1, oseccr_el1; msr oseccr_el1, x3
mrs x1, dbgdtr_el0; msr dbgdtr_el0, x3; mrs x1, dbgdtrrx_el0; msr dbgdtrtx_el0, x3
"""

# By VA; QEMU executes them as nothing (permitted, too).
MAINTENANCE = "dc ivac, x0; dc cvac, x0; dc civac, x0; dc cvau, x0; ic ivau, x0"

# SMCCC and PSCI functions, and numbers that nobody knows.
FUNCTIONS = [0x8000_0000, 0x8000_0001, 0x8400_0000, 0x8400_0004, 0xC400_0004, 0x8400_0006,
             0x8400_000A, 0x8400_0003, 0xC400_0003, 0x8400_0001, 0x8400_0007, 0xDEAD_BEEF, 0x7F]


class Table:
    def __init__(self):
        self.cases = []
        self.pages = FRESH

    def add(self, text, address, group, before=()):
        self.cases.append((group, text, address, list(before)))

    def fresh(self, offset=0x40, pages=1):
        page = self.pages
        self.pages += pages * 0x1000
        return page + offset


def forms(text):
    return [form.strip() for line in text.strip().splitlines() for form in line.split(";")]


def exclusives():
    return [pair.strip() for line in STORE_EXCLUSIVES.strip().splitlines()
            for pair in line.split("|")]


def accesses(t):
    for form in forms(LOADS) + forms(STORES) + ["dc zva, x0"]:
        t.add(form, t.fresh(), "untouched memory")
    for form in forms(LOADS):
        t.add(form, PL011_ID, "device")
    for form in forms(STORES):
        t.add(form, PL011_IBRD - 4, "device")
    for form in forms(LOADS) + forms(STORES):
        t.add(form, NOTHING + 0x40, "nothing")
    for form in forms(STORES) + ["dc zva, x0"]:
        t.add(form, READ_ONLY + 0x40, "read-only memory", ["ldr x7, [x0]"])
    for form in exclusives():
        t.add(form, READ_ONLY + 0x40, "read-only memory")
    for form in exclusives():
        t.add(form, t.fresh(), "untouched memory")
    t.add("ldr x1, [x0]", WRITE_ONLY, "write-only memory", ["str x3, [x0, #8]"])
    # Below the image, in reach of loads relative to the PC.
    for form in ("ldr x1, _start - 0x8000", "ldrsw x1, _start - 0x9008", "ldr q0, _start - 0xa010"):
        t.add(form, 0, "untouched memory")


def crossings(t):
    for form in forms(CROSSING_LOADS) + forms(CROSSING_STORES):
        t.add(form, t.fresh(0xFFF, 2), "two untouched pages")
        t.add(form, t.fresh(0xFFF, 2), "across the end of a page", ["strb w3, [x0]"])
        t.add(form, t.fresh(0xFFF, 2), "across the end of a page", ["strb w3, [x0, #1]"])
    for form in forms(CROSSING_STORES):
        t.add(form, READ_ONLY + 0xFFF, "read-only memory", ["ldrb w7, [x0]", "ldrb w7, [x0, #1]"])


def fetches(t):
    t.add("blr x0", ALIAS + NOTHING, "fetch from nothing")
    t.add("blr x0", ALIAS + PL011, "fetch from a device")
    for where in (NO_EXECUTE, WRITE_ONLY):
        t.add("blr x0", ALIAS + where, "fetch from what is not executable")
    t.add("blr x0", ALIAS + NO_EXECUTE, "fetch from what is not executable", ["ldr x7, [x0]"])
    t.add("blr x0", ALIAS + WRITE_ONLY, "fetch from what is not executable", ["str x3, [x0, #8]"])


# `walk` has corpus.c prepare a walk whose table at one level stage 2 does not give.
def table_walks(t):
    walks = ["ldr x1, [x0]", "str x1, [x0]", "blr x0", "at s1e1r, x0", "at s1e1w, x0",
             "ldp x1, x3, [x0]", "ldxr x1, [x0]"]
    for kind, name in enumerate(["untouched memory", "nothing", "a device"]):
        for level in range(4):
            for n, form in enumerate(walks):
                t.add(form, 0, f"walk: level {level} in {name}",
                      [f"walk {kind}, {level}, {n}"])


def registers(t):
    for form in FEATURES + forms(REGISTERS):
        t.add(form, 0, "system register")


def unknown_registers(t):
    for form in forms(UNKNOWN_REGISTERS):
        t.add(f"{form}; mov x1, #0; msr esr_el1, xzr", 0, "debug register")


def maintenance(t):
    for where, name in ((NOTHING + 0x40, "nothing"), (PL011, "a device"),
                        (WRITE_ONLY + 0x40, "write-only memory")):
        for form in forms(MAINTENANCE):
            t.add(form, where, f"cache maintenance of {name}")


# The event register is set by the return from the trap before: the first WFE clears it.
def waits(t):
    t.add("wfe; wfe", 0, "wait")
    t.add("sevl; wfe; wfe", 0, "wait")
    # Half a second, so that no host is too busy to get to the WFI before its end.
    t.add("wfi; msr cntv_ctl_el0, xzr", 0, "wait",
          ["constant x4, 31250000", "msr cntv_tval_el0, x4", "mov x5, #1", "msr cntv_ctl_el0, x5"])


def calls(t):
    for conduit in ("hvc", "smc"):
        for immediate in (0, 1, 0xFFFF):
            t.add(f"{conduit} #{immediate}", 0xC600_0001, "call")
        for function in FUNCTIONS:
            t.add(f"{conduit} #0", function, "call")


def table():
    t = Table()
    for group in (accesses, crossings, fetches, table_walks, registers, unknown_registers,
                  maintenance, waits, calls):
        group(t)
    return t.cases


def assembly(cases):
    lines = ["// Made by table.py.", ""]
    for number, (group, text, address, before) in enumerate(cases):
        lines.append(f"    begin {number}, {address:#x}                 // {group}: {text}")
        lines += [f"    {line}" for line in before]
        lines += [f"    {line.strip()}" for line in text.split(";")]
        lines.append("    end")
    lines += [f"    .set corpus_count, {len(cases)}", ""]
    return "\n".join(lines)


def main():
    if sys.argv[1:] == ["--list"]:
        for number, (group, text, address, _) in enumerate(table()):
            print(f"{number}\t{group}\t{address:#x}\t{text}")
        return 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[1], "w", encoding="ascii") as output:
        output.write(assembly(table()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
