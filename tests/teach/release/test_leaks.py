"""Each kind of leak is planted, and named with its file and line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.course import load_course
from grader.course.model import Course
from grader.quiz.sealed import seal
from grader.teach.release.edition import edition_of, files_of
from grader.teach.release.leaks import Leak, by_source, search
from tests.quiz.every_type import FILE, QUIZ
from tests.teach.release import courses

README = "exercises/toolbox/README.md"
STUB = "exercises/toolbox/toolbox.py"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return load_course(courses.with_quiz(tmp_path_factory.mktemp("leaks")))


@pytest.fixture
def practice(course: Course) -> dict[str, bytes]:
    return files_of(course, edition_of(course), "exam")


@pytest.fixture
def exam(course: Course) -> dict[str, bytes]:
    return files_of(course, edition_of(course, quizzes="exam"), "exam")


def only_lines(path: Path, course: Course) -> Iterator[str]:
    """The lines of a solution that stand in no public file, nor in another kind of solution."""
    others = {
        line.strip()
        for file in course.root.rglob("*.*")
        if file != path and file.suffix in (".py", ".md")
        for line in file.read_text("utf-8").splitlines()
    }
    return (line for line in path.read_text("utf-8").splitlines() if line.strip() not in others and "(" in line)


def planted(files: dict[str, bytes], name: str, text: str) -> tuple[dict[str, bytes], int]:
    """The files with a line of text after one of them, and the number of that line."""
    before = files[name].decode().rstrip("\n")
    return files | {name: f"{before}\n{text}\n".encode()}, before.count("\n") + 2


def test_nothing_leaks_into_an_edition(course: Course, practice: dict[str, bytes], exam: dict[str, bytes]) -> None:
    assert search(course, practice).leaks == ()
    assert search(course, practice).packed == (courses.QUIZ,)
    assert search(course, exam).leaks == search(course, exam).packed == ()


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("toolbox.py", "the reference"),
        ("test_hidden.py", "a hidden test"),
        ("mistakes.py", "a known mistake"),
        ("variants.py", "a variant"),
    ],
)
def test_a_line_of_a_solution(course: Course, practice: dict[str, bytes], file: str, what: str) -> None:
    line = next(only_lines(course.root / "solutions/toolbox" / file, course))
    files, number = planted(practice, README, f"        {line.strip()}")
    assert search(course, files).leaks == (
        Leak(README, number, f"a line of {what} of toolbox", " ".join(line.split())),
    )


def test_a_line_of_what_lies_beside_a_reference(tmp_path: Path) -> None:
    root = courses.with_quiz(tmp_path)
    (root / "solutions/toolbox/equivalents.yaml").write_text("- function: scale\n  was: x * f\n")
    beside = load_course(root)
    files, number = planted(files_of(beside, edition_of(beside), ""), README, "was: x * f")
    assert search(beside, files).leaks == (Leak(README, number, "a line of the solution of toolbox", "was: x * f"),)


def test_a_line_within_another(course: Course, practice: dict[str, bytes]) -> None:
    lines = only_lines(course.root / "solutions/toolbox/test_hidden.py", course)
    line = " ".join(next(each for each in lines if len(each.strip()) > 30).split())
    files, number = planted(practice, "lessons/01-tools/2-leaks.md", f'"source": ["{line}\\n"],')
    (leak,) = search(course, files).leaks
    assert (leak.file, leak.line, leak.text) == ("lessons/01-tools/2-leaks.md", number, line)


def test_a_line_that_lessons_quote_is_none(course: Course, tmp_path: Path, practice: dict[str, bytes]) -> None:
    line = next(only_lines(course.root / "solutions/toolbox/toolbox.py", course))
    root = courses.with_quiz(tmp_path)
    part = root / "lessons/01-tools/2-leaks.md"
    part.write_text(f"{part.read_text('utf-8')}\nOne writes `{line.strip()}`.\n", "utf-8")
    quoting = load_course(root)
    files, _ = planted(files_of(quoting, edition_of(quoting), ""), README, f"{line} #")
    assert [leak.text for leak in search(quoting, files).leaks if len(leak.text) >= 24] == []


def test_a_whole_solution_is_listed_by_its_first_lines(course: Course, practice: dict[str, bytes]) -> None:
    name = "solutions/toolbox/test_hidden.py"
    found = search(course, practice | {name: (course.root / name).read_bytes()})
    sources = {shown[0].what: (shown, more) for shown, more in by_source(found.leaks)}
    shown, more = sources["a line of a hidden test of toolbox"]
    assert [each.file for each in shown] == [name] * 3
    assert more > 20


def test_a_stub_that_is_written(course: Course, practice: dict[str, bytes]) -> None:
    files = practice | {STUB: b"def scale(x, factor):\n    return 7\n"}
    assert Leak(STUB, 1, "no untouched stub of toolbox") in search(course, files).leaks


def test_a_stub_that_is_written_in_the_course_is_no_public_text(tmp_path: Path) -> None:
    root = courses.with_quiz(tmp_path)
    whole = load_course(root)
    files = files_of(whole, edition_of(whole), "")
    reference = (root / "solutions/toolbox/toolbox.py").read_bytes()
    (root / STUB).write_bytes(reference)
    found = search(whole, files | {STUB: reference})
    assert {"no untouched stub of toolbox", "a line of the reference of toolbox"} <= {each.what for each in found.leaks}


@pytest.mark.parametrize("name", ["exercises/toolbox/__pycache__/test_hidden.pyc", "work.zip"])
def test_what_cannot_be_read(course: Course, practice: dict[str, bytes], name: str) -> None:
    assert search(course, practice | {name: b"\xcb\r\r\n\x00\xff"}).leaks == (
        Leak(name, 1, "neither text nor a file of the course that students get"),
    )


# Quizzes


def test_an_open_quiz(course: Course, practice: dict[str, bytes]) -> None:
    found = search(course, practice | {courses.QUIZ: FILE.read_bytes()})
    keys = {each.text.partition(":")[0] for each in found.leaks if each.what == "a key of a quiz"}
    assert {"answer", "explanation"} <= keys
    assert any("correct: true" in each.text for each in found.leaks if each.what == "a key of a quiz")
    assert found.packed == ()


def test_an_explanation_however_its_lines_are_broken(course: Course, exam: dict[str, bytes]) -> None:
    question = max(QUIZ.questions, key=lambda each: len(each.explanation))
    words = question.explanation.split()
    broken = "\n".join(f"  # {' '.join(words[i : i + 3])}" for i in range(0, len(words), 3))
    files, number = planted(exam, "quiz-tools.yaml", broken)
    first = search(course, files).leaks[0]
    assert (first.file, first.line) == ("quiz-tools.yaml", number)
    assert first.what == f"an explanation of the quiz {QUIZ.title}"


def test_an_answer_in_a_form(course: Course, exam: dict[str, bytes]) -> None:
    text = exam["quiz-tools.yaml"].decode()
    question = next(iter(line for line in text.splitlines() if line.startswith("  ") and line.endswith(":")))
    answered = text.replace(f"\n{question}\n", f"\n{question} 2\n")
    name = question.strip(" :")
    assert search(course, exam | {"quiz-tools.yaml": answered.encode()}).leaks == (
        Leak("quiz-tools.yaml", text.splitlines().index(question) + 1, f"an answer to {name}", f"{name}: 2"),
    )


def test_an_answer_in_a_text(course: Course, practice: dict[str, bytes]) -> None:
    name = QUIZ.questions[0].id
    for text in (f"{name}: 7", f"  - `{name}` = 7", f"| {name} | 7 |"):
        files, number = planted(practice, "README.md", text)
        assert search(course, files).leaks == (Leak("README.md", number, f"an answer to {name}", text.strip()),)


def test_a_packed_quiz_that_the_course_has_not(course: Course, practice: dict[str, bytes]) -> None:
    other = seal("T", FILE.read_bytes() + b"# and more\n")
    what = "packed, and not a quiz of the course as it is now"
    assert search(course, practice | {courses.QUIZ: other}).leaks == (Leak(courses.QUIZ, 1, what),)
    elsewhere = seal("T", FILE.read_bytes())
    assert search(course, practice | {"x.yaml": elsewhere}).leaks == (Leak("x.yaml", 1, what),)
