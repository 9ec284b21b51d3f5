"""docs/tour/: every command of the lessons prints what they say; every exercise can be solved, and is not yet."""

import contextlib
import io
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import unittest

from command import Test

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts" / "tour"))
import tour

TOUR = TOP / "docs" / "tour"
SOLUTIONS = pathlib.Path(__file__).parent / "tour"
LESSONS = sorted(TOUR.glob("[0-9]-*.md"))
EXERCISES = sorted(path.name for path in (TOUR / "exercises").iterdir())

X = f"""#!/bin/sh
command=$1; shift
case $command in
  run) exec "$AXVM" run "$@" ;;
  axvm) exec "$AXVM" "$@" ;;
  tour) exec {shlex.quote(sys.executable)} -B {shlex.quote(str(TOP))}/scripts/tour/tour.py --axvm "$AXVM" --guests "$AXVM_GUESTS" --work tour "$@" ;;
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
        """As ./x tour, in this process, which is faster."""
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()) as out, \
                contextlib.redirect_stderr(out):
            status = tour.main(["--axvm", os.environ["AXVM"], "--guests", os.environ["AXVM_GUESTS"],
                                "--work", "tour", *arguments])
        return status, out.getvalue().splitlines()

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

    def test_there_is_no_lesson_behind_the_last(self):
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
     "the guest does not end within 500000 instructions"),
    ("1", "guest.S", "lsr     w1, w0, #16", "ldr     w1, [x3, #8]\n    lsr     w1, w0, #16",
     "the second exit is not a store to the PL011's data register"),
    ("1", "guest.S", "_start:", "_start:  mistake",
     "tour/1/guest.S cannot be built: see above"),
    ("1", "machine.toml", "cpu_num = 1", "cpu_num = 0",
     "tour/1/machine.toml:7:11: base.cpu_num: is 0, expected an integer from 1 to 64"),
    ("2", "machine.toml", "0x20_0000, 0x3", "0x10_0000, 0x3",
     "the guest fails at its buffer; the abort that the VMM injects says where"),
    ("2", "machine.toml", "0x1000, 0x3", "0x1000, 0x1",
     "the guest fails at its log; the abort that the VMM injects says where"),
    ("2", "machine.toml", "0x20_0000, 0x3", "0x80_0000, 0x3",
     "the guest has 0x4801000 bytes of memory, expected 64 MiB, 2 MiB and 4 KiB"),
    ("2", "machine.toml", "[0x4800_0000, 0x20_0000, 0x3, 0]",
     "{gpa = 0x4800_0000, size = 0x20_0000, flags = 0x7, map_type = 0}",
     "the buffer or the log may be executed"),
    ("2", "machine.toml", "0x20_0000, 0x3", "0x20_0000, 0x7",
     "the buffer or the log may be executed"),
    ("3", "15.toml", 'stage2 = "vmsa-4k-48/2M"', 'stage2 = "vmsa-4k-48/4K"',
     "walks of 15.toml read 19 descriptors, expected 15"),
    ("3", "8.toml", "vmsa-4k-48", "vmsa-4k-39",
     "8.toml has stage1 = 'vmsa-4k-39/1G', expected vmsa-4k-48 with leaves of one size"),
    ("3", "8.toml", '"bare"', '["bare", "bare"]', "8.toml is not one point with the profile bare"),
    ("3", "8.toml", '"bare"', '"fast"',
     "tour/3/8.toml:5:11: sweep.profile: is \"fast\", expected the name of a file in tour/3/profiles"),
    ("4", "pages.c", "publish_tables()", "invalidate_all()",
     "give makes the TLB forget another page of the same ASID"),
    ("4", "pages.c", "*entry = 0;\n  invalidate_page(va, asid);", "*entry = 0;\n  invalidate_asid(asid);",
     "take makes the TLB forget another page of the same ASID"),
    ("4", "pages.c", "READ_ONLY;\n  invalidate_page(va, asid);", "READ_ONLY;\n  invalidate_page(va, 0);",
     "after protect the page can still be written"),
    ("4", "pages.c", "  *entry = 0;\n", "",
     "after take the page can still be read"),
    ("4", "pages.c", "*entry = 0;\n  invalidate_page(va, asid);",
     "*entry = 0;\n  __asm__ volatile(\"tlbi vaae1, %0\" ::\"r\"(va >> 12) : \"memory\");",
     "take makes the TLB forget the page at the same address in another ASID"),
    ("4", "pages.c", "*entry = descriptor", "*(uint64_t*)0xc0000000 = descriptor",
     "after give the page cannot be read"),
    ("5", "steps.c", "{BREAK, DSB, TLBI_ALL, DSB, COPY, MAKE, DSB}", "{COPY, BREAK, DSB, TLBI_ALL, DSB, MAKE}",
     "what CPU 1 has counted between COPY and the end is lost"),
    ("5", "steps.c", "{BREAK, DSB, TLBI_ALL, DSB, COPY, MAKE, DSB}", "{BREAK, DSB, TLBI_ONE, DSB, COPY, MAKE}",
     "TLBI_ONE reaches CPU 1 only because this VMM sets HCR_EL2.FB: by itself it would not"),
    ("5", "steps.c", "{BREAK, DSB, TLBI_ALL, DSB, COPY, MAKE, DSB}", "{DSB, TLBI_ALL, DSB, BREAK, COPY, MAKE}",
     "CPU 1 uses the block while the entry is a table, after MAKE"),
    ("5", "steps.c", "BREAK, DSB, TLBI_ALL", "BREAK, TLBI_ALL",
     "no DSB between BREAK and TLBI_ALL: CPU 1 may not see the break yet, and walk to A again"),
    ("5", "steps.c", "TLBI_ALL, DSB, COPY", "TLBI_ALL, COPY",
     "no DSB between TLBI_ALL and COPY: CPU 1 may not have forgotten A yet"),
    ("5", "steps.c", "COPY, MAKE, DSB", "COPY", "the page was not moved"),
    ("6", "put.c", "n % UART_FIFO == 0", "n % 2 == 0", "there are 901 exits, expected 645 at most"),
    ("6", "put.c", "n % UART_FIFO == 0", "n == 0",
     "a character is sent that a PL011 might have no room for"),
    ("6", "put.c", " | UART_LCR_H_FEN", "",
     "a character is sent that a PL011 might have no room for"),
    ("6", "put.c", "n < length", "n + 1 < length",
     "the console does not show the text, or not only the text"),
    ("7", "walk.toml", "0x140004d7", "0x140004c7",
     "VU-mode's load: load guest-page fault at level 0 of the G-stage"),
    ("7", "walk.toml", "0x14000cd7", "0",
     "VU-mode's load: load guest-page fault at level 0 of the G-stage"),
    ("7", "walk.toml", "0x20000cd7", "0x20000cc7",
     "VU-mode's load: load page fault at level 0 of the VS-stage"),
    ("7", "walk.toml", "0x20000cd7", "0x20000c57",
     "VU-mode's store: store/AMO page fault at level 0 of the VS-stage"),
    ("7", "walk.toml", "0x14000cd7", "0x140008d7",
     "GVA 0x10203040 is at PA 0x50002040, expected 0x50003040"),
    ("7", "walk.toml", "0x10001401", "0x140000d7", "the walk reads 11 entries, expected 15"),
    ("7", "walk.toml", "vsstatus = 0", "vsstatus = 0x40000", "VS-mode may rw- there, expected ---"),
    ("7", "walk.toml", "0x14000cd7", "0x14000cdf", "the G-stage permits rwx there, expected rw-"),
    ("7", "walk.toml", "hgatp = ", "sstatus = 0 #",
     "VS-stage level 2: the table is in no dump, expected --memory with it"),
    ("7", "walk.toml", "hgatp", "hgat",
     "tour/7/walk.toml:7:8: hgat: is no register that translation depends on, expected perhaps hgatp"),
]

if __name__ == "__main__":
    unittest.main()
