"""Keeps the screens of docs/students.md true: plays the student of the page, and writes down what is shown.

    python docs/students.py            writes the screens again
    python docs/students.py --check    ends with 1 if one of them has changed, apart from times

A block of Python in the document is what the student writes: each function replaces the one of its name, in the
exercise that was read last. In a block that begins with $, each line that begins with $ is a command, and below it is
what it shows in a terminal of 80 columns. A screen that ends with a line … keeps as many lines as it has.
"""

import argparse
import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from terminal import screen

PAGE = Path(__file__).with_name("students.md")
ROWS, COLUMNS = 60, 80
SCREEN = re.compile(r"^(?=\$ )", re.MULTILINE)  # where one begins
CUT = "…"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIME = re.compile(r"\d+ tests? in [\d.]+ s|Python [\d.]+, torch \S+ archgrade\s+\S+|\d{4}-\d\d-\d\d|\d\d:\d\d")


def main() -> None:
    """Plays the page through."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    before = PAGE.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        after = played(before, Path(folder).resolve())
    if not check:
        PAGE.write_text(after, "utf-8")
    elif timeless(before) != timeless(after):
        sys.exit("Screens of docs/students.md have changed; python docs/students.py writes them again.")


def played(page: str, folder: Path) -> str:
    """Return the page with the screens of a student who follows it in this folder."""
    student = Student(folder)

    def block(found: re.Match[str]) -> str:
        language, text = found.groups()
        if language == "python":
            student.writes(text)
        elif text.startswith("$ "):
            screens = (again(student, each) for each in SCREEN.split(text) if each)
            return f"```{language}\n{''.join(screens)}```"
        return found[0]

    try:
        return BLOCK.sub(block, page)
    finally:
        student.leaves()


def again(student: "Student", shown: str) -> str:
    """Have the student run the command of a screen again, and return the new screen, cut where the old one was."""
    line, *before = shown.rstrip("\n").split("\n")
    after = student.runs(line)
    if not before or before[-1].strip() != CUT:
        return after
    return "\n".join([*after.split("\n")[: len(before)], before[-1], ""])


def timeless(text: str) -> str:
    """Return a page without times."""
    return re.sub(r"\s+", " ", TIME.sub("", re.sub(r"\s+", " ", text)))


class Student:
    """Somebody in a terminal, with progress of their own."""

    def __init__(self, folder: Path):
        self._folder = self._place = folder
        self._exercise = ""
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(folder),  # of the warm process that a first grading leaves behind
            "PAGER": "cat",
        }

    def writes(self, text: str) -> None:
        """Replace functions by those of the same names, in the file of the exercise that was started last."""
        file = self._place / "exercises" / self._exercise / f"{self._exercise}.py"
        lines = file.read_text("utf-8").splitlines(keepends=True)
        for new in ast.parse(text).body:
            assert isinstance(new, ast.FunctionDef)
            old = next(each for each in ast.parse("".join(lines)).body if getattr(each, "name", "") == new.name)
            assert old.end_lineno is not None
            code = text.splitlines(keepends=True)[new.lineno - 1 : new.end_lineno]
            lines[old.lineno - 1 : old.end_lineno] = code
        file.write_text("".join(lines), "utf-8")

    def runs(self, line: str) -> str:
        """Return a command and what it shows."""
        words = line.removeprefix("$ ").split()
        if words[0] == "cd":
            self._place /= words[1]
            return f"{line}\n"
        if words[1:2] == ["read"]:
            self._exercise = words[2]
        return f"{line}\n{self._shown(words)}"

    def leaves(self) -> None:
        """Kill the warm process."""
        command = ["grade", "warm", "--stop"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, cwd=self._place, env=self._environment)

    def _shown(self, words: list[str]) -> str:
        shown = screen(words, cwd=self._place, env=self._environment, rows=ROWS, columns=COLUMNS)
        return plain(shown.replace(str(self._folder), "/home/ada"))


def plain(shown: str) -> str:
    """Return what is shown, without colors and surrounding empty lines."""
    lines = click.unstyle(shown).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


if __name__ == "__main__":
    main()
