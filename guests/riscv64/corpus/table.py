#!/usr/bin/env python3
"""The corpus: one case per way to trap to HS-mode, each an instruction and the address it is given.

    table.py OUTPUT.S      writes the cases as assembly (macros: corpus.S)
    table.py --list        lists them, with their numbers

What every case leaves in the registers is part of the trace, since each ends in a call.
"""

import sys

# --- where accesses go (guest-physical; the guest maps what is here onto itself) -----------------
# Memory that nobody has touched: a page for each case, or two next to each other.
FRESH = 0x8100_0000
READ_ONLY = 0x9000_0000    # configs/corpus-riscv64.toml: only to be read
NO_EXECUTE = 0x9010_0000
EXECUTE_ONLY = 0x9020_0000
NOTHING = 0x0A00_0000      # neither memory nor a device
UART = 0x1000_0000
FLASH = 0x2000_0000        # erased: all ones

LOADS = """
lb a1, 0(a0); lbu a1, 0(a0); lh a1, 0(a0); lhu a1, 0(a0); lw a1, 0(a0); lwu a1, 0(a0); ld a1, 0(a0)
ld zero, 0(a0); lb zero, 0(a0); lw a0, 0(a0); ld ra, 0(a0); lbu t6, 0(a0); lh s1, 0(a0)
lb a1, -1(a0); lh a1, -2(a0); lw a1, -4(a0); ld a1, -8(a0); lwu a1, 4(a0); ld a1, 8(a0)
c.lw a1, 0(a0); c.lw a5, 60(a0); c.ld a1, 0(a0); c.ld a4, 56(a0); c.lw a0, 4(a0)
flw fa0, 0(a0); fld fa0, 0(a0); flw ft11, 4(a0); fld fs0, -8(a0); c.fld fa0, 0(a0); c.fld fa5, 8(a0)
"""

STORES = """
sb a1, 0(a0); sh a1, 0(a0); sw a1, 0(a0); sd a1, 0(a0); sb zero, 0(a0); sd zero, 0(a0); sd a0, 0(a0)
sb a3, -1(a0); sh a3, -2(a0); sw a3, -4(a0); sd a3, -8(a0); sw s1, 4(a0); sd t6, 8(a0)
c.sw a1, 0(a0); c.sw a3, 60(a0); c.sd a1, 0(a0); c.sd a3, 56(a0)
fsw fa0, 0(a0); fsd fa0, 0(a0); fsw fa1, 4(a0); fsd fa1, -8(a0); c.fsd fa0, 0(a0); c.fsd fa1, 8(a0)
"""

# By the stack pointer: nothing may be injected meanwhile.
STACK_LOADS = "c.lwsp a1, 0(sp); c.lwsp t6, 4(sp); c.ldsp a1, 0(sp); c.ldsp ra, 8(sp); c.fldsp fa0, 0(sp)"
STACK_STORES = "c.swsp a1, 0(sp); c.swsp a3, 4(sp); c.sdsp a1, 0(sp); c.sdsp a3, 8(sp); c.fsdsp fa0, 0(sp)"

RESERVATIONS = "lr.w a1, (a0); lr.d a1, (a0); lr.w.aq a1, (a0); lr.d.aqrl a1, (a0)"
ATOMICS = [f"amo{kind}.{width} a1, a3, (a0)" for width in ("w", "d")
           for kind in ("swap", "add", "xor", "and", "or", "min", "max", "minu", "maxu")]
ATOMICS += ["amoswap.d.aqrl a1, a3, (a0)", "amoadd.w.aq zero, a3, (a0)", "amoor.d.rl a0, a3, (a0)"]

# Load with a reservation, then store: the load is allowed where the store is not.
CONDITIONALS = ["lr.w a4, (a0) | sc.w a5, a1, (a0)", "lr.d a4, (a0) | sc.d a5, a1, (a0)",
                "lr.w.aq a4, (a0) | sc.w.rl a5, a1, (a0)"]

# Wider than a byte: these may reach into the next page.
CROSSING_LOADS = "lh a1, 0(a0); lhu a1, 0(a0); lw a1, 0(a0); lwu a1, 0(a0); ld a1, 0(a0); flw fa0, 0(a0); fld fa0, 0(a0)"
CROSSING_STORES = "sh a1, 0(a0); sw a1, 0(a0); sd a1, 0(a0); fsw fa0, 0(a0); fsd fa0, 0(a0)"

