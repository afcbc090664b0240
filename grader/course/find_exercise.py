"""Which exercise is meant by what somebody types: an id, a part of one, a file or a folder."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.course.lesson.find import exact_lesson
from grader.course.load import EXERCISE_FILE, exercise_ids, load_lessons
from grader.course.model import no_exercise

NOTEBOOK = ".ipynb"
CODE = (".py", NOTEBOOK)
_CELL = re.compile(r'"%%grade +(\w+)')  # where the text of a cell begins in JSON
_OURS = ("test_public.py", "lab.py")  # Python files of an exercise that nobody hands in
_MOST = 4  # ids that are named as possible


class FoundExercise(NamedTuple):
    """An exercise, and the file that was named if it is another than the student's own."""

    id: str
    file: Path | None = None


def find_exercise(root: Path, word: str) -> FoundExercise:
    """The exercise that is meant in the course at `root`, seen from the working directory.

    By its id, in capitals or with hyphens too; by the only id of which this is a part; by a file or folder of it, a
    file elsewhere that bears its name, or a notebook with cells for it alone. UsageError with what may have been meant,
    where none is or several are.
    """
    if (root / "exercises" / word / EXERCISE_FILE).is_file() and "/" not in word and word.strip("."):
        return FoundExercise(word)
    if word.endswith(CODE) or "/" in word or "\\" in word or word in (".", ".."):
        return _by_path(root, Path(word))
    return FoundExercise(_by_part(root, word))


def exercise_of_folder(root: Path) -> str | None:
    """The exercise in whose folder the working directory is; None where it is in none."""
    return _of_folder(root, Path.cwd())


def _by_path(root: Path, path: Path) -> FoundExercise:
    place = path.resolve()
    found = _of_folder(root, place)
    if found is not None:
        own = root / "exercises" / found / f"{found}.py"
        hand_in = place.suffix in CODE and place.name not in _OURS and place != own.resolve()
        return FoundExercise(found, path if hand_in else None)
    if not path.exists():
        return FoundExercise(_by_part(root, path.stem or str(path)))
    ids = exercise_ids(root)
    if path.is_dir():
        named = next((part for part in reversed(place.parts) if part in ids), None)  # of its solution, say
        if named is not None:
            return FoundExercise(named)
        raise UsageError(f"{shown(place)} is no folder of an exercise; grade list --all has their names.")
    if path.stem in ids:
        return FoundExercise(path.stem, path)
    graded = sorted(_graded_in(path) & set(ids))
    if len(graded) == 1:
        return FoundExercise(graded[0], path)
    why = f"has cells for {_either(graded)}" if graded else "is named for no exercise"
    raise UsageError(f"{path} {why}; say for which it is: grade exercise ID --file {shlex.quote(str(path))}")


def _graded_in(path: Path) -> set[str]:
    """What the cells of a notebook are for that begin with `%%grade`."""
    if path.suffix != NOTEBOOK or not path.is_file():
        return set()
    return set(_CELL.findall(path.read_text("utf-8", "replace")))


def _of_folder(root: Path, place: Path) -> str | None:
    """The exercise in whose folder a place is."""
    folder = (root / "exercises").resolve()
    if not place.is_relative_to(folder) or place == folder:
        return None
    name = place.relative_to(folder).parts[0]
    return name if (folder / name / EXERCISE_FILE).is_file() else None


def _by_part(root: Path, word: str) -> str:
    ids = exercise_ids(root)
    wanted = re.sub(r"[\s-]+", "_", word.strip().casefold())
    if wanted in ids:
        return wanted
    words = [part for part in wanted.split("_") if part]
    fitting = [each for each in ids if words and _begins(each, words)] or [
        each for each in ids if len(wanted) > 1 and wanted in each
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(f"'{word}' can be {_either(fitting)}; name one of them.{_as_lesson(root, word)}")
    if said := _as_lesson(root, word):
        raise UsageError(f"No exercise '{word}' in this course.{said}")
    raise no_exercise(word, ids)


def _begins(name: str, words: Sequence[str]) -> bool:
    return all(any(part.startswith(word) for part in name.split("_")) for word in words)


def _either(ids: Sequence[str]) -> str:
    more = len(ids) - _MOST
    if more > 1:
        return f"{', '.join(ids[:_MOST])} or one of {more} others"
    return f"{', '.join(ids[:-1])} or {ids[-1]}"


def _as_lesson(root: Path, word: str) -> str:
    """A sentence on the lesson of that name, if there is one."""
    lesson = exact_lesson(load_lessons(root), word)
    return f" Lesson {lesson.number} is called so: grade list {lesson.number} has its exercises." if lesson else ""
