"""An exercise in its folder: builds its guest, runs its machine, reads what happened."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

# No guest of an exercise needs a tenth of this; a trace of nothing but exits is still small.
MAX_INSTRUCTIONS = 500_000


class Missing(Exception):
    """What a solution still lacks, in one line."""


class Run:
    """One run of a machine: exit status, console, events in order."""

    def __init__(self, status, console, errors, events):
        self.status = status
        self.console = console
        self.errors = errors
        self.events = events

    def of(self, *kinds):
        return [event for event in self.events if event["event"] in kinds]

    @property
    def exits(self):
        return len(self.of("TrapTaken"))


class Exercise:
    """`folder` has the files that are worked on; `axvm` is the program, `guests` the folder of the
    built guests."""

    def __init__(self, folder, axvm, guests):
        self.folder = pathlib.Path(folder)
        self.axvm = axvm
        self.guests = pathlib.Path(guests)

    def file(self, name):
        """The file's text."""
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise Missing(f"{self.shown(name)} cannot be read") from None

    def shown(self, name):
        """A file of the exercise as its user would name it."""
        return os.path.relpath(self.folder / name)

    def build_guest(self, source, harness=None):
        """Makes out/guest.elf of a source and the guests' harness, or of the source alone."""
        (self.folder / "out").mkdir(exist_ok=True)
        done = subprocess.run(
            [self.guests / "aarch64" / "make-guest", *([] if harness else ["--bare"]), self.folder / "out/guest.elf",
             self.folder / source, *([harness] if harness else [])],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        sys.stderr.write(done.stderr)
        if done.returncode != 0:
            raise Missing(f"{self.shown(source)} cannot be built: see above")

    def command(self, *arguments):
        return subprocess.run([self.axvm, *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", check=False)

    def run(self, config="machine.toml", *options):
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "trace"
            done = self.command("run", self.shown(config), "--quiet", "--trace", f"{trace}:jsonl",
                                "--max-instructions", MAX_INSTRUCTIONS, *options)
            if done.returncode == 2:
                raise Missing(done.stderr.splitlines()[0].removeprefix("axvm: "))
            if done.returncode == 3:
                raise Missing(f"the guest does not end within {MAX_INSTRUCTIONS} instructions")
            events = [json.loads(line) for line in trace.read_text().splitlines()]
        return Run(done.returncode, done.stdout, done.stderr, events)
