#!/usr/bin/env python3
"""Runs the benches and prints each beside its reference, with the ratio and the aim.

Usage: table.py EXECUTABLE [FILTER] [--json FILE] [--repetitions N]

All repetitions of all benches run in random order, and the least time of each counts: what
disturbs a run (another process, a clock change) only ever adds time. Where a bench counts items,
times are per item.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

# What a group's ratio is, and what it should be. A speed is the reference's time over ours (more is
# better), a cost is our time over the reference's (less is better). First match counts.
AIMS = [
    # pattern, kind, aim
    (r"guest/\w+/(alu|mixed)", "speed", 0.75),
    (r"guest/\w+/store", "speed", 10.0),
    (r"guest/.*", "speed", None),
    # 20 MIPS, where hooks on memory alone leave 33.
    (r"timing/\w+/mixed/beside_hooks", "speed", 0.6),
    (r"timing/.*", "speed", None),
    (r"exit/.*", "cost", 1.3),
    (r"walk/cold/\w+/4x4", "cost", 1.2),
    (r"walk/.*", "cost", None),
    # Per leaf, beside the 24 loads of a cold two-stage walk.
    (r"paging/map/.*", "cost", 0.05),
    (r"paging/unmap/.*", "cost", 0.04),
    (r"paging/protect/.*", "cost", 0.05),
    (r"paging/map_one/.*", "cost", 0.11),
    (r"paging/query_one/.*", "cost", 0.4),
    (r"paging/.*", "cost", None),
    # Per walk, beside a chain of 24 loads over as much memory as the tables take.
    (r"lab/walks/batched", "speed", 3.0),
    (r"lab/walks/.*", "speed", None),
    # Accesses per second, in millions: nothing else does the same beside which it could be put.
    (r"lab/tlb_hits/words_in_order", "rate", 150.0),
    (r"lab/stream/sequential", "rate", 30.0),
    (r"lab/.*", "rate", None),
]

# Suffixes that Google Benchmark appends to a name to tell how it was measured.
SUFFIX = re.compile(r"/(iterations:\d+|repeats:\d+|min_time:[\d.]+|process_time|real_time|manual_time)")
NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def run(executable, pattern, repetitions):
    command = [
        executable,
        "--benchmark_format=json",
        "--benchmark_enable_random_interleaving=true",
        f"--benchmark_repetitions={repetitions}",
        f"--benchmark_filter={pattern or '.'}",
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        sys.exit(f"bench: nothing measured (filter '{pattern or '.'}', status {done.returncode})")
    return json.loads(done.stdout)


def nanoseconds(entry):
    """The time of one iteration, or of one item where items are counted."""
    if entry.get("items_per_second"):
        return 1e9 / entry["items_per_second"]
    wall = re.search(r"/(real_time|manual_time)", entry["name"])
    return entry["real_time" if wall else "cpu_time"] * NANOSECONDS[entry["time_unit"]]


def least_times(report):
    times = {}
    for entry in report["benchmarks"]:
        if entry.get("run_type") == "aggregate":
            continue
        if entry.get("error_occurred"):
            sys.exit(f"bench: {entry['name']}: {entry.get('error_message', 'failed')}")
        name = SUFFIX.sub("", entry["name"])
        times[name] = min(times.get(name, float("inf")), nanoseconds(entry))
    return times


def reference_of(name):
    """The group's name and its reference, or None when nothing is measured beside it."""
    if name.endswith("/axvm"):
        group = name.removesuffix("/axvm")
        return group, group + "/unicorn"
    timed = re.fullmatch(r"(timing/\w+/\w+/)beside_(\w+)", name)
    if timed:
        return name, timed[1] + timed[2]
    if name.startswith("paging/") and name != "paging/c24":
        return name, "paging/c24"
    if name.startswith("lab/walks/") and name != "lab/walks/chain_of_24":
        return name, "lab/walks/chain_of_24"
    walk = re.fullmatch(r"walk/cold/(\w+)/(\d+)x(\d+)", name)
    if walk:
        guest, host = int(walk[2]), int(walk[3])
        return name, f"walk/dependent_loads/{walk[1]}/{(guest + 1) * (host + 1) - 1}"
    return None


def row_of(name, times):
    group, reference = reference_of(name) or (name, None)
    kind, aim = next(((k, a) for p, k, a in AIMS if re.fullmatch(p, group)), (None, None))
    row = {"name": group, "ns": times[name], "reference": reference, "reference_ns": None,
           "kind": kind, "ratio": None, "aim": aim, "met": None}
    if kind == "rate":
        row["rate"] = 1e3 / times[name]
        row["met"] = None if aim is None else row["rate"] >= aim
    if reference in times:
        row["reference_ns"] = times[reference]
        parts = (times[reference], times[name]) if kind == "speed" else (times[name], times[reference])
        row["ratio"] = parts[0] / parts[1]
        if aim is not None:
            row["met"] = row["ratio"] >= aim if kind == "speed" else row["ratio"] <= aim
    return row


def rows_of(times):
    references = {pair[1] for pair in map(reference_of, times) if pair}
    names = sorted(times.keys() - references, key=natural)
    return [row_of(name, times) for name in names]


def natural(name):
    """Sorts numbers inside names by value."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def amount(value):
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.3g} ns"


def cells(row):
    if row["kind"] == "rate":
        aim = "" if row["aim"] is None else f">= {row['aim']:g} M/s"
        verdict = {None: "", True: "met", False: "missed"}[row["met"]]
        return [row["name"], amount(row["ns"]), "", f"{row['rate']:.3g} M/s", aim, verdict]
    if row["ratio"] is None:
        return [row["name"], amount(row["ns"]), "", "", "", ""]
    aim = verdict = ""
    if row["aim"] is not None:
        aim = f"{'>=' if row['kind'] == 'speed' else '<='} {row['aim']:g}x"
        verdict = "met" if row["met"] else "missed"
    ratio = f"{row['ratio']:.2f}x {'as fast' if row['kind'] == 'speed' else 'the cost'}"
    return [row["name"], amount(row["ns"]), amount(row["reference_ns"]), ratio, aim, verdict]


def print_table(rows):
    print_aligned([["bench", "axvm", "reference", "ratio", "aim", ""]] + [cells(row) for row in rows])


def print_aligned(table):
    """Names and verdicts to the left, figures to the right; the first line is the heading."""
    table = list(table)
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    table.insert(1, ["-" * width for width in widths])
    for line in table:
        aligned = [text.ljust(width) if column in (0, len(line) - 1) else text.rjust(width)
                   for column, (text, width) in enumerate(zip(line, widths))]
        print("  ".join(aligned).rstrip())


def main():
    parser = argparse.ArgumentParser(prog="./x bench", description="Run the benches.")
    parser.add_argument("executable", help=argparse.SUPPRESS)
    parser.add_argument("filter", nargs="?", metavar="FILTER", help="regular expression of names")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements there too")
    parser.add_argument("--repetitions", type=int, default=5, metavar="N", help="default 5")
    options = parser.parse_intermixed_args()

    report = run(options.executable, options.filter, options.repetitions)
    report["rows"] = rows_of(least_times(report))
    print_table(report["rows"])
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
