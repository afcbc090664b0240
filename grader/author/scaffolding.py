"""The files of a new exercise and of a new course. They work as they are, and each shows what belongs in it."""

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

EXERCISE = {  # in grader/author/scaffold/exercise -> in the course
    "exercise.yaml": "exercises/$id/exercise.yaml",
    "README.md": "exercises/$id/README.md",
    "stub.py": "exercises/$id/$id.py",
    "test_public.py": "exercises/$id/test_public.py",
    "reference.py": "solutions/$id/$id.py",
    "test_hidden.py": "solutions/$id/test_hidden.py",
    "mistakes.py": "solutions/$id/mistakes.py",
    "variants.py": "solutions/$id/variants.py",
}
COURSE = {  # in grader/author/scaffold/course -> in the folder of the course
    "course.yaml": COURSE_FILE,
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "lessons/glossary.yaml": "lessons/glossary.yaml",
    "lessons/notation.yaml": "lessons/notation.yaml",
    "lessons/01-doubling/1-one-example.md": "lessons/01-doubling/1-one-example.md",
    "lessons/01-doubling/quiz.yaml": "lessons/01-doubling/quiz.yaml",
}
FIRST_EXERCISE = "double"  # of a new course: the one that its lesson and its quiz speak of


def scaffold(course: Course, exercise_id: str, lesson: int, title: str) -> list[Path]:
    """Writes the files of a new exercise and returns their paths.

    UsageError where the id is none, the lesson is unknown, or one of the two folders exists already.
    """
    if problem := bad_id(exercise_id):
        raise UsageError(problem)
    if lesson not in {each.number for each in course.lessons}:
        numbers = ", ".join(str(each.number) for each in course.lessons)
        raise UsageError(f"There is no lesson {lesson} in {COURSE_FILE}; its lessons are {numbers}.")
    titles = _titles(title)
    folders = [course.root / side / exercise_id for side in ("exercises", "solutions")]
    for folder in folders:
        if folder.exists() or folder.is_symlink():
            raise UsageError(f"{folder} exists already, and nothing is overwritten; choose another id.")
    values = {
        "id": exercise_id,
        "lesson": str(lesson),
        "docstring": title.replace("\\", "\\\\").replace('"', '\\"'),
        **titles,
    }
    return list(_written(_templates() / "exercise", EXERCISE, course.root, values))


def scaffold_course(root: Path, title: str) -> list[Path]:
    """Writes the files of a new course of one lesson, one quiz and one exercise, and returns their paths.

    UsageError where there is something in the folder already, or nothing can be written there.
    """
    titles = _titles(title)
    with writing(root):
        taken = root.is_symlink() or (root.exists() and (not root.is_dir() or any(root.iterdir())))
    if taken:
        raise UsageError(f"{shown(root)} is there, and no empty folder. Nothing is overwritten: choose another.")
    made = list(_written(_templates() / "course", COURSE, root, titles))
    return made + scaffold(load_course(root), FIRST_EXERCISE, 1, "twice every number")


def _titles(title: str) -> dict[str, str]:
    """A title as templates want it. UsageError where it is none."""
    if not title.isprintable() or not title.strip():
        raise UsageError("The title must be one line of text.")
    return {"title": title, "quoted_title": json.dumps(title, ensure_ascii=False)}  # a JSON string is a YAML string


def _templates() -> Traversable:
    return files("grader.author") / "scaffold"


def _written(
    templates: Traversable, targets: Mapping[str, str], root: Path, values: Mapping[str, str]
) -> Iterator[Path]:
    """Fills in templates and writes them where they belong below `root`; yields the paths."""
    for template, target in targets.items():
        path = root / Template(target).substitute(values)
        text = templates.joinpath(f"{template}.template").read_text("utf-8")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute(values), "utf-8")
        yield path
