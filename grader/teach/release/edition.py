"""What a student's edition of a course consists of, and what stands in its files."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_bytes, read_text, shown
from grader.course.document import Document
from grader.course.glossary import glossary_path
from grader.course.lab_script import lab_signature as asked_by_lab
from grader.course.lesson.files import form_name, lesson_folder, opening, part_files, quiz_path
from grader.course.lesson.moving import moving_scripts
from grader.course.lesson.notation import notation_path
from grader.course.load import COURSE_FILE
from grader.course.model import Course, Exercise, Lesson, Syllabus
from grader.engine.submission.examine import is_untouched
from grader.quiz.attempt import drawn
from grader.quiz.form import form_text
from grader.quiz.load import load_quiz
from grader.quiz.sealed import seal

Quizzes = Literal["practice", "exam", "none"]
RELEASED = "\nreleased: true  # a student's edition: no solutions, and perhaps not all lessons and exercises\n"

_README = """\
# {title}

This is the student's edition of a course.

## For students

Install the grader, and ask it in this folder what there is and what comes next:

```
pip install archgrade
grade
```

`grade exercise ID` grades your file `exercises/ID/ID.py` by the public tests. There are others, which are not here:
they are run on what you hand in.
"""
_EXAM = """
{forms}: an exam. Write your answers into the file, and hand it in.
"""


class Edition(msgspec.Struct, frozen=True):
    """What students get."""

    lessons: tuple[Lesson, ...]  # whose texts and quizzes
    exercises: tuple[Exercise, ...]  # in the course's order
    added: tuple[Exercise, ...]  # those of them that others build on, and that were not asked for
    quizzes: Quizzes

    def quizzed(self, course: Course) -> tuple[Lesson, ...]:
        """The lessons whose quizzes are in it."""
        have = (lesson for lesson in self.lessons if quiz_path(course, lesson).is_file())
        return () if self.quizzes == "none" else tuple(have)


def edition_of(
    course: Course, lessons: Sequence[Lesson] = (), ids: Sequence[str] = (), quizzes: Quizzes = "practice"
) -> Edition:
    """The edition with these lessons and exercises, and the exercises that those build on.

    Without exercises all of the lessons, without lessons those of the exercises, with neither the whole course.
    UsageError for an exercise that there is not.
    """
    wanted = [course.exercise(each) for each in ids]
    if not lessons:
        numbers = {each.lesson for each in wanted or course.exercises}
        lessons = course.lessons if not wanted else [each for each in course.lessons if each.number in numbers]
    if not ids:
        numbers = {each.number for each in lessons}
        wanted = [each for each in course.exercises if each.lesson in numbers]
    chosen = {each.id for each in wanted}
    asked = set(chosen)
    while missing := {need for each in chosen for need in _builds_on(course, course.exercise(each))} - chosen:
        chosen |= missing
    exercises = tuple(each for each in course.exercises if each.id in chosen)
    added = tuple(each for each in exercises if each.id not in asked)
    return Edition(tuple(lessons), exercises, added, quizzes)


def _builds_on(course: Course, exercise: Exercise) -> Iterator[str]:
    """The exercises that one needs, and those whose code its lab runs."""
    yield from (each.id for each in course.needed_by(exercise))
    if exercise.lab.is_file():
        yield from asked_by_lab(exercise.lab).exercises


def files_of(course: Course, edition: Edition, seed: str) -> dict[str, bytes]:
    """The files of an edition by their paths in it. What is drawn for an exam depends on `seed`, and on no student.

    Raise UsageError if a file of an exercise is missing or reached through a link, and if somebody has written in a
    stub.
    """
    public = [course.root / COURSE_FILE, *public_paths(course, edition.lessons, edition.exercises)]
    for path in (*public, *(quiz_path(course, lesson) for lesson in edition.quizzed(course))):
        _require_own(course, path)
    for exercise in edition.exercises:
        if not is_untouched(read_text(exercise.stub), exercise.id):
            raise UsageError(
                f"{shown(exercise.stub)} is no untouched stub, and would be handed out as it is; "
                "bring it back, with git checkout for one, and release the course then."
            )
    files = {_name(course, path): read_bytes(path) for path in public}
    files[COURSE_FILE] = _syllabus(course.root / COURSE_FILE)
    readme = _README.format(title=course.title)
    forms = []
    for lesson in edition.quizzed(course):
        path = quiz_path(course, lesson)
        quiz = load_quiz(path)
        if edition.quizzes == "practice":
            files[_name(course, path)] = seal(quiz.title, read_bytes(path))
        else:
            text = form_text(lesson.slug, quiz.title, seed, 1, drawn(quiz.questions, seed, 1), exam=True)
            files[form_name(lesson)] = text.encode()
            forms.append(f"`{form_name(lesson)}`")
    files["README.md"] = (readme + (_EXAM.format(forms=", ".join(forms)) if forms else "")).encode()
    return files


def public_paths(course: Course, lessons: Iterable[Lesson], exercises: Iterable[Exercise]) -> Iterator[Path]:
    """The files that students get as they are: texts and pictures of lessons, and what an exercise consists of."""
    first = opening(course)
    beside = (glossary_path(course.root), notation_path(course.root))
    yield from ([first.path] if first else [])
    yield from (path for path in beside if path.is_file())
    yield from _pictures(course.root / "lessons")
    yield from sorted(moving_scripts(course.root).values())
    for lesson in lessons:
        yield from (file.path for file in part_files(course, lesson))
        yield from _pictures(lesson_folder(course, lesson))
    for exercise in exercises:
        yield from (exercise.folder / "exercise.yaml", exercise.stub, exercise.statement, exercise.public_tests)
        yield from (path for path in (exercise.lab,) if path.is_file())


def _require_own(course: Course, path: Path) -> None:
    """Raise UsageError if a file is reached through a link below the course, which may lead to what is secret."""
    within = path.relative_to(course.root)
    for place in (within, *within.parents[:-1]):
        if (link := course.root / place).is_symlink():
            raise UsageError(
                f"{shown(link)} is a symbolic link, and an edition has none; put the file or folder itself there."
            )


def _syllabus(path: Path) -> bytes:
    """course.yaml with a line that says what this is. UsageError where a line more does not fit."""
    data = (read_text(path).rstrip("\n") + RELEASED).encode()
    try:
        Document(path, data=data).convert(Syllabus)
    except UsageError:
        raise UsageError(
            f"{shown(path)} takes no further line, `released: true`; write its keys in lines of their own, "
            "without braces around them."
        ) from None
    return data


def _pictures(folder: Path) -> list[Path]:
    return sorted((folder / "pictures").glob("*.json"))


def _name(course: Course, path: Path) -> str:
    return path.relative_to(course.root).as_posix()
