"""autograder.zip for Gradescope: exercises with their solutions, the engine as it is installed here, and two scripts.

What the scripts run in Gradescope's container is `autograder_run`.
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
SCRIPTS = ("run_autograder", "setup.sh")  # at the zip's root, where Gradescope looks for them
LIST = "exercises.txt"  # the ids of those to grade, one a line

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
    """The zip that grades these exercises. UsageError for what is wrong in a file.

    It holds the others as well, since a submission may import the student's files of them.
    """
    files = {name: (TEMPLATES / name).read_bytes() for name in SCRIPTS}
    files[LIST] = "".join(f"{each.id}\n" for each in exercises).encode()
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


def names(data: bytes) -> list[str]:
    """The files in a zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


def _engine() -> dict[str, bytes]:
    """The package as it is installed here, and what pip needs to install it there."""
    needed = [each for each in requires("archgrade") or [] if "extra ==" not in each]
    pyproject = _PYPROJECT.format(
        version=json.dumps(__version__),
        python=json.dumps(metadata("archgrade")["Requires-Python"]),
        dependencies=json.dumps(needed),
    )
    return {"engine/pyproject.toml": pyproject.encode()} | _folder(Path(grader.__file__).parent, "engine/grader")


def _folder(folder: Path, name: str) -> dict[str, bytes]:
    """The files of a folder by their names in the zip, without what Python and editors leave behind."""
    paths = [(path, path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return {
        f"{name}/{inside.as_posix()}": read_bytes(path)
        for path, inside in paths
        if not any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
    }
