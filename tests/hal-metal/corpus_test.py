"""The corpus of guests/<isa>/corpus: what its table promises, seen in the trace of a run."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
ISA = os.environ.get("AXVM_ISA", "aarch64")
sys.path.insert(0, str(ROOT / "guests" / ISA / "corpus"))
import table  # noqa: E402  (found by the line above)

# corpus.S: the call behind each case, which register has its number, and how many cases there are.
REPORT = {"aarch64": hex(0xC600_0000), "riscv64": hex(0x0A00_0001_0000_0000)}
NUMBER = {"aarch64": 28, "riscv64": 27 - 1}
LEAST = {"aarch64": 850, "riscv64": 400}


def traps_by_case(lines):
    """How many traps each case took before its report."""
    count, traps = {}, []
    for event in map(json.loads, lines):
        if event["event"] == "TrapTaken":
            traps.append(event)
        elif event["event"] == "FirmwareCall" and event["function"] == REPORT[ISA]:
            count[int(traps[-1]["registers"][NUMBER[ISA]], 16)] = len(traps) - 1
            traps = []
    return count


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases = table.table()
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "trace"
            subprocess.run([os.environ["AXVM"], "run", ROOT / "configs" / f"corpus-{ISA}.toml",
                            "--quiet", "--trace", f"{trace}:jsonl"], check=True, timeout=60,
                           stdout=subprocess.DEVNULL)
            cls.traps = traps_by_case(trace.read_text().splitlines())

    def test_there_are_many_cases_and_no_two_are_the_same(self):
        self.assertGreater(len(self.cases), LEAST[ISA])
        self.assertEqual(len({(group, text, address, *before)
                              for group, text, address, before in self.cases}), len(self.cases))

    def test_each_case_is_run_and_traps(self):
        self.assertEqual(sorted(self.traps), list(range(len(self.cases))))
        self.assertEqual([self.cases[n] for n, traps in self.traps.items() if traps == 0], [])


if __name__ == "__main__":
    unittest.main()
