"""Tests of `grade check lesson`, with one run on a lesson whose parts each have a different problem."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import small_lesson
from tests.command_line import error
from tests.small_lesson import FOLDER, GOOD, PATH, edited, line_of

CODE = "print(v.cumsum(0))"
BROKEN: dict[str, tuple[str, str, str]] = {
    # name of the part: its text, words on the line of the problem, the expected message
    "raises": (edited(CODE, "x = 1\nx / 0"), "x / 0", "ZeroDivisionError: division by zero."),
    "raises-in-a-function": (
        edited(CODE, "def f(x):\n    return x.cumsun(0)\n\nprint(f(v))"),
        "return x.cumsun",
        "AttributeError: 'Tensor' object has no attribute 'cumsun'.",
    ),
    "no-python": (edited(CODE, "x = 1\nprint(x"), "print(x", "SyntaxError: '(' was never closed."),
    "other-output": (
        edited("```output\ntensor([ 3.,  9., 18.])\n```\n\n", "```output\ntensor([ 3.,  9., 17.])\n```\n\n"),
        "17.])",
        "this line is 'tensor([ 3., 9., 17.])', but the code prints 'tensor([ 3., 9., 18.])'.",
    ),
    "longer-output": (
        edited(CODE, f"{CODE}\nprint('and this')"),
        "::: deep",  # the problem is on the line of the output, see OFFSETS
        "this line is nothing more, but the code prints 'and this'.",
    ),
    "no-output": (
        edited("\n```output\ntensor([ 3.,  9., 18.])\n```\n:::", ":::").replace("id: the-last", "id: no-output"),
        "::: deep",
        "this code prints, but there is no output below it",
    ),
    "nothing-printed": (edited(CODE, "v.cumsum(0)"), "::: deep", "the code above this output prints nothing."),
    "stray-output": (
        edited("```exercise", "```output\nx\n```\n\n```exercise"),
        "```exercise",
        "there is no code above this output, or that code already has an output.",
    ),
    "exits": (edited(CODE, "raise SystemExit(0)"), "raise SystemExit", "SystemExit: 0."),
    "reads": (
        edited(CODE, "open('{root}/course.yaml')"),
        "open('",
        "PermissionError: [Errno 13] Permission denied",
    ),
    "random": (edited(CODE, "print(torch.rand(1))"), "::: deep", "the output depends on the seed"),
    "prints-much": (edited(CODE, "print('x' * 100_000)"), "::: deep", "the code prints more than 64 KiB"),
    "unknown-picture": (
        edited("```picture sums", "```picture products"),
        "```picture products",
        "no function of pictures.py returns a picture 'products'.",
    ),
    "early-letter": (edited("$w_1$", "$S_1$"), "$S_1$", "the letter S is used here"),
    "stress": (edited("Running sums can", "They **really** can"), "really", "'really' is bold but not a term"),
    "long-line": (
        edited("```exercise", f"```text\n{'x' * 80}\n```\n\n```exercise"),
        "xxxx",
        "this line has 80 columns; 76 fit a terminal.",
    ),
}
OFFSETS = {  # from the line with those words to the line of the problem
    "longer-output": 10,
    "no-output": 3,
    "nothing-printed": 7,
    "stray-output": -4,
    "random": 3,
    "prints-much": 3,
}
PICTURES = """
def unused() -> Curves:
    return Curves("unused", "x", "x", "y", ())


def infinite() -> Curves:
    return Curves("infinite", "x", "x", "y", (Line("a", [0.0, 1.0], [1.0, float("inf")]),))


def nothing():
    return None


def raises() -> Curves:
    return _curves(no_such_name)


def again() -> Curves:
    return _curves([1.0, 2.0, 3.0])
"""


def check(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    command = [sys.executable, "-m", "grader.cli", "--course", str(root), "check", *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def part(place: int, name: str) -> str:
    return f"{FOLDER}/{place}-{name}.md"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the output of one run on all broken parts, with whitespace collapsed."""
    root = tmp_path_factory.mktemp("course")
    small_lesson.make(root)
    for place, (name, (text, _, _)) in enumerate(BROKEN.items(), start=2):
        # ids must be unique within the lesson
        own = text.replace("id: the-last", f"id: the-last-of-{name}").replace("{root}", str(root))
        (root / part(place, name)).write_text(own)
    pictures = root / FOLDER / "pictures.py"
    pictures.write_text(small_lesson.PICTURES + PICTURES)
    done = check(root, "lesson", "1")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert done.stdout.endswith("0 of 1 lessons pass.\n")
    assert max(map(len, done.stdout.split("\n"))) <= 77
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("name", BROKEN)
def test_reports_each_problem_with_file_and_line(report: str, name: str) -> None:
    text, words, what = BROKEN[name]
    place = 2 + list(BROKEN).index(name)
    line = line_of(text, words) + OFFSETS.get(name, 0)
    assert f"- {part(place, name)}:{line}: {what}" in report


