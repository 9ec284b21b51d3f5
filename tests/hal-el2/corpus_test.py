"""The corpus of guests/aarch64/corpus: what its table promises, seen in the trace of a run."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "guests" / "aarch64" / "corpus"))
import table  # noqa: E402  (found by the line above)

REPORT = hex(0xC600_0000)  # corpus.S: the call behind each case


def traps_by_case(lines):
    """How many traps each case took before its report; X28 has its number."""
    count, traps = {}, []
    for event in map(json.loads, lines):
        if event["event"] == "TrapTaken":
            traps.append(event)
        elif event["event"] == "FirmwareCall" and event["function"] == REPORT:
            count[int(traps[-1]["registers"][28], 16)] = len(traps) - 1
            traps = []
    return count


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases = table.table()
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "trace"
            subprocess.run([os.environ["AXVM"], "run", ROOT / "configs" / "corpus-aarch64.toml",
                            "--quiet", "--trace", f"{trace}:jsonl"], check=True, timeout=60,
                           stdout=subprocess.DEVNULL)
            cls.traps = traps_by_case(trace.read_text().splitlines())

    def test_there_are_more_than_850_cases_and_no_two_are_the_same(self):
        self.assertGreater(len(self.cases), 850)
        self.assertEqual(len({(group, text, address, *before)
                              for group, text, address, before in self.cases}), len(self.cases))

    def test_each_case_is_run_and_traps(self):
        self.assertEqual(sorted(self.traps), list(range(len(self.cases))))
        self.assertEqual([self.cases[n] for n, traps in self.traps.items() if traps == 0], [])


if __name__ == "__main__":
    unittest.main()
