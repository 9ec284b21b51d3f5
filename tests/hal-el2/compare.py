#!/usr/bin/env python3
"""Runs an EL2 image under QEMU and compares what the VMM core did there with what it did in the
simulation: the same guest must take the same traps, with the same registers, to the bit.

    compare.py IMAGE.elf --axvm build/dev/bin/axvm --config configs/hello-aarch64.toml
    compare.py IMAGE.elf --simulation TRACE.jsonl     a trace made before (axvm run --trace)
    compare.py IMAGE.elf                              only runs the image and checks that it ends well

Both sides write one JSON object per line. Compared are the core's events in order, field by field
as COMPARED lists them; each byte of the console is one of them. Left out are what differs by nature
(host-physical addresses, time, which physical CPU) and what is no doing of the guest (lines with
"host": true).

Exit status: 0 same, 1 different or failed, 2 bad usage or a missing program.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

COMPARED = {
    "TrapTaken": ("vm", "vcpu", "cause", "syndrome", "fault_address", "fault_gpa",
                  "return_address", "saved_state", "registers"),
    "DeviceAccess": ("vm", "vcpu", "bus", "is_write", "width", "address", "data", "device"),
    "FirmwareCall": ("vm", "vcpu", "name", "function", "arguments", "result"),
    "PageMapped": ("vm", "vcpu", "gpa", "size"),
    "ExceptionInjected": ("vm", "vcpu", "syndrome", "fault_address", "reason"),
    "StateChanged": ("vm", "vcpu", "of_vcpu", "state"),
}
CONTEXT = 5  # events shown before a difference


class Failure(Exception):
    """Something to tell the user in one line."""


def normal(value):
    """Numbers compare as numbers, however they are written; names without regard to case."""
    if isinstance(value, list):
        return [normal(v) for v in value]
    if isinstance(value, str):
        if value.startswith("0x"):
            return int(value, 16)
        return value.lower()
    return value


def shown(value):
    if isinstance(value, list):
        return "[" + ", ".join(shown(v) for v in value) + "]"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:#x}"
    return str(value)


def differences(name, theirs, ours):
    """Where two values of one field differ, readably: of the general registers, which one."""
    if name == "registers" and len(theirs) == len(ours):
        pairs = [(f"X{n}", a, b) for n, (a, b) in enumerate(zip(theirs, ours)) if a != b]
    else:
        pairs = [(name, theirs, ours)]
    return [f"{n} (EL2 {shown(a)}, simulation {shown(b)})" for n, a, b in pairs]


class Event:
    """One event of the core, reduced to what is compared."""

    def __init__(self, line):
        self.kind = line["event"]
        self.fields = {}
        for name in COMPARED[self.kind]:
            if name not in line:
                raise Failure(f"{self.kind} lacks the field '{name}': {line}")
            self.fields[name] = normal(line[name])
        if self.kind == "StateChanged" and not line["of_vcpu"]:
            del self.fields["vcpu"]

    def __eq__(self, other):
        return self.kind == other.kind and self.fields == other.fields

    def __str__(self):
        return self.kind + " " + " ".join(
            f"{n}={shown(v)}" for n, v in self.fields.items() if n != "registers")


def parse(lines, origin):
    """The events and the console text of JSON lines."""
    events, console = [], []
    for number, text in enumerate(lines, 1):
        text = text.strip()
        if not text:
            continue
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            raise Failure(f"{origin}:{number}: not a JSON line: {text!r}") from None
        if line.get("host"):
            continue
        kind = line.get("event")
        if kind in COMPARED:
            events.append(Event(line))
        elif kind == "console":
            console.append(line["text"])
        elif kind in ("panic", "error"):
            raise Failure(f"{origin}:{number}: {text}")
    return events, "".join(console)


def since_entry(events, origin):
    """Without what the host did before it entered the guest: whoever listens late misses it."""
    for index, event in enumerate(events):
        if event.kind == "TrapTaken":
            return events[index:]
    raise Failure(f"{origin}: the guest took no trap: there is nothing to compare")


def run_qemu(arguments):
    command = [arguments.qemu, "-machine", "virt,virtualization=on,gic-version=3", "-cpu",
               "cortex-a72", "-m", "256", "-nic", "none", "-display", "none", "-monitor", "none",
               "-serial", "stdio", "-no-reboot", "-kernel", arguments.image]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=arguments.timeout, check=False)
        output, late = done.stdout, False
        errors = done.stderr.decode(errors="replace").strip()
    except FileNotFoundError:
        sys.exit(f"compare.py: {arguments.qemu} is not installed (Debian: qemu-system-arm)")
    except subprocess.TimeoutExpired as expired:
        output, late, errors = expired.stdout or b"", True, ""
    lines = output.decode(errors="replace").splitlines()
    if late:
        last = "".join(f"\n  {line}" for line in lines[-CONTEXT:])
        raise Failure(f"{arguments.image} did not end within {arguments.timeout} s; last lines:"
                      + last)
    if not lines:
        raise Failure(f"{arguments.image} said nothing. {errors}")
    end = json.loads(lines[-1]) if lines[-1].startswith("{") else {}
    if end.get("event") != "end":
        raise Failure(f"{arguments.image} broke off after: {lines[-1]}")
    return lines, end["status"]


def run_simulation(arguments):
    """Lines of the trace, and the simulation's exit status."""
    if arguments.simulation:
        return pathlib.Path(arguments.simulation).read_text().splitlines(), None
    with tempfile.TemporaryDirectory() as directory:
        trace = pathlib.Path(directory) / "trace.jsonl"
        command = [arguments.axvm, "run", arguments.config, "--quiet", "--trace", f"{trace}:jsonl"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=arguments.timeout, check=False)
        except FileNotFoundError:
            sys.exit(f"compare.py: {arguments.axvm} does not exist")
        except subprocess.TimeoutExpired:
            raise Failure(f"the simulation did not end within {arguments.timeout} s") from None
        if not trace.exists():
            raise Failure("the simulation wrote no trace: "
                          + done.stderr.decode(errors="replace").strip())
        return trace.read_text().splitlines(), done.returncode


