"""Find a course and load it."""

import keyword
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from pathlib import Path

from msgspec import structs

import grader
from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.base.text import did_you_mean
from grader.course import model
from grader.course.document import Document
from grader.course.kept import keep_course, kept_course, stamps_of
from grader.course.labs import course_labs
from grader.course.model import Course, Description, Exercise, Syllabus, no_exercise
from grader.course.workspace.installed import installed_course, solutions_for
from grader.course.workspace.marker import COURSE_FILE as COURSE_FILE
from grader.course.workspace.marker import MARKER

EXERCISE_FILE = "exercise.yaml"
_TEST = re.compile(r"^def test_(\w+)", re.MULTILINE)

_TAKEN = {
    "torch",
    "numpy",
    "pytest",
    "grader",
    "conftest",
    "mistakes",
    "variants",
    "test_public",
    "test_hidden",
}


def find_course(start: Path, explicit: Path | None) -> Path:
    """Return the folder with course.yaml: `explicit` if given, else the nearest at or above `start`.

    Raise UsageError if there is none.
    """
    if explicit is not None:
        root = explicit.parent if explicit.name == COURSE_FILE else explicit
        if not (root / COURSE_FILE).is_file():
            raise UsageError(f"There is no {COURSE_FILE} in {explicit}; --course takes the folder of a course.")
        return root.absolute()
    start = start.absolute()
    for root in (start, *start.parents):
        if (root / COURSE_FILE).is_file():
            return root
    raise UsageError(
        f"There is no {COURSE_FILE} in {start} or above it; go to the folder of a course, or name it with --course DIR."
    )


def load_lessons(root: Path) -> Course:
    """Return the course without its exercises, which are not read."""
    if (kept := kept_course(root, stamps_of(_sources(root)))) is not None:
        return structs.replace(kept, exercises=())
    return _lessons(root)


def _lessons(root: Path) -> Course:
    syllabus = _syllabus(root)
    return Course(
        title=syllabus.title,
        root=root,
        lessons=tuple(sorted(syllabus.lessons, key=lambda lesson: lesson.number)),
        exercises=(),
        show_hidden_output=syllabus.show_hidden_output,
        released=syllabus.released,
        standards=syllabus.standards,
        front=syllabus.front,
    )


def load_course(root: Path) -> Course:
    """Return the whole course. Raise UsageError with file and line for any error in it."""
    stamps = stamps_of(_sources(root))
    if (kept := kept_course(root, stamps)) is not None:
        return kept
    course = _load(root)
    keep_course(course, stamps)
    return course


def _sources(root: Path) -> Iterator[str]:
    """Yield the paths of the files and folders that decide what a course is, and of the code that loads it."""
    yield from (grader.__file__, __file__, model.__file__)
    yield from (f"{root}/{name}" for name in (COURSE_FILE, MARKER, "exercises", "solutions"))
    if (root / MARKER).is_file():
        installed = installed_course()
        yield from (f"{installed}/{COURSE_FILE}", f"{installed}/solutions")
    with suppress(FileNotFoundError):  # a course without exercises
        for name in sorted(os.listdir(root / "exercises")):
            described = f"{root}/exercises/{name}/{EXERCISE_FILE}"
            yield described if os.path.isfile(described) else os.path.dirname(described)


def _load(root: Path) -> Course:
    course = _lessons(root)
    numbers = {lesson.number for lesson in course.lessons}
    documents: dict[str, Document] = {}
    exercises: dict[str, Exercise] = {}
    solutions = solutions_for(root)
    for exercise_id in exercise_ids(root):
        document, exercise = _exercise(root, exercise_id, solutions)
        if exercise.lesson not in numbers:
            raise document.error(("lesson",), f"there is no lesson {exercise.lesson} in {COURSE_FILE}.")
        documents[exercise_id], exercises[exercise_id] = document, exercise
    for exercise_id, exercise in exercises.items():
        for i, need in enumerate(exercise.needs):
            if need not in exercises:
                sentence = f"there is no exercise '{need}' to need.{did_you_mean(need, exercises)}"
                raise documents[exercise_id].error(("needs", i), sentence)
    return structs.replace(course, exercises=_in_order(exercises, documents))


