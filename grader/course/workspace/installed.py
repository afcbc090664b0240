"""Find the course of this installation.

A clone is itself the course. A wheel installs the course as data in `share/archgrade/course` of the environment, not
among the packages, because submissions may read those.
"""

from pathlib import Path

from grader import __version__
from grader.base.errors import UsageError
from grader.course.workspace.marker import COURSE_FILE, workspace_at

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
    if workspace.version != __version__:
        raise UsageError(
            f"This workspace has the course of archgrade {workspace.version}, but {__version__} is installed; "
            "run grade update, which does not change your files."
        )
    return installed_course() / "solutions"
