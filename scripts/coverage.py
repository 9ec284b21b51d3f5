#!/usr/bin/env python3
"""Prints the line coverage of each folder, from the counters that a coverage build has left.

Usage: coverage.py SOURCE_DIRECTORY BUILD_DIRECTORY
"""

import collections
import json
import subprocess
import sys
from pathlib import Path

MEASURED = ("core", "sim", "hal-common", "hal-sim", "pages", "explain", "lab", "tools")


def reports(build):
    """What gcov says of each object file, whether it ran or not."""
    notes = [str(path) for path in sorted(build.rglob("*.gcno"))]
    if not notes:
        sys.exit(f"coverage: nothing compiled for coverage below {build}")
    done = subprocess.run(["gcov", "--json-format", "--stdout", *notes], cwd=build, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))


def executed_lines(source, build):
    """For each measured file: line -> whether any object file ran it."""
    lines = collections.defaultdict(dict)
    for report in reports(build):
        for file in report["files"]:
            path = (Path(report["current_working_directory"]) / file["file"]).resolve()
            if not path.is_relative_to(source):
                continue
            name = path.relative_to(source)
            if name.parts[0] not in MEASURED:
                continue
            for line in file["lines"]:
                number = line["line_number"]
                lines[name][number] = lines[name].get(number, False) or line["count"] > 0
    return lines


def main():
    source, build = (Path(argument).resolve() for argument in sys.argv[1:3])
    folders = collections.defaultdict(lambda: [0, 0])
    for name, lines in executed_lines(source, build).items():
        for folder in (str(name.parent), "all"):
            folders[folder][0] += sum(lines.values())
            folders[folder][1] += len(lines)
    width = max(map(len, folders))
    for folder in sorted(folders, key=lambda folder: (folder == "all", folder)):
        hit, total = folders[folder]
        print(f"{folder:{width}}  {hit:6} of {total:6} lines  {100 * hit / max(total, 1):5.1f} %")


if __name__ == "__main__":
    main()
