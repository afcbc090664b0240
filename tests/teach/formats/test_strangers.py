"""Hostile text and secrets in every format."""

import html
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from grader.teach.formats import FORMATS, write
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.model import Book
from grader.teach.handins.handin import Student
from tests import classes
from tests.paths import TOOLBOX
from tests.teach.formats import books

WORKSHEET = "Identifier,Full name,Grade,Maximum Grade,Feedback comments\nParticipant 1,x,,100.00,\n"
HIDING = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # controls, direction marks, surrogates

WORDS = "=cmd()|' /c'!A0;=1\r\n::error::forged\n##[error]x\x1b[31m\0\u202e\u2028"
WORDS += "]]><script>alert(1)</script>`|**x**![y](z)"
EVIL = Student(id=WORDS, name=WORDS + "\udce9", email=f"@{WORDS}", login=f"-1+1{WORDS}")

MISTAKEN = {  # each test fails somewhere else: in what it compares, in its own lines, in the student's
    "none": "def scale(x, factor): pass\ndef mix(scores, values): pass\ndef pick(items, place): pass\n"
    "def merge(parts): pass\ndef Gate(size): pass\n",
    "words": "def scale(x, factor): return 'x'\ndef mix(scores, values): return values\n"
    "def pick(items, place): return 22\ndef merge(parts): return parts\n"
    "class Gate:\n    def __init__(self, size): self.weight = 0\n",
    "raises": "def scale(x, factor): raise ValueError('mine alone, to be seen')\n"
    "def mix(scores, values): return 1 / 0\ndef pick(items, place): return items['a']\n"
    "def merge(parts): return parts.nothing\ndef Gate(size): raise KeyError(size)\n",
    "dies": "import os\ndef scale(x, factor): os._exit(0)\ndef mix(scores, values):\n    while True: pass\n",
    "syntax": "def scale(x, factor:\n",
}
BROKEN = '''

@points(1)
def test_of_ours_is_broken(submission):
    """what no submission passes"""
    nothing_is_called_so = submission.pick([5, 6, 7], 2).an_attribute_that_no_number_has
'''


TEXTS = [name for name in FORMATS if name != "moodle-feedback"]  # a zip of the feedback pages


def export(name: str, book: Book, out: Path) -> list[Path]:
    """Write a gradebook in a format, and return the files."""
    template = out / "worksheet.csv"
    out.mkdir(exist_ok=True)
    template.write_text(WORKSHEET, "utf-8")
    return write(name, book, out / name, template if FORMATS[name].needs_template else None)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


def texts(path: Path) -> str:
    """Return the text that a reader of the file sees."""
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return "\n".join(strings(json.loads(text)))
    if path.suffix == ".xml":
        root = ElementTree.fromstring(text)
        return "\n".join([*root.itertext(), *(value for each in root.iter() for value in each.attrib.values())])
    return html.unescape(re.sub(r"<[^>]*>", "", text) if path.suffix == ".html" else text)


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_is_visible_and_not_executed(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "HOSTILE", WORDS)
    grades = [
        books.grade(EVIL, books.MOE, books.hostile(), reasons=(WORDS,), adjustment=1.0, error=WORDS),
        books.grade(EVIL, books.QUIZ, books.quiz(0.0, 1.0, 0.0)),
        books.grade(EVIL, books.ROPE, None, error=WORDS),
    ]
    written = export(name, books.book(*grades), tmp_path)
    said = capsys.readouterr()
    content = {path: path.read_text("utf-8") for path in written}
    for text in (said.out, said.err, *content.values()):
        assert not [char for char in text if char != "\n" and unicodedata.category(char) in HIDING]
    assert not [path for path, text in content.items() if path.suffix in (".html", ".xml") and "<script" in text]
    ours = re.compile(r"::error (file=[^:]*,)?title=[^:]*::|note: |$")
    assert all(ours.match(line) for line in (said.out + said.err).split("\n"))
    assert "##[" not in re.sub(r"(?m)^::error .*", "", said.out + said.err)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """Grade a class in which every test fails, some in lines of the hidden tests, and one test is broken."""
    folder = tmp_path_factory.mktemp("class")
    course = classes.make_course(folder)
    with (course / "solutions/toolbox/test_hidden.py").open("a", encoding="utf-8") as file:
        file.write(BROKEN)
    done = classes.batch(course, classes.hand_in(folder, MISTAKEN), "--out", folder / "out", "--isolation", "process")
    assert done.returncode == 3, done.stderr  # the broken test is a fault of the grader
    with Gradebook(folder / "out") as gradebook:
        yield gradebook.book()


def squeezed(text: str) -> str:
    """Keep only letters and digits, so that escapes, line breaks and marks do not matter."""
    return re.sub(r"[\W_]+", "", text)


def secret_lines() -> list[str]:
    """Return the lines of files that students do not receive, except lines and texts that they do receive."""
    solution, exercise = TOOLBOX / "solutions/toolbox", TOOLBOX / "exercises/toolbox"
    received = squeezed("\n".join(path.read_text("utf-8") for path in exercise.iterdir() if path.is_file()))
    code = "".join(path.read_text("utf-8") for path in sorted(solution.glob("*.py"))) + BROKEN
    code = re.sub(r'""".*?"""', "", code, flags=re.DOTALL)  # what a test is about, and advice
    lines = {squeezed(line) for line in code.splitlines()}
    return sorted(line for line in lines if len(line) >= 15 and line not in received)


@pytest.mark.parametrize("name", TEXTS)
def test_no_line_of_hidden_tests_or_solutions_is_shown(name: str, graded: Book, tmp_path: Path) -> None:
    written = squeezed("\n".join(texts(path) for path in export(name, graded, tmp_path)))
    secret = secret_lines()
    assert squeezed("submission.pick([5, 6, 7], 2).an_attribute_that_no_number_has") in "".join(secret)
    assert len(secret) > 30
    assert [line for line in secret if line in written] == []
    if name in ("json", "junit", "gradescope", "prairielearn", "feedback"):  # which show lines, and this finds them
        assert squeezed("def scale(x, factor): raise ValueError('mine alone, to be seen')") in written
