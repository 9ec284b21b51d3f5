"""SMP guests on SMP metal, again and again: each has to end well each time.

    endurance_test.py [SECONDS]

AXVM_EL2_DIR has the images; AXVM_QEMU runs them.
"""

import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "hal-metal"))
import qemu  # noqa: E402  (found by the line above)

GUESTS = ("smp", "ipi", "its", "spinlock")
CPUS = (2, 3, 4)
SECONDS = 600
# On a host with fewer CPUs than the board a lock's holder may wait for its turn: see README.md.
LIMIT = 120


def run(image, cpus):
    """The last line of the image's log; None when it did not end in time."""
    try:
        done = subprocess.run(
            qemu.command(os.environ["AXVM_QEMU"], "EL2", image, cpus=cpus),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return None
    return (done.stdout.decode(errors="replace").splitlines() or [""])[-1]


def main():
    images = pathlib.Path(os.environ["AXVM_EL2_DIR"])
    end = time.monotonic() + float(sys.argv[1] if len(sys.argv) > 1 else SECONDS)
    took, failures = {}, []
    while time.monotonic() < end:
        for cpus in CPUS:
            for guest in GUESTS:
                start = time.monotonic()
                last = run(images / f"{guest}.elf", cpus)
                took.setdefault((guest, cpus), []).append(time.monotonic() - start)
                if last is None or not last.startswith('{"event":"end","status":0,'):
                    failures.append(f"{guest} on {cpus} CPUs: {last or f'no end in {LIMIT} s'}")
    for (guest, cpus), times in took.items():
        print(f"{guest:>8} on {cpus} CPUs: {len(times):4} runs, {sum(times) / len(times):5.1f} s on "
              f"average, {max(times):5.1f} s at most")
    print(*failures, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
