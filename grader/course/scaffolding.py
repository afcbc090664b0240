"""The files of a new exercise. They are a small exercise that works, and each shows what belongs in it."""

import json
from importlib.resources import files
from pathlib import Path
from string import Template

from grader.course.load import COURSE_FILE, bad_id
from grader.course.model import Course
from grader.errors import UsageError

TEMPLATES = {  # in grader/course/scaffold -> in the course
    "exercise.yaml": "exercises/$id/exercise.yaml",
    "README.md": "exercises/$id/README.md",
    "stub.py": "exercises/$id/$id.py",
    "test_public.py": "exercises/$id/test_public.py",
    "reference.py": "solutions/$id/$id.py",
    "test_hidden.py": "solutions/$id/test_hidden.py",
    "mistakes.py": "solutions/$id/mistakes.py",
    "variants.py": "solutions/$id/variants.py",
}


def scaffold(course: Course, exercise_id: str, lesson: int, title: str) -> list[Path]:
    """Writes the files of a new exercise and returns their paths.

    UsageError where the id is none, the lesson is unknown, or one of the two folders exists already.
    """
    if problem := bad_id(exercise_id):
        raise UsageError(problem)
    if lesson not in {each.number for each in course.lessons}:
        numbers = ", ".join(str(each.number) for each in course.lessons)
        raise UsageError(f"There is no lesson {lesson} in {COURSE_FILE}; its lessons are {numbers}.")
    if not title.isprintable() or not title.strip():
        raise UsageError("The title must be one line of text.")
    folders = [course.root / side / exercise_id for side in ("exercises", "solutions")]
    for folder in folders:
        if folder.exists() or folder.is_symlink():
            raise UsageError(f"{folder} exists already, and nothing is overwritten; choose another id.")
    values = {
        "id": exercise_id,
        "lesson": str(lesson),
        "title": title,
        "docstring": title.replace("\\", "\\\\").replace('"', '\\"'),
        "quoted_title": json.dumps(title, ensure_ascii=False),  # a JSON string is a YAML string
    }
    templates = files("grader.course").joinpath("scaffold")
    written = []
    for template, target in TEMPLATES.items():
        path = course.root / Template(target).substitute(values)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = templates.joinpath(f"{template}.template").read_text("utf-8")
        path.write_text(Template(text).substitute(values), "utf-8")
        written.append(path)
    return written