def test_reports_nothing_for_a_valid_part(report: str) -> None:
    assert f"{PATH}:" not in report


def test_an_exception_stops_only_its_own_part(report: str) -> None:
    assert report.count("ZeroDivisionError") == 1
    assert report.count("SyntaxError") == 1


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("def sums(", "there is no {root}/pictures/sums.json; grade check --update lesson writes it."),
        ("def unused(", "no part shows the picture 'unused'."),
        ("def infinite(", "the picture 'infinite' has a number that is not finite."),
        ("def nothing(", "nothing returns one picture of grader.pictures, of plain numbers:"),
        ("return _curves(no_such_name)", "NameError: name 'no_such_name' is not defined."),
        ("def again(", "line 4 already returns a picture 'sums'."),
    ],
)
def test_reports_each_problem_of_a_picture_with_its_line(report: str, words: str, what: str) -> None:
    line = line_of(small_lesson.PICTURES + PICTURES, words)
    first = f"- {FOLDER}/pictures.py:{line}: "
    before, _, after = what.replace(" ", "").partition("{root}")  # the screen breaks long paths
    found = (each.replace(" ", "") for each in report.split(first)[1:])
    assert any(each.startswith(before) and after in each for each in found), report


def test_update_writes_missing_outputs_and_pictures_once(tmp_path: Path) -> None:
    small_lesson.make(tmp_path)
    without = GOOD.replace("```output\ntensor([ 3.,  9., 18.])\n```\n\n```picture", "```picture")
    without = without.replace("18.])", "0.])")
    (tmp_path / PATH).write_text(without)
    done = check(tmp_path, "--update", "lesson", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("written") == 2
    assert "1 of 1 lessons pass." in done.stdout
    assert (tmp_path / PATH).read_text() == GOOD
    picture = tmp_path / FOLDER / "pictures" / "sums.json"
    assert json.loads(picture.read_text())["lines"][0]["ys"] == [3.0, 9.0, 18.0]
    files = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (picture, tmp_path / PATH)}
    again = check(tmp_path, "--update", "lesson")
    assert (again.returncode, "written" in again.stdout) == (0, False)
    assert files == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_later_parts_import_code_whose_first_line_names_a_file(tmp_path: Path) -> None:
    small_lesson.make(tmp_path)
    module = edited(CODE, "# sums.py\ndef sums(x):\n    return x.cumsum(0)\n```\n\n```python\nprint(sums(v))")
    importing = edited(CODE, "from sums import sums\nprint(sums(v))").replace("id: the-last", "id: its-last")
    (tmp_path / PATH).write_text(module)
    (tmp_path / part(2, "more")).write_text(importing)
    assert check(tmp_path, "--update", "lesson", "1").returncode == 0
    (tmp_path / PATH).write_text(importing)
    (tmp_path / part(2, "more")).write_text(module)
    told = " ".join(check(tmp_path, "lesson", "1").stdout.split())
    assert f"- {PATH}:{line_of(importing, 'from sums')}: ModuleNotFoundError: No module named 'sums'" in told
    (tmp_path / PATH).write_text(module.replace("id: the-last", "id: its-last"))
    told = " ".join(check(tmp_path, "lesson", "1").stdout.split())
    what = f"sums.py is code of {PATH} already; choose another name."
    assert f"- {part(2, 'more')}:{line_of(module, '# sums.py') - 1}: {what}" in told


def test_an_invalid_part_does_not_hide_problems_of_others(tmp_path: Path) -> None:
    small_lesson.make(tmp_path)
    text = edited("answer: 18\n", "")
    (tmp_path / PATH).write_text(text)
    (tmp_path / part(2, "more")).write_text(edited("print(v.cumsum(0))", "1 / 0"))
    done = check(tmp_path, "lesson", "1")
    told = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert f"- {PATH}:{line_of(text, 'id: the-last')}: 'answer' is missing" in told
    assert f"- {part(2, 'more')}:39: ZeroDivisionError" in told


