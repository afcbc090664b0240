"""Find the exercise that a user names by an id, a part of one, a file or a folder."""

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
_CELL = re.compile(r'"%%grade +(\w+)')  # the first line of a cell in JSON
_NOT_SUBMITTED = ("test_public.py", "lab.py")  # Python files of an exercise that students do not hand in
_MAX_NAMED = 4  # ids in an error message


class FoundExercise(NamedTuple):
    """The id of an exercise, and the file that was named unless it is the student's own."""

    id: str
    file: Path | None = None


def find_exercise(root: Path, word: str) -> FoundExercise:
    """Return the exercise of the course at `root` that a word names, seen from the working directory.

    The word may be its id (with capitals or hyphens), a part of its id only, one of its files or folders, a file
    elsewhere with its name, or a notebook with cells only for it. Raise UsageError with suggestions if no exercise
    matches, or several do.
    """
    if (root / "exercises" / word / EXERCISE_FILE).is_file() and "/" not in word and word.strip("."):
        return FoundExercise(word)
    if word.endswith(CODE) or "/" in word or "\\" in word or word in (".", ".."):
        return _by_path(root, Path(word))
    return FoundExercise(_by_part(root, word))


def current_exercise(root: Path) -> str | None:
    """Return the id of the exercise whose folder contains the working directory, or None."""
    return _exercise_containing(root, Path.cwd())


def _by_path(root: Path, path: Path) -> FoundExercise:
    place = path.resolve()
    found = _exercise_containing(root, place)
    if found is not None:
        own = root / "exercises" / found / f"{found}.py"
        hand_in = place.suffix in CODE and place.name not in _NOT_SUBMITTED and place != own.resolve()
        return FoundExercise(found, path if hand_in else None)
    if not path.exists():
        return FoundExercise(_by_part(root, path.stem or str(path)))
    ids = exercise_ids(root)
    if path.is_dir():
        # such as the folder of its solution
        named = next((part for part in reversed(place.parts) if part in ids), None)
        if named is not None:
            return FoundExercise(named)
        raise UsageError(f"{shown(place)} is not the folder of an exercise; grade list --all shows their names.")
    if path.stem in ids:
        return FoundExercise(path.stem, path)
    graded = sorted(_graded_in(path) & set(ids))
    if len(graded) == 1:
        return FoundExercise(graded[0], path)
    why = f"has cells for {_alternatives(graded)}" if graded else "has the name of no exercise"
    raise UsageError(f"{path} {why}; name the exercise: grade exercise ID --file {shlex.quote(str(path))}")


def _graded_in(path: Path) -> set[str]:
    """Return the ids in the `%%grade` cells of a notebook."""
    if path.suffix != NOTEBOOK or not path.is_file():
        return set()
    return set(_CELL.findall(path.read_text("utf-8", "replace")))


def _exercise_containing(root: Path, place: Path) -> str | None:
    """Return the id of the exercise whose folder contains the path, or None."""
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
    matching = [each for each in ids if words and _has_words(each, words)]
    if not matching and len(wanted) > 1:
        matching = [each for each in ids if wanted in each]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"'{word}' can be {_alternatives(matching)}; name one of them.{_lesson_hint(root, word)}")
    if hint := _lesson_hint(root, word):
        raise UsageError(f"No exercise '{word}' in this course.{hint}")
    raise no_exercise(word, ids)


def _has_words(name: str, words: Sequence[str]) -> bool:
    return all(any(part.startswith(word) for part in name.split("_")) for word in words)


def _alternatives(ids: Sequence[str]) -> str:
    more = len(ids) - _MAX_NAMED
    if more > 1:
        return f"{', '.join(ids[:_MAX_NAMED])} or one of {more} others"
    return f"{', '.join(ids[:-1])} or {ids[-1]}"


def _lesson_hint(root: Path, word: str) -> str:
    """Return a sentence about the lesson with this name, or "" if there is none."""
    lesson = exact_lesson(load_lessons(root), word)
    return f" Lesson {lesson.number} has this name: grade list {lesson.number} shows its exercises." if lesson else ""