# Of the hypervisor and of VS-mode: hstateen0, which guests have when there is Smstateen, is not one
# of them on every machine.
HYPERVISOR_CSRS = {
    "hstatus": 0x600, "hedeleg": 0x602, "hideleg": 0x603, "hie": 0x604, "hcounteren": 0x606,
    "hgeie": 0x607, "htval": 0x643, "hip": 0x644, "hvip": 0x645, "htinst": 0x64A, "hgatp": 0x680,
    "henvcfg": 0x60A, "htimedelta": 0x605, "hgeip": 0xE12, "vsstatus": 0x200, "vsie": 0x204,
    "vstvec": 0x205, "vsscratch": 0x240, "vsepc": 0x241, "vscause": 0x242, "vstval": 0x243,
    "vsip": 0x244, "vstimecmp": 0x24D, "vsatp": 0x280,
}
READ_ONLY_CSRS = ("hgeip",)

# The hypervisor's instructions, by encoding: a0 is the address, a1 the register transferred.
HYPERVISOR_INSTRUCTIONS = {
    "hfence.gvma": 0x62000073, "hfence.gvma a0, a1": 0x62B50073,
    "hfence.vvma": 0x22000073, "hfence.vvma a0, a1": 0x22B50073,
    "hlv.b": 0x600545F3, "hlv.bu": 0x601545F3, "hlv.h": 0x640545F3, "hlv.hu": 0x641545F3,
    "hlvx.hu": 0x643545F3, "hlv.w": 0x680545F3, "hlv.wu": 0x681545F3, "hlvx.wu": 0x683545F3,
    "hlv.d": 0x6C0545F3, "hsv.b": 0x62B54073, "hsv.h": 0x66B54073, "hsv.w": 0x6AB54073,
    "hsv.d": 0x6EB54073,
}

# What exception a case has ended with, where that is not the same on all machines, goes no further.
FORGET = "csrw scause, zero; csrw stval, zero"

# SBI: extension, functions. Only what neither stops the hart nor says anything.
CALLS = [(0x10, range(8)), (0x54494D45, (1, 7)), (0x735049, (0, 1)), (0x52464E43, range(8)),
         (0x48534D, (0, 2, 9)), (0x53525354, (1,)), (0x4442434E, (0, 3)), (0x504D55, (0, 99)),
         (0x535441, (99,)), (0x53555350, (99,)), (0x485643, (8, 99)), (0x5EED, (0,)),
         (0x0800_0001, (1,)), (0xDEAD_BEEF_DEAD_BEEF, (0,))]
LEGACY = (2, 3, 4, 5, 6, 7)


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


def by_stack(form):
    return f"mv t5, sp; mv sp, a0; {form}; mv sp, t5"


def conditionals():
    return [pair.replace(" | ", "; ") for pair in CONDITIONALS]


def accesses(t):
    for form in forms(LOADS) + forms(STORES) + forms(RESERVATIONS) + ATOMICS + conditionals():
        t.add(form, t.fresh(), "untouched memory")
        t.add(form, NOTHING + 0x40, "nothing")
    for form in forms(STACK_LOADS) + forms(STACK_STORES):
        t.add(by_stack(form), t.fresh(), "untouched memory")
    for form in forms(LOADS) + [by_stack(form) for form in forms(STACK_LOADS)]:
        t.add(form, FLASH + 0x40, "device")
    for form in forms(STORES) + [by_stack(form) for form in forms(STACK_STORES)]:
        t.add(form, FLASH + 0x40, "device")
    for form in forms(RESERVATIONS) + ATOMICS:
        t.add(form, FLASH + 0x40, "device, which has no atomic accesses")
    for form in forms(STORES) + ATOMICS + conditionals():
        t.add(form, READ_ONLY + 0x40, "read-only memory", ["ld a4, 0(a0)"])
    for form in ("ld a1, 0(a0)", "sd a1, 0(a0)", "lr.d a1, (a0)", "amoadd.d a1, a3, (a0)"):
        t.add(form, EXECUTE_ONLY + 0x40, "execute-only memory")


