"""Create the files of a new exercise or course: a small working example to be replaced part by part."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from grader.base.errors import UsageError
from grader.base.files import shown, writing
from grader.course.load import COURSE_FILE, bad_id, load_course
from grader.course.model import Course

EXERCISE = {  # template in scaffold/exercise: path in the course
    "exercise.yaml": "exercises/$id/exercise.yaml",
    "README.md": "exercises/$id/README.md",
    "stub.py": "exercises/$id/$id.py",
    "test_public.py": "exercises/$id/test_public.py",
    "reference.py": "solutions/$id/$id.py",
    "test_hidden.py": "solutions/$id/test_hidden.py",
    "mistakes.py": "solutions/$id/mistakes.py",
    "variants.py": "solutions/$id/variants.py",
}
COURSE = {  # template in scaffold/course: path in the course
    "course.yaml": COURSE_FILE,
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "lessons/glossary.yaml": "lessons/glossary.yaml",
    "lessons/notation.yaml": "lessons/notation.yaml",
    "lessons/01-doubling/1-one-example.md": "lessons/01-doubling/1-one-example.md",
    "lessons/01-doubling/quiz.yaml": "lessons/01-doubling/quiz.yaml",
}
FIRST_EXERCISE = "double"  # the exercise of a new course, which its lesson and quiz refer to


def scaffold_exercise(course: Course, exercise_id: str, lesson: int, title: str) -> list[Path]:
    """Write the files of a new exercise and return their paths.

    Raises UsageError if the id is invalid, the lesson is unknown, or one of the two folders already exists.
    """
    if problem := bad_id(exercise_id):
        raise UsageError(problem)
    if lesson not in {each.number for each in course.lessons}:
        numbers = ", ".join(str(each.number) for each in course.lessons)
        raise UsageError(f"There is no lesson {lesson} in {COURSE_FILE}; its lessons are {numbers}.")
    titles = _title_values(title)
    folders = [course.root / side / exercise_id for side in ("exercises", "solutions")]
    for folder in folders:
        if folder.exists() or folder.is_symlink():
            raise UsageError(f"{folder} already exists and is not overwritten; choose another id.")
    values = {
        "id": exercise_id,
        "lesson": str(lesson),
        "docstring": title.replace("\\", "\\\\").replace('"', '\\"'),
        **titles,
    }
    return list(_write_templates(_templates() / "exercise", EXERCISE, course.root, values))


def scaffold_course(root: Path, title: str) -> list[Path]:
    """Write the files of a new course with one lesson, one quiz and one exercise, and return their paths.

    Raises UsageError if the folder is not empty or cannot be written.
    """
    titles = _title_values(title)
    with writing(root):
        taken = root.is_symlink() or (root.exists() and (not root.is_dir() or any(root.iterdir())))
    if taken:
        raise UsageError(f"{shown(root)} already exists and is not an empty folder; choose another.")
    written = list(_write_templates(_templates() / "course", COURSE, root, titles))
    return written + scaffold_exercise(load_course(root), FIRST_EXERCISE, 1, "twice every number")


def _title_values(title: str) -> dict[str, str]:
    """Return the template values of a title. Raises UsageError if it is not one line of text."""
    if not title.isprintable() or not title.strip():
        raise UsageError("The title must be one line of text.")
    return {"title": title, "quoted_title": json.dumps(title, ensure_ascii=False)}  # a JSON string is a YAML string


def _templates() -> Traversable:
    return files("grader.author") / "scaffold"


def _write_templates(
    templates: Traversable, targets: Mapping[str, str], root: Path, values: Mapping[str, str]
) -> Iterator[Path]:
    """Fill in templates, write them to their paths below `root`, and yield the paths."""
    for template, target in targets.items():
        path = root / Template(target).substitute(values)
        text = templates.joinpath(f"{template}.template").read_text("utf-8")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute(values), "utf-8")
        yield path
