"""Find the course of this installation.

A clone is itself the course. A wheel installs the course as data in `share/archgrade/course` of the environment, not
among the packages, because submissions may read those.
"""

from pathlib import Path

from grader import __version__
from grader.base.errors import UsageError
from grader.base.files import shown
from grader.course.document import Document
from grader.course.model import Syllabus
from grader.course.workspace.digest import exercise_digest
from grader.course.workspace.marker import COURSE_FILE, Workspace, workspace_at

DATA = Path("share", "archgrade", "course")


def installed_course(package: Path = Path(__file__).parents[2]) -> Path:
    """Return the course, with solutions, that was installed with `package`. Raise UsageError if there is none."""
    above = (package.parent, *(folder / DATA for folder in package.parents))
    for course in above:
        if (course / COURSE_FILE).is_file() and (course / "solutions").is_dir():
            return course
    raise UsageError("This installation of archgrade has no course; run pip install --force-reinstall archgrade.")


def solutions_for(root: Path) -> Path:
    """Return the folder of the solutions of a course, which for a workspace is in the installed course.

    Raise UsageError if the versions of the workspace and of the installed course differ.
    """
    workspace = workspace_at(root)
    if workspace is None:
        return root / "solutions"
    require_same_course(root, workspace)
    if workspace.version != __version__:
        raise UsageError(
            f"This workspace has the course of archgrade {workspace.version}, but {__version__} is installed; "
            "run grade update, which does not change your files."
        )
    return installed_course() / "solutions"


def title_of(course: Path) -> str:
    """Return the title of a course. Raise UsageError if its course.yaml is invalid."""
    return Document(course / COURSE_FILE).convert(Syllabus).title


def require_same_course(root: Path, workspace: Workspace) -> None:
    """Raise UsageError if a workspace was made of another course than the installed one."""
    title = title_of(installed_course())
    if workspace.title not in ("", title):
        raise UsageError(
            f"{shown(root)} is a workspace of the course {workspace.title!r}, but {title!r} is installed; "
            "install the archgrade that created it, or create another workspace: grade init DIR."
        )


def require_same_exercise(root: Path, exercise: str) -> None:
    """Raise UsageError if the statement, stub or tests of an exercise differ from those of the installed course.

    A submission must not be graded by tests that are newer than the statement beside it. A folder that is not a
    workspace passes, since it contains the tests itself.
    """
    workspace = workspace_at(root)
    if workspace is not None and workspace.exercises.get(exercise) != exercise_digest(installed_course(), exercise):
        raise UsageError(
            f"{exercise} in this workspace differs from {exercise} in the installed course; run grade update, "
            "which does not change your files."
        )