def crossings(t):
    for form in forms(CROSSING_LOADS) + forms(CROSSING_STORES):
        t.add(form, t.fresh(0xFFF, 2), "two untouched pages")
        t.add(form, t.fresh(0xFFF, 2), "across the end of a page", ["sb a3, 0(a0)"])
        t.add(form, t.fresh(0xFFF, 2), "across the end of a page", ["sb a3, 1(a0)"])
    for form in forms(CROSSING_STORES):
        t.add(form, READ_ONLY + 0xFFF, "read-only memory", ["lb a4, 0(a0)", "lb a4, 1(a0)"])


# Untouched memory holds zeroes, which are illegal: the guest then returns to where it came from.
def fetches(t):
    t.add("jalr a0", t.fresh(), "fetch from untouched memory")
    t.add("jalr a0", NOTHING, "fetch from nothing")
    t.add("jalr a0", UART, "fetch from a device")
    t.add("jalr a0", NO_EXECUTE, "fetch from what is not executable")
    t.add("jalr a0", NO_EXECUTE, "fetch from what is not executable", ["ld a4, 0(a0)"])
    # Firmware that has illegal instructions first may look at them, and fail: what the guest is told
    # is not the VMM's doing.
    t.add(f"jalr a0; {FORGET}", EXECUTE_ONLY, "fetch from execute-only memory")
    # The first half of an instruction of 32 bits: addi a1, zero, …
    for before in ([], ["sb zero, 2(a0)"]):
        t.add("jalr a0", t.fresh(0xFFE, 2), "fetch across the end of a page",
              ["li t0, 0x0593", "sh t0, 0(a0)", "fence.i", *before])
    t.add("jalr a0", t.fresh(0xFFE, 2), "a compressed instruction before untouched memory",
          ["li t0, 0x4585", "sh t0, 0(a0)", "fence.i"])


# `walk` has corpus.c prepare a walk whose table of one level the G-stage does not give. Some machines
# take all of these accesses for loads.
def table_walks(t):
    walks = ["ld a1, 0(a0)", "sd a1, 0(a0)", "jalr a0", "c.ld a1, 8(a0)", "lr.d a1, (a0)",
             "amoadd.d a1, a3, (a0)", "fld fa0, 0(a0)"]
    for kind, name in enumerate(["untouched memory", "nothing", "a device"]):
        for level in (1, 0):
            for n, form in enumerate(walks):
                t.add(f"{form}; {FORGET}", 0, f"walk: level {level} in {name}", [f"walk {kind}, {level}, {n}"])


def registers(t):
    for name, number in HYPERVISOR_CSRS.items():
        t.add(f"csrr a1, {number:#x}", 0, f"CSR {name}")
        if name in READ_ONLY_CSRS:
            continue
        t.add(f"csrw {number:#x}, a3", 0, f"CSR {name}")
        t.add(f"csrrsi a1, {number:#x}, 1", 0, f"CSR {name}")


# Some machines do not tell which instruction it was.
def instructions(t):
    for name, bits in HYPERVISOR_INSTRUCTIONS.items():
        t.add(f".4byte {bits:#x}; {FORGET}", NO_EXECUTE, f"{name}")


# Half a second, so that no host is too busy to get to the WFI before its end.
def waits(t):
    t.add("wfi; csrw 0x14d, t1", 0, "wait",
          ["li t1, -1", "rdtime t0", "li t2, 5000000", "add t0, t0, t2", "csrw 0x14d, t0", "mv t0, zero"])


def calls(t):
    for extension, functions in CALLS:
        for function in functions:
            t.add("ecall", extension, "call", ["mv a7, a0", f"li a6, {function}", "mv a0, zero",
                                               "mv a1, zero", "mv a2, zero", "mv a3, zero"])
    for extension in LEGACY:
        t.add("ecall", extension, "legacy call", ["mv a7, a0", "mv a0, zero", "mv a1, zero"])


def table():
    t = Table()
    for group in (accesses, crossings, fetches, table_walks, registers, instructions, waits, calls):
        group(t)
    return t.cases


def assembly(cases):
    lines = ["// Made by table.py.", ""]
    for number, (group, text, address, before) in enumerate(cases):
        lines.append(f"    begin {number}, {address:#x}                 // {group}: {text}")
        lines += [f"    {line}" for line in before]
        for line in map(str.strip, text.split(";")):
            lines.append(f"    compressed {line}" if line.startswith("c.") else f"    {line}")
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
