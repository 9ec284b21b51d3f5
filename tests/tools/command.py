"""Runs axvm and keeps what it said."""

import os
import pathlib
import subprocess
import tempfile
import unittest

CONFIGS = pathlib.Path(os.environ["AXVM_CONFIGS"])
ISA = os.environ.get("AXVM_ISA", "aarch64")  # of the guests
LOADED = {"aarch64": 0x4008_0000, "riscv64": 0x8020_0000}  # where they begin


class Done:
    def __init__(self, process):
        self.status = process.returncode
        self.out = (process.stdout or b"").decode()
        self.err = process.stderr.decode()
        self.out_lines = self.out.splitlines()
        self.err_lines = self.err.splitlines()


def config(name, isa=ISA):
    return str(CONFIGS / f"{name}-{isa}.toml")


class Test(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def axvm(self, *arguments, out=subprocess.PIPE, timeout=60):
        return Done(subprocess.run([os.environ["AXVM"], *map(str, arguments)],
                                   stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.PIPE, timeout=timeout,
                                   check=False))

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def variant(self, name, old, new):
        """A copy of a configuration with one text replaced."""
        text = pathlib.Path(config(name)).read_text()
        self.assertIn(old, text)
        return self.file(f"{name}.toml", text.replace(old, new))

    def assert_rejected(self, done, line):
        """Exit status 2 and exactly this one line."""
        self.assertEqual(done.err_lines, ["axvm: " + line])
        self.assertEqual(done.status, 2)
        self.assertEqual(done.out, "")
