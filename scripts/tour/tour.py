"""./x tour [N]: lists the lessons of docs/tour/, or checks the exercise of one.

The files of an exercise are copied to the work folder when they are not there yet. Prints "pass"
(exit status 0), or what is missing in one line (exit status 1)."""

import argparse
import pathlib
import shutil
import sys

from checks import CHECKS
from exercise import Exercise, Missing

TOUR = pathlib.Path(__file__).resolve().parents[2] / "docs" / "tour"


def lesson_of(number):
    return next(TOUR.glob(f"{number}-*.md"))


def title_of(number):
    return lesson_of(number).read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def list_lessons(work):
    for number in CHECKS:
        begun = "begun" if (work / str(number)).exists() else ""
        print(f"{title_of(number):<32}{'docs/tour/' + lesson_of(number).name:<40}{begun}".rstrip())
    return 0


def check(number, work, axvm, guests):
    folder = work / str(number)
    if not folder.exists():
        shutil.copytree(TOUR / "exercises" / str(number), folder)
        print(f"The files of exercise {number} are now in {work.name}/{number}/; docs/tour/"
              f"{lesson_of(number).name} says what to do with them.")
    try:
        CHECKS[number](Exercise(folder, axvm, guests))
    except Missing as missing:
        print(f"missing: {missing}")
        return 1
    print("pass")
    return 0


def main(arguments):
    parser = argparse.ArgumentParser(prog="./x tour", allow_abbrev=False)
    parser.add_argument("lesson", nargs="?", metavar="N", help=f"1 to {len(CHECKS)}")
    for name in ("--axvm", "--guests", "--work"):
        parser.add_argument(name, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    work = pathlib.Path(options.work)
    if options.lesson is None:
        return list_lessons(work)
    if options.lesson not in map(str, CHECKS):
        print(f"tour: there is no lesson {options.lesson!r}, expected 1 to {len(CHECKS)}",
              file=sys.stderr)
        return 2
    return check(int(options.lesson), work, options.axvm, options.guests)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
