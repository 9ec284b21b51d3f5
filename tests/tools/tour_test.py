"""docs/tour/: every command of the lessons prints what they say; every exercise can be solved, and is not yet."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from command import Test

TOP = pathlib.Path(__file__).resolve().parents[2]
TOUR = TOP / "docs" / "tour"
SOLUTIONS = pathlib.Path(__file__).parent / "tour"
LESSONS = sorted(TOUR.glob("[0-9]-*.md"))
EXERCISES = sorted(path.name for path in (TOUR / "exercises").iterdir())

X = f"""#!/bin/sh
command=$1; shift
case $command in
  run) exec "$AXVM" run "$@" ;;
  axvm) exec "$AXVM" "$@" ;;
  tour) exec {sys.executable} -B {TOP}/scripts/tour --axvm "$AXVM" --guests "$AXVM_GUESTS" --work tour "$@" ;;
esac
"""


def commands_of(text):
    """Each command of the fenced blocks, with the output that is shown for it."""
    for block in re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = command.partition("\n")
            yield line, output


def pattern_of(output):
    """Matches the output: a line of … is any lines, … in a line any characters of it."""
    pattern = ""
    for line in output.splitlines():
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += r"[^\n]*".join(map(re.escape, line.split("…"))) + r"\n"
    return re.compile(pattern)


class Tour(Test):
    """A folder that looks like the repository, where commands may write."""

    def setUp(self):
        super().setUp()
        for name in ("configs", "docs", "guests"):
            (self.folder / name).symlink_to(TOP / name)
        self.file("x", X).chmod(0o755)

    def shell(self, command):
        return subprocess.run(["bash", "-c", command], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, check=False)

    def tour(self, *arguments):
        done = self.shell(" ".join(["./x", "tour", *arguments]))
        return done.returncode, done.stdout.splitlines()

    def copy(self, number, *folders):
        work = self.folder / "tour" / number
        for folder in folders:
            shutil.copytree(folder, work, dirs_exist_ok=True)
        return work


class Lessons(Tour):
    def test_every_command_prints_what_the_lesson_shows(self):
        for lesson in LESSONS:
            commands = list(commands_of(lesson.read_text()))
            self.assertGreaterEqual(len(commands), 2, lesson.name)
            for line, shown in commands:
                with self.subTest(lesson=lesson.name, command=line):
                    done = self.shell(line)
                    self.assertNotEqual(shown, "")
                    if not pattern_of(shown).fullmatch(done.stdout):
                        self.assertEqual(done.stdout, shown)

    def test_a_difference_of_one_character_is_noticed(self):
        _, shown = next(commands_of(LESSONS[0].read_text()))
        self.assertTrue(pattern_of(shown).fullmatch(shown))
        for place in range(0, len(shown), 97):
            self.assertFalse(pattern_of(shown).fullmatch(shown[:place] + "#" + shown[place + 1:]))

    def test_lessons_and_their_list_are_complete(self):
        readme = (TOUR / "README.md").read_text()
        for number, lesson in enumerate(LESSONS, 1):
            text = lesson.read_text()
            title = text.splitlines()[0].removeprefix("# ")
            self.assertTrue(title.startswith(f"{number} "), title)
            self.assertIn(f"| [{title}]({lesson.name}) |", readme)
            for heading in ("## What is seen, and why", "## Exercise", "## What to look at next"):
                self.assertIn(heading + "\n", text)
            self.assertIn(f"$ ./x tour {number}\n", text)
        self.assertEqual(EXERCISES, [str(number + 1) for number in range(len(LESSONS))])
        status, lines = self.tour()
        self.assertEqual((status, len(lines)), (0, len(LESSONS)))

    def test_links_lead_to_files(self):
        for page in [TOUR / "README.md", *LESSONS]:
            for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", page.read_text()):
                self.assertTrue((TOUR / link).exists(), f"{page.name}: {link}")

    def test_there_is_no_seventh_lesson(self):
        number = str(len(LESSONS) + 1)
        expected = f"tour: there is no lesson '{number}', expected 1 to {len(LESSONS)}"
        self.assertEqual(self.tour(number), (2, [expected]))


class Exercises(Tour):
    def test_each_is_unsolved_in_the_repository_and_says_what_is_missing(self):
        for number in EXERCISES:
            with self.subTest(exercise=number):
                status, lines = self.tour(number)
                self.assertEqual((status, len(lines)), (1, 2))
                self.assertTrue(lines[1].startswith("missing: "), lines)

    def test_each_passes_with_its_solution(self):
        for number in EXERCISES:
            with self.subTest(exercise=number):
                self.copy(number, TOUR / "exercises" / number, SOLUTIONS / number)
                self.assertEqual(self.tour(number), (0, ["pass"]))

    def test_each_way_to_get_it_wrong_is_named(self):
        for number, name, old, new, missing in MISTAKES:
            with self.subTest(exercise=number, missing=missing):
                work = self.copy(number, TOUR / "exercises" / number, SOLUTIONS / number)
                text = (work / name).read_text()
                self.assertIn(old, text)
                (work / name).write_text(text.replace(old, new))
                status, lines = self.tour(number)
                self.assertEqual((status, lines[-1]), (1, f"missing: {missing}"))


# Exercise, file, and what is replaced in its solution.
MISTAKES = [
    ("1", "guest.S", "add     w1, w1, #'0'", "nop",
     "the console shows '\\x01', expected the major version, '1'"),
    ("1", "guest.S", "str     w1, [x2]", "nop",
     "the second exit is not a store to the PL011's data register"),
    ("1", "guest.S", "add     w0, w0, #8\n    hvc     #0", "hvc     #0\n    b       .",
     "the guest does not end within 2000000 instructions"),
    ("1", "guest.S", "lsr     w1, w0, #16", "ldr     w1, [x3, #8]\n    lsr     w1, w0, #16",
     "the second exit is not a store to the PL011's data register"),
    ("1", "guest.S", "_start:", "_start:  mistake",
     "tour/1/guest.S cannot be built: see above"),
    ("1", "machine.toml", "cpu_num = 1", "cpu_num = 0",
     "tour/1/machine.toml:7:11: base.cpu_num: is 0, expected an integer from 1 to 64"),
]

if __name__ == "__main__":
    unittest.main()
