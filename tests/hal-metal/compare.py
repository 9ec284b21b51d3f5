#!/usr/bin/env python3
"""Runs a bare-metal image under QEMU and compares what the VMM core did there with what it did in the
simulation: the same guest must take the same traps, with the same registers, to the bit.

    compare.py IMAGE.elf --axvm build/dev/bin/axvm --config configs/hello-aarch64.toml
    compare.py IMAGE.elf                    only runs the image and checks that it ends well

Both sides write one JSON object per line; `axvm diff-trace` compares them: all of it, or what
happened to each VM of --vm.

Exit status: 0 same, 1 different or failed, 2 bad usage or a missing program.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import qemu

SHOWN = 5  # last lines of an image that broke off


class Failure(Exception):
    """Something to tell the user."""


def run(command, timeout):
    """Its status, or None when it did not end in time; what it wrote, on the standard error too."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=timeout, check=False)
        return done.returncode, done.stdout, done.stderr.decode(errors="replace").strip()
    except FileNotFoundError:
        sys.exit(f"compare.py: {command[0]} does not exist (Debian has QEMU in qemu-system-arm and qemu-system-misc)")
    except subprocess.TimeoutExpired as expired:
        return None, expired.stdout or b"", ""


def run_qemu(arguments):
    """The lines of an image that ended well; what firmware said before is left out."""
    program = arguments.qemu or qemu.PROGRAM[arguments.mode]
    options = ["-icount", "shift=0,sleep=off"] if arguments.counted else []
    status, output, errors = run(
        qemu.command(program, arguments.mode, arguments.image, *options, cpus=arguments.cpus,
                     gic=arguments.gic), arguments.timeout)
    lines = output.decode(errors="replace").splitlines()
    if arguments.mode == "HS":
        lines = list(itertools.dropwhile(lambda line: not line.startswith("{"), lines))
    if arguments.show:
        print("\n".join(lines))
    last = "".join(f"\n  {line}" for line in lines[-SHOWN:]) + errors
    if status is None:
        raise Failure(f"no end within {arguments.timeout} s; last lines:{last}")
    if not lines or not lines[-1].startswith('{"event":"end"'):
        raise Failure(f"broke off on metal after:{last}")
    events = [json.loads(line) for line in lines]
    if events[-1]["status"] != 0:
        console = "".join(event["text"] for event in events if event["event"] == "console")
        raise Failure(f"failed on metal; its console:\n{console}{last}")
    if arguments.fp_loads not in (None, events[-1]["fp_loads"]):
        raise Failure(f"its guests had FP registers brought in {events[-1]['fp_loads']} times, "
                      f"expected {arguments.fp_loads}")
    if events[-1]["fp_loads"] < arguments.least_fp_loads:
        raise Failure(f"its guests had FP registers brought in {events[-1]['fp_loads']} times, "
                      f"expected at least {arguments.least_fp_loads}")
    if events[-1]["allocations"] != arguments.allocations:
        raise Failure(f"the VMM allocated memory {events[-1]['allocations']} times while its guests ran, "
                      f"expected {arguments.allocations}")
    return lines


def compare(lines, arguments):
    """What `axvm diff-trace` says of traces that agree."""
    with tempfile.TemporaryDirectory() as folder:
        metal, simulation = (pathlib.Path(folder) / name for name in ("metal", "simulation"))
        metal.write_text("\n".join(lines) + "\n")
        status, _, errors = run([arguments.axvm, "run", *arguments.config, "--quiet", "--trace-tables",
                                 "--trace", f"{simulation}:jsonl"], arguments.timeout)
        if status != 0:
            raise Failure(f"status {status} in the simulation. {errors}")
        options = ["--permit-qemu", *(["--up-to-time"] if arguments.up_to_time else []),
                   *(word for config in arguments.config for word in ("--config", config))]
        said = []
        for choice in [["--vm", vm] for vm in arguments.vm] or [[]]:
            status, output, errors = run([arguments.axvm, "diff-trace", metal, simulation, *options,
                                          *choice], arguments.timeout)
            text = " ".join([*choice, output.decode().replace(f"{folder}/", "").strip()])
            if status != 0:
                raise Failure(f"{text}{errors}")
            said.append(text)
        return "; ".join(said)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("image", help="ELF image, a guest linked in")
    parser.add_argument("--mode", choices=["EL2", "HS"], default="EL2", help="what it runs in")
    parser.add_argument("--qemu", help="of the mode's architecture")
    parser.add_argument("--axvm", help="the command line tool, to run the simulation")
    parser.add_argument("--config", nargs="+", help="the configurations of the same guests")
    parser.add_argument("--vm", nargs="+", default=[],
                        help="compare what happened to each of these VMs, and not to all together")
    parser.add_argument("--gic", type=int, default=3, help="version of the board's, for EL2")
    parser.add_argument("--cpus", type=int, default=1, help="of QEMU's board")
    parser.add_argument("--fp-loads", type=int,
                        help="how often guests have FP registers brought into a CPU")
    parser.add_argument("--least-fp-loads", type=int, default=0)
    parser.add_argument("--allocations", type=int, default=0,
                        help="how often the VMM may take memory of its own while the guests run")
    parser.add_argument("--up-to-time", action="store_true",
                        help="the guest looks at clocks: compare what does not depend on them")
    parser.add_argument("--counted", action="store_true",
                        help="QEMU's time is instructions: by the host's clock the interrupt of a timer "
                             "may be late (not for RISC-V, whose AMOs are loads and stores then)")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for each side")
    parser.add_argument("--show", action="store_true", help="print what the image said")
    arguments = parser.parse_args()
    if bool(arguments.axvm) != bool(arguments.config):
        parser.error("--axvm and --config go together")
    name = pathlib.Path(arguments.image).stem
    try:
        lines = run_qemu(arguments)
        said = compare(lines, arguments) if arguments.axvm else f"ended well, {len(lines)} lines"
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 1
    print(f"{name}: {said}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
