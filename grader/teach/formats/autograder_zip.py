"""autograder.zip for Gradescope: exercises with their solutions, the installed engine, and two scripts.

In Gradescope's container the scripts run `autograder_run`.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from importlib.metadata import metadata, requires
from pathlib import Path

import grader
from grader import __version__
from grader.base.files import read_bytes, zipped
from grader.course import Course, Exercise
from grader.course.load import COURSE_FILE
from grader.engine.judge.materials import materials

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("run_autograder", "setup.sh")  # which Gradescope expects at the root of the zip
EXERCISE_LIST = "exercises.txt"  # the ids of the exercises to grade, one per line

_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "archgrade"
version = {version}
requires-python = {python}
dependencies = {dependencies}

[tool.setuptools.packages.find]
include = ["grader*"]

[tool.setuptools.package-data]
grader = ["**/*"]
"""


def autograder_zip(course: Course, exercises: Sequence[Exercise], pip_conf: Path | None = None) -> bytes:
    """Return a zip file that grades these exercises.

    It also holds the other exercises of the course, since a submission may import the student's solutions of them.
    Raises UsageError if a file is missing or invalid.
    """
    files = {name: (TEMPLATES / name).read_bytes() for name in SCRIPTS}
    files[EXERCISE_LIST] = "".join(f"{each.id}\n" for each in exercises).encode()
    files |= _engine()
    files[f"course/{COURSE_FILE}"] = read_bytes(course.root / COURSE_FILE)
    for each in exercises:
        for path in (each.public_tests, each.hidden_tests, each.reference):
            read_bytes(path)
        materials(course, each)
    for each in course.exercises:
        files |= _folder(each.folder, f"course/exercises/{each.id}")
        if each.solution is not None:
            files |= _folder(each.solution, f"course/solutions/{each.id}")
    if pip_conf is not None:
        files["pip.conf"] = read_bytes(pip_conf)
    return zipped(files, SCRIPTS)


def names_in_zip(data: bytes) -> list[str]:
    """Return the names of the files in a zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


def _engine() -> dict[str, bytes]:
    """Return the files of the installed package and a pyproject.toml, so that pip can install it in the container."""
    dependencies = [each for each in requires("archgrade") or [] if "extra ==" not in each]
    pyproject = _PYPROJECT.format(
        version=json.dumps(__version__),
        python=json.dumps(metadata("archgrade")["Requires-Python"]),
        dependencies=json.dumps(dependencies),
    )
    return {"engine/pyproject.toml": pyproject.encode()} | _folder(Path(grader.__file__).parent, "engine/grader")


def _folder(folder: Path, name: str) -> dict[str, bytes]:
    """Return the files of a folder by their names in the zip, without hidden files and __pycache__."""
    paths = [(path, path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return {
        f"{name}/{inside.as_posix()}": read_bytes(path)
        for path, inside in paths
        if not any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
    }
