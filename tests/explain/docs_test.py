"""docs/explain.md and README.md: what they show of explain is what comes out. A line of "…" or "..." stands for any
lines."""

import os
import re
import subprocess
import textwrap
import unittest

from command import CONFIGS, Test

ROOT = CONFIGS.parent
PROMPTS = ("$ axvm ", "$ ./x axvm ")


def blocks(text):
    """Blocks of code, indented or fenced, that begin with a command of axvm: lists of lines."""
    # A paragraph of the text ends a block, a blank line does not.
    indented = re.findall(r"^(?:    .*\n(?:\n(?=    ))*)+", text, re.MULTILINE)
    fenced = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for block in [textwrap.dedent(block) for block in indented] + fenced:
        if block.startswith(PROMPTS):
            yield [line for line in block.splitlines() if line]


def commands(block):
    """Each command of a block, with the lines that are shown for it."""
    found = []
    for line in block:
        if line.startswith("$ "):
            found.append((line, []))
        else:
            found[-1][1].append(line)
    return found


def examples():
    yield from blocks((ROOT / "docs" / "explain.md").read_text())
    for block in blocks((ROOT / "README.md").read_text()):
        if " explain " in block[0]:
            yield block


def matches(shown, said):
    if not shown:
        return not said
    if shown[0].strip() in ("…", "..."):
        return any(matches(shown[1:], said[n:]) for n in range(len(said) + 1))
    return bool(said) and shown[0] == said[0] and matches(shown[1:], said[1:])


class Docs(Test):
    maxDiff = None

    def setUp(self):
        super().setUp()
        for name in ("configs", "docs", "guests"):
            (self.folder / name).symlink_to(ROOT / name)

    def shell(self, command):
        command = f'"$AXVM" {command.removeprefix("$ ").removeprefix("./x ").removeprefix("axvm ")}'
        return subprocess.run(["bash", "-c", command], cwd=self.folder, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              env=os.environ)

    def test_each_example_comes_out(self):
        found = list(examples())
        self.assertGreater(len(found), 6)
        self.assertGreater(sum(block[0].startswith("$ ./x ") for block in found), 1)
        for block in found:
            for command, shown in commands(block):
                with self.subTest(command):
                    done = self.shell(command)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    said = [line for line in done.stdout.splitlines() if line]
                    self.assertTrue(matches(shown, said),
                                    f"shown:\n{chr(10).join(shown)}\nsaid:\n{done.stdout}")


if __name__ == "__main__":
    unittest.main()
