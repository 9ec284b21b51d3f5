"""What each exercise asks for. A check returns when its exercise is solved, else raises Missing."""

import csv
import pathlib
import re
import tempfile
import tomllib

from exercise import Missing

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs" / "tour"

# Of a PL011 (DDI 0183, 3.3), where the lessons' guests have it.
DATA_REGISTER, FLAG_REGISTER, LINE_CONTROL = "0x9000000", "0x9000018", "0x900002c"


def first_exit(exercise):
    exercise.build_guest("guest.S")
    run = exercise.run()
    calls = run.of("FirmwareCall", "DeviceAccess")
    if not calls or calls[0].get("name") != "PSCI_VERSION":
        raise Missing("the first exit is not a call of PSCI_VERSION")
    digit = str(int(calls[0]["result"], 16) >> 16)
    if len(calls) < 2 or calls[1].get("address") != DATA_REGISTER or not calls[1]["is_write"]:
        raise Missing("the second exit is not a store to the PL011's data register")
    console = run.console.rstrip("\n")
    if console != digit:
        raise Missing(f"the console shows {console!r}, expected the major version, {digit!r}")
    if run.status != 0:
        raise Missing("the guest does not power off")
    if run.exits != 3:
        raise Missing(f"there are {run.exits} exits, expected 3")


def memory_regions(text):
    """Address, size and flags of each region of a configuration that axvm has accepted."""
    for row in tomllib.loads(text)["kernel"]["memory_regions"]:
        if isinstance(row, dict):
            row = [row[key] for key in ("gpa", "size", "flags")]
        yield row[:3]


def stage2_fault(exercise):
    run = exercise.run()
    for need in ("clock", "buffer", "log"):
        if f"{need}: " not in run.console:
            raise Missing(f"the guest fails at its {need}; the abort that the VMM injects says where")
    if run.status != 0:
        raise Missing("the guest does not power off")
    regions = list(memory_regions(exercise.file("machine.toml")))
    size = sum(size for _, size, _ in regions)
    if size != 0x400_0000 + 0x20_0000 + 0x1000:
        raise Missing(f"the guest has {size:#x} bytes of memory, expected 64 MiB, 2 MiB and 4 KiB")
    if any(flags & 4 for gpa, _, flags in regions if gpa >= 0x4800_0000):
        raise Missing("the buffer or the log may be executed")


FOUR_LEVELS = re.compile(r"vmsa-4k-48/(4K|2M|1G)")


def references(exercise):
    for name, wanted in (("15.toml", 15), ("8.toml", 8)):
        with tempfile.TemporaryDirectory() as folder:
            done = exercise.command("walk-lab", exercise.shown(name), "--out", folder)
            if done.returncode != 0:
                raise Missing(done.stderr.splitlines()[0].removeprefix("axvm: "))
            with open(f"{folder}/results.csv", encoding="utf-8", newline="") as file:
                points = list(csv.DictReader(file))
        if len(points) != 1 or points[0]["profile"] != "bare":
            raise Missing(f"{name} is not one point with the profile bare")
        for stage in ("stage1", "stage2"):
            if not FOUR_LEVELS.fullmatch(points[0][stage]):
                raise Missing(f"{name} has {stage} = {points[0][stage]!r}, expected vmsa-4k-48 with "
                              "leaves of one size")
        found = float(points[0]["references_per_walk"])
        if found != wanted:
            raise Missing(f"walks of {name} read {found:g} descriptors, expected {wanted}")


def what_the_guest_says(run):
    """A guest of the exercises says what it found wrong before it fails."""
    before = "the guest fails"
    for line in run.console.splitlines():
        if line.startswith("guest failed: main returned"):
            return before
        if line.startswith("guest failed:"):
            return line
        before = line
    return before


def tlb(exercise):
    exercise.build_guest("pages.c", harness="tour/pages_harness.c.o")
    run = exercise.run()
    if run.status != 0:
        raise Missing(what_the_guest_says(run))


def break_before_make(exercise):
    exercise.build_guest("steps.c", harness="tour/steps_harness.c.o")
    run = exercise.run()
    if run.status != 0:
        raise Missing(what_the_guest_says(run))


def sent_by(run):
    """What a guest has written to its PL011's data register."""
    return [access["data"] for access in run.of("DeviceAccess")
            if access["address"] == DATA_REGISTER and access["is_write"]]


def no_overrun(accesses):
    """No character is sent when a PL011's transmit FIFO could be full: it has 16 places when it is
    enabled (UARTLCR_H.FEN), else one, and nobody knows how fast it drains."""
    places, room = 1, 0
    for access in accesses:
        value = int(access["data"], 16)
        if access["address"] == LINE_CONTROL and access["is_write"]:
            places, room = (16 if value & 0x10 else 1), 0
        elif access["address"] == FLAG_REGISTER:
            if value & 0x80:  # TXFE
                room = places
            elif not value & 0x20:  # TXFF
                room = max(room, 1)
        elif access["address"] == DATA_REGISTER:
            if room == 0:
                return False
            room -= 1
    return True


def cost_of_an_exit(exercise):
    exercise.build_guest("put.c", harness="tour/put_harness.c.o")
    run = exercise.run()
    text = sent_by(exercise.run(CONFIGS / "6-put.toml"))
    if sent_by(run) != text or run.status != 0:
        raise Missing("the console does not show the text, or not only the text")
    if not no_overrun(run.of("DeviceAccess")):
        raise Missing("a character is sent that a PL011 might have no room for")
    few = 8  # for power-off, line control and pages touched first
    most = len(text) + (len(text) + 15) // 16 + few
    if run.exits > most:
        raise Missing(f"there are {run.exits} exits, expected {most} at most")


def walk_of(exercise, *arguments):
    """What `axvm explain walk` tells of typed-in registers, its lines joined."""
    done = exercise.command("explain", "walk", "--registers", exercise.shown("walk.toml"), *arguments)
    if done.returncode != 0:
        raise Missing(done.stderr.splitlines()[0].removeprefix("axvm: "))
    return re.sub(r"\n +", " ", done.stdout)


def both_stages(exercise):
    for word, access in (("load", "read"), ("store", "write")):
        told = walk_of(exercise, "--gva", "0x10203040", "--mode", "vu", "--access", access)
        if fault := re.search(r"^Result: (.* fault at level .*), for a", told, re.MULTILINE):
            raise Missing(f"VU-mode's {word}: {fault[1]}")
        where = re.search(r"^Result: GPA \w+, PA (\w+);", told, re.MULTILINE)
        if where is None:
            raise Missing("walk.toml is about one stage, expected two")
        if where[1] != "0x50003040":
            raise Missing(f"GVA 0x10203040 is at PA {where[1]}, expected 0x50003040")
        reads = int(re.search(r"^Cost: (\d+) entries", told, re.MULTILINE)[1])
        if reads != 15:
            raise Missing(f"the walk reads {reads} entries, expected 15")
    for who, options, expected in (
            ("VU-mode may", ["--gva", "0x10203040", "--mode", "vu"], "rw-"),
            ("VS-mode may", ["--gva", "0x10203040"], "---"),
            ("the G-stage permits", ["--gpa", "0x80003040"], "rw-")):
        told = walk_of(exercise, *options)
        permitted = re.search(r"(?:may|permits): (.*)\.$", told, re.MULTILINE)[1]
        if permitted != expected:
            raise Missing(f"{who} {permitted} there, expected {expected}")


CHECKS = {
    1: first_exit,
    2: stage2_fault,
    3: references,
    4: tlb,
    5: break_before_make,
    6: cost_of_an_exit,
    7: both_stages,
}
