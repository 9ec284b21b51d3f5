"""docs/explain.md: what it shows is what comes out. A line of "…" stands for any lines."""

import os
import shlex
import subprocess
import unittest

from command import CONFIGS

ROOT = CONFIGS.parent


def examples():
    """Blocks of docs/explain.md that begin with a command, as lists of lines."""
    blocks, block = [], None
    for line in (ROOT / "docs" / "explain.md").read_text().splitlines():
        if line.startswith("    $ axvm "):
            block = [line[4:]]
            blocks.append(block)
        elif block is not None and line.startswith("    "):
            block.append(line[4:])
        elif line:
            block = None
    return blocks


def matches(shown, said):
    if not shown:
        return not said
    if shown[0].strip() == "…":
        return any(matches(shown[1:], said[n:]) for n in range(len(said) + 1))
    return bool(said) and shown[0] == said[0] and matches(shown[1:], said[1:])


class Docs(unittest.TestCase):
    maxDiff = None

    def test_each_example_comes_out(self):
        self.assertGreater(len(examples()), 3)
        for command, *shown in examples():
            with self.subTest(command):
                arguments = shlex.split(command.removeprefix("$ axvm "))
                done = subprocess.run([os.environ["AXVM"], *arguments], cwd=ROOT, text=True,
                                      stdin=subprocess.DEVNULL, capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                said = [line for line in done.stdout.splitlines() if line]
                self.assertTrue(matches(shown, said), f"shown:\n{chr(10).join(shown)}\nsaid:\n{done.stdout}")


if __name__ == "__main__":
    unittest.main()