def compare(silicon, simulation):
    """Raises at the first difference between two lists of events."""
    for index in range(max(len(silicon), len(simulation))):
        ours = simulation[index] if index < len(simulation) else None
        theirs = silicon[index] if index < len(silicon) else None
        if ours is not None and theirs is not None and ours == theirs:
            continue
        text = [f"event {index} differs"]
        if ours and theirs and ours.kind == theirs.kind:
            names = [n for n in ours.fields if ours.fields[n] != theirs.fields[n]]
            text[0] += " in " + ", ".join(
                part for n in names for part in differences(n, theirs.fields[n], ours.fields[n]))
        text += [f"  both        {silicon[n]}" for n in range(max(0, index - CONTEXT), index)]
        text += [f"  EL2         {theirs or '(the end)'}",
                 f"  simulation  {ours or '(the end)'}"]
        raise Failure("\n".join(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("image", help="ELF image for EL2, a guest linked in")
    parser.add_argument("--qemu", default="qemu-system-aarch64")
    parser.add_argument("--axvm", help="the command line tool, to run the simulation")
    parser.add_argument("--config", help="the configuration of the same guest")
    parser.add_argument("--simulation", help="a JSON-lines trace instead of --axvm and --config")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for each side")
    parser.add_argument("--show", action="store_true", help="print what the image said")
    arguments = parser.parse_args()
    if bool(arguments.axvm) != bool(arguments.config):
        parser.error("--axvm and --config go together")

    name = pathlib.Path(arguments.image).stem
    try:
        lines, status = run_qemu(arguments)
        if arguments.show:
            print("\n".join(lines))
        silicon, console = parse(lines, "EL2")
        if status != 0:
            raise Failure(f"the guest failed at EL2 (status {status}); its console:\n{console}")
        if not (arguments.simulation or arguments.axvm):
            print(f"{name}: ended well at EL2 after {len(silicon)} events")
            return 0
        lines, status = run_simulation(arguments)
        simulation, _ = parse(lines, "simulation")
        compare(since_entry(silicon, "EL2"), since_entry(simulation, "simulation"))
        if status not in (0, None):
            raise Failure(f"the simulation ended with status {status}, EL2 with 0")
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 1
    traps = sum(event.kind == "TrapTaken" for event in silicon)
    print(f"{name}: {len(silicon)} events at EL2 and in the simulation are the same, "
          f"{traps} of them traps")
    return 0


if __name__ == "__main__":
    sys.exit(main())
