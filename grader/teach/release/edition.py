"""The content of a student's edition of a course."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_bytes, read_text, shown
from grader.course.document import Document
from grader.course.glossary import glossary_path
from grader.course.lab_script import lab_signature as asked_by_lab
from grader.course.labs import course_labs
from grader.course.lesson.files import form_name, lesson_folder, opening, part_files, quiz_path
from grader.course.lesson.moving import moving_scripts
from grader.course.lesson.notation import notation_path
from grader.course.lesson.references import references_path
from grader.course.load import COURSE_FILE
from grader.course.model import Course, Exercise, Lesson, Syllabus
from grader.course.workspace.digest import course_digest, exercise_digests
from grader.engine.submission.examine import examine, is_untouched
from grader.quiz.attempt import draw_questions
from grader.quiz.form import form_text
from grader.quiz.load import load_quiz
from grader.quiz.sealed import seal

QuizMode = Literal["practice", "exam", "none"]
RELEASED = """
released: true  # a student's edition: no solutions, and perhaps not all lessons and exercises
digest: "{digest}"  # of the course that it was made from
"""

_README = """\
# {title}

This is the student's edition of a course.

## For students

Install the grader, then run it in this folder to see what the course has and what to do next:

```
pip install archgrade
grade
```

`grade exercise ID` grades your file `exercises/ID/ID.py` with the public tests. What you hand in is also graded with
hidden tests, which are not in this folder.
"""
_EXAM = """
{forms}: an exam. Write your answers into the file, and hand it in.
"""


class Edition(msgspec.Struct, frozen=True):
    """The selected content of an edition."""

    lessons: tuple[Lesson, ...]
    exercises: tuple[Exercise, ...]  # in the course's order
    added: tuple[Exercise, ...]  # exercises that were not selected, but that others build on
    quizzes: QuizMode

    def lessons_with_quiz(self, course: Course) -> tuple[Lesson, ...]:
        """Return the lessons whose quizzes are included."""
        if self.quizzes == "none":
            return ()
        return tuple(lesson for lesson in self.lessons if quiz_path(course, lesson).is_file())


def select_edition(
    course: Course, lessons: Sequence[Lesson] = (), ids: Sequence[str] = (), quizzes: QuizMode = "practice"
) -> Edition:
    """Return the edition with these lessons and exercises, and with the exercises that they build on.

    Without `ids` it has all exercises of the lessons, without `lessons` the lessons of the exercises, and without both
    the whole course. Raises UsageError if an exercise is unknown.
    """
    selected = [course.exercise(each) for each in ids]
    if not lessons:
        numbers = {each.lesson for each in selected}
        lessons = [each for each in course.lessons if each.number in numbers] if selected else course.lessons
    if not selected:
        numbers = {each.number for each in lessons}
        selected = [each for each in course.exercises if each.lesson in numbers]
    selected_ids = {each.id for each in selected}
    all_ids = set(selected_ids)
    while missing := {need for each in all_ids for need in _dependencies(course, course.exercise(each))} - all_ids:
        all_ids |= missing
    exercises = tuple(each for each in course.exercises if each.id in all_ids)
    added = tuple(each for each in exercises if each.id not in selected_ids)
    return Edition(tuple(lessons), exercises, added, quizzes)


def _dependencies(course: Course, exercise: Exercise) -> Iterator[str]:
    """Yield the ids of the exercises that an exercise needs or that its lab runs."""
    yield from (each.id for each in course.needed_by(exercise))
    if exercise.lab.is_file():
        yield from asked_by_lab(exercise.lab).exercises


def edition_files(course: Course, edition: Edition, seed: str) -> dict[str, bytes]:
    """Return the files of an edition by their paths in it. The questions of an exam are drawn with `seed`.

    Raises UsageError if a file is missing or reached through a link, or if a stub was modified.
    """
    public = [course.root / COURSE_FILE, *public_paths(course, edition.lessons, edition.exercises)]
    public += _files_of_labs(course, edition)
    for path in (*public, *(quiz_path(course, lesson) for lesson in edition.lessons_with_quiz(course))):
        _require_own(course, path)
    for exercise in edition.exercises:
        if not is_untouched(read_text(exercise.stub), exercise.id):
            raise UsageError(
                f"{shown(exercise.stub)} is no untouched stub, and would be released as it is; "
                "restore it, for example with git checkout, and release the course again."
            )
    files = {_name(course, path): read_bytes(path) for path in public}
    files[COURSE_FILE] = _syllabus(course)
    readme = _README.format(title=course.title)
    forms = []
    for lesson in edition.lessons_with_quiz(course):
        path = quiz_path(course, lesson)
        quiz = load_quiz(path)
        if edition.quizzes == "practice":
            files[_name(course, path)] = seal(quiz.title, read_bytes(path))
        else:
            text = form_text(lesson.slug, quiz.title, seed, 1, draw_questions(quiz.questions, seed, 1), exam=True)
            files[form_name(lesson)] = text.encode()
            forms.append(f"`{form_name(lesson)}`")
    files["README.md"] = (readme + (_EXAM.format(forms=", ".join(forms)) if forms else "")).encode()
    return files


def public_paths(course: Course, lessons: Iterable[Lesson], exercises: Iterable[Exercise]) -> Iterator[Path]:
    """Yield the files that are released unchanged: texts and pictures of lessons, and public files of exercises."""
    first = opening(course)
    shared = (glossary_path(course.root), notation_path(course.root), references_path(course.root))
    yield from ([first.path] if first else [])
    yield from (path for path in shared if path.is_file())
    yield from _pictures(course.root / "lessons")
    yield from sorted(moving_scripts(course.root).values())
    for lesson in lessons:
        yield from (file.path for file in part_files(course, lesson))
        yield from _pictures(lesson_folder(course, lesson))
    for exercise in exercises:
        yield from (exercise.folder / "exercise.yaml", exercise.stub, exercise.statement, exercise.public_tests)
        yield from (path for path in (exercise.lab,) if path.is_file())


def _files_of_labs(course: Course, edition: Edition) -> Iterator[Path]:
    """Yield the files of the labs of the whole course whose exercises are all in the edition."""
    every, here = ({each.id for each in exercises} for exercises in (course.exercises, edition.exercises))
    for lab in course_labs(course.root):
        imported = {each.module for each in examine(read_text(lab.code), lab.name).imports}
        if imported & every <= here:
            yield from sorted(path for path in lab.folder.iterdir() if path.is_file())


def _require_own(course: Course, path: Path) -> None:
    """Raise UsageError if a path below the course contains a link, since that may lead to a secret file."""
    within = path.relative_to(course.root)
    for place in (within, *within.parents[:-1]):
        if (link := course.root / place).is_symlink():
            raise UsageError(
                f"{shown(link)} is a symbolic link, which cannot be released; "
                "replace it with the file or folder itself."
            )


def _syllabus(course: Course) -> bytes:
    """Return course.yaml with lines that mark an edition. Raises UsageError if no line can be added."""
    path = course.root / COURSE_FILE
    released = RELEASED.format(digest=course_digest(course.root, exercise_digests(course.root)))
    data = (read_text(path).rstrip("\n") + released).encode()
    try:
        Document(path, data=data).convert(Syllabus)
    except UsageError:
        raise UsageError(
            f"{shown(path)} cannot be extended by the line `released: true`; write each of its keys on a line of its "
            "own, without braces around them."
        ) from None
    return data


def _pictures(folder: Path) -> list[Path]:
    return sorted((folder / "pictures").glob("*.json"))


def _name(course: Course, path: Path) -> str:
    return path.relative_to(course.root).as_posix()