def load_exercise(root: Path, exercise_id: str) -> Exercise:
    """Return one exercise without reading the others. Its needs and its lesson are not checked.

    Raise UsageError if it does not exist, or its description is invalid.
    """
    if (kept := kept_course(root, stamps_of(_sources(root)))) is not None:
        return kept.exercise(exercise_id)
    if bad_id(exercise_id) or not (root / "exercises" / exercise_id / EXERCISE_FILE).is_file():
        raise no_exercise(exercise_id, exercise_ids(root))
    return _exercise(root, exercise_id, solutions_for(root))[1]


def bad_id(exercise_id: str) -> str | None:
    """Return the reason why an id is invalid, or None. It is also the name of a folder and of a module."""
    plain = exercise_id.isascii() and exercise_id.isidentifier() and exercise_id == exercise_id.lower()
    if not plain or exercise_id.startswith("_"):
        why = "use lower-case letters, digits and underscores, a letter first."
    elif keyword.iskeyword(exercise_id) or exercise_id in sys.stdlib_module_names or exercise_id in _TAKEN:
        why = "Python, or the grader, uses this name already."
    else:
        return None
    return f"'{exercise_id}' cannot be the name of an exercise: {why}"


def _syllabus(root: Path) -> Syllabus:
    document = Document(root / COURSE_FILE)
    syllabus = document.convert(Syllabus)
    for field in ("number", "slug", "short"):
        seen = set()
        for i, lesson in enumerate(syllabus.lessons):
            value = getattr(lesson, field)
            if value in seen:
                raise document.error(("lessons", i, field), f"two lessons have the {field} '{value}'.")
            seen.add(value)
    least, most = syllabus.standards.minutes
    if least > most:
        raise document.error(("standards", "minutes"), f"minutes are from and to, but {least} is more than {most}.")
    return syllabus


def exercise_ids(root: Path) -> list[str]:
    """Return the sorted ids of a course's exercises. Folders without an exercise are ignored."""
    folder = root / "exercises"
    ids = []
    try:
        entries = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    except FileNotFoundError:
        return []
    for name in entries:
        path = folder / name / EXERCISE_FILE
        if path.is_file():
            if problem := bad_id(name):
                raise UsageError(f"{shown(path)}:1: {problem}")
            ids.append(name)
        elif (folder / name / f"{name}.py").is_file():
            raise UsageError(f"{shown(path)} does not exist; it describes the exercise {name}.py.")
    return ids


def lab_names(root: Path) -> list[str]:
    """Return the sorted names of the labs of a course. Raise UsageError if the description of one is invalid."""
    labs = [name for name in exercise_ids(root) if (root / "exercises" / name / "lab.py").is_file()]
    of_exercises = (_exercise(root, name, root / "solutions")[1].lab_names[0] for name in labs)
    return sorted((*of_exercises, *(lab.name for lab in course_labs(root))))


def names_of_tests(exercise: Exercise) -> list[str]:
    """Return the names of an exercise's tests without `test_`: the public ones, then the hidden ones if available."""
    paths = [exercise.public_tests, *([] if exercise.solution is None else [exercise.hidden_tests])]
    return [name for path in paths if path.is_file() for name in _TEST.findall(read_text(path))]


def _exercise(root: Path, exercise_id: str, solutions: Path) -> tuple[Document, Exercise]:
    folder = root / "exercises" / exercise_id
    folders = (root / "solutions" / exercise_id, solutions / exercise_id)
    document = Document(folder / EXERCISE_FILE)
    exercise = Exercise(
        **structs.asdict(document.convert(Description)),
        id=exercise_id,
        folder=folder,
        solution=next((each for each in folders if each.is_dir()), None),
    )
    return document, exercise


def _in_order(exercises: dict[str, Exercise], documents: dict[str, Document]) -> tuple[Exercise, ...]:
    """Return the exercises by lesson. In a lesson, needed ones come first, then by level, minutes and id."""
    sorter = TopologicalSorter({each: exercise.needs for each, exercise in exercises.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))  # each needs the next one
        at = ("needs", exercises[circle[0]].needs.index(circle[1]))
        sentence = f"exercises need each other in a circle: {' -> '.join(circle)}."
        raise documents[circle[0]].error(at, sentence) from None
    ready: list[tuple[int, int, int, str]] = []
    ordered: list[Exercise] = []
    while sorter.is_active():
        for each in sorter.get_ready():
            one = exercises[each]
            heappush(ready, (one.lesson, one.level, one.minutes, each))
        exercise = exercises[heappop(ready)[-1]]
        ordered.append(exercise)
        sorter.done(exercise.id)
    return tuple(sorted(ordered, key=lambda e: e.lesson))  # the sort is stable