def test_checks_the_opening_as_the_page_before_lesson_1(tmp_path: Path) -> None:
    small_lesson.make(tmp_path)
    (tmp_path / FOLDER / "pictures.py").unlink()
    (tmp_path / PATH).write_text(edited("```picture sums\nThe sums grow.\n```\n", ""))
    opening = "\n".join(["---", "title: Opening", "---", "A running sum is to come.", GOOD.split(":::\n")[1]])
    (tmp_path / "lessons" / "opening.md").write_text(opening)
    done = check(tmp_path, "lesson")
    assert done.returncode == 1
    assert "1 of 2 lessons pass." in done.stdout
    told = " ".join(done.stdout.split())
    assert "lessons/opening.md:4: the term 'running sum' is used here for the first time" in told
    assert "✓ lesson 1" in done.stdout
    assert "lesson 1 " not in check(tmp_path, "lesson", "0").stdout


def test_reports_unused_picture_files_and_unexplained_terms(tmp_path: Path) -> None:
    small_lesson.make(tmp_path)
    kept = tmp_path / FOLDER / "pictures"
    kept.mkdir()
    (kept / "gone.json").write_text("{}")
    (tmp_path / "lessons" / "glossary.yaml").write_text(small_lesson.GLOSSARY.replace("lesson: 2", "lesson: 1"))
    done = check(tmp_path, "--update", "lesson", "sums")
    told = " ".join(done.stdout.split())
    assert "- lessons/glossary.yaml: lesson 1 should explain the term 'product', but does not contain it." in told
    assert f"- {FOLDER}/pictures/gone.json: no function of pictures.py returns this picture." in told
    assert told.count(" - ") == 2


def test_compares_links_with_the_references(tmp_path: Path) -> None:
    small_lesson.make(tmp_path)
    (tmp_path / FOLDER / "pictures.py").unlink()
    (tmp_path / PATH).write_text(edited("```picture sums\nThe sums grow.\n```\n", ""))
    assert check(tmp_path, "lesson").returncode == 0  # without the file, nothing is compared
    (tmp_path / "lessons" / "references.yaml").write_text(
        "- {link: 'https://example.org/paper', authors: Example, title: Sums}\n"
    )
    told = " ".join(check(tmp_path, "lesson").stdout.split())
    assert (
        f"- {PATH}:{line_of(GOOD, '[paper]')}: the link https://arxiv.org/abs/1706.03762 has no entry; add one to "
        "lessons/references.yaml." in told
    )
    assert "- lessons/references.yaml: no part links to https://example.org/paper; remove its entry." in told
    assert told.count(" - ") == 2


def test_does_not_look_for_unused_references_before_all_parts_are_read(tmp_path: Path) -> None:
    small_lesson.make(tmp_path)
    folder = tmp_path / "lessons" / "02-products"
    folder.mkdir()
    (folder / "1-products.md").write_text(edited("answer: 18\n", "answer: 18\nansver: 18\n"))
    (tmp_path / "lessons" / "references.yaml").write_text(
        "- {link: 'https://arxiv.org/abs/1706.03762', authors: Vaswani, title: Attention}\n"
        "- {link: 'https://example.org/paper', authors: Example, title: Sums}\n"
    )
    assert "no part links to" not in check(tmp_path, "lesson", "1").stdout  # lesson 2 may link to it
    told = check(tmp_path, "lesson", "2").stdout
    assert "unknown key 'ansver'" in told
    assert "no part links to" not in told  # the part that cannot be read may link to it


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("lesson", "2"), "Lesson 2, Products, has no parts to check."),
        (("2",), "Lesson 2, Products, has no quiz and no parts to check."),
        (("lesson", "0"), "This course has no page before its first lesson: there is no lessons/opening.md."),
        (("lesson", "sumz"), "No lesson 'sumz' in this course. Did you mean 'sums'?"),
        (("--update", "adding"), "--update writes into the text of lessons, but none is selected."),
    ],
)
def test_rejects_lessons_that_cannot_be_checked(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    small_lesson.make(tmp_path)
    assert error("--course", str(tmp_path), "check", *words) == sentence
