"""axvm diff-trace"""

import json
import re
import unittest

from command import Test, config


class DiffTrace(Test):
    def trace(self, name, file, *options):
        path = self.folder / file
        self.axvm("run", config(name), "--quiet", "--trace", f"{path}:jsonl", *options)
        return path

    def test_two_runs_of_one_guest_agree(self):
        done = self.axvm("diff-trace", self.trace("hello", "a"),
                         self.trace("hello", "b", "--chaos", 3))
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertRegex(done.out, r"^[1-9][0-9]+ events agree\n$")

    def test_the_first_difference_is_explained(self):
        good = self.trace("hello", "good")
        events = [json.loads(line) for line in good.read_text().splitlines()]
        trap = [n for n, event in enumerate(events) if event["event"] == "TrapTaken"][2]
        events[trap]["registers"][1] = "0x999"
        events[trap]["syndrome"] = hex(int(events[trap]["syndrome"], 16) ^ 1 << 6)
        bad = self.file("bad", "".join(json.dumps(event) + "\n" for event in events))
        done = self.axvm("diff-trace", good, bad, "--config", config("hello"))
        self.assertEqual((done.status, done.err), (1, ""))
        self.assertRegex(done.out_lines[0], r"^event [0-9]+ differs:$")
        self.assertRegex(done.out, re.compile(r"^  ESR_EL2\.WnR +0x1 \(write\) +0x0 \(read\)$", re.M))
        self.assertRegex(done.out, re.compile(r"^  X1 +0x[0-9a-f]+ +0x999$", re.M))
        self.assertRegex(done.out, re.compile(r"^  > 0x4008[0-9a-f]+: stp xzr, xzr, \[x0\]", re.M))
        self.assertIn("the last events that agree:", done.out)

    def test_a_trace_that_ends_early_differs_there(self):
        whole = self.trace("hello", "whole")
        part = self.file("part", "".join(whole.read_text().splitlines(True)[:-1]))
        done = self.axvm("diff-trace", whole, part)
        self.assertEqual(done.status, 1)
        self.assertIn("(the end)", done.out)

    def test_what_is_no_trace(self):
        good = self.trace("hello", "good")
        text = self.folder / "text"
        self.axvm("run", config("hello"), "--quiet", "--trace", f"{text}:text")
        self.assert_rejected(self.axvm("diff-trace", good, text), f"{text}:1: is no JSON object")
        self.assert_rejected(self.axvm("diff-trace", "/no/such", good),
                             "/no/such: cannot be read: No such file or directory")
        self.assert_rejected(self.axvm("diff-trace", good, self.folder),
                             f"{self.folder}: cannot be read: Is a directory")
        self.assert_rejected(self.axvm("diff-trace", good), "B is required")


if __name__ == "__main__":
    unittest.main()
