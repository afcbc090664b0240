"""Where the course of this installation lies.

In a clone, the clone is the course. A wheel brings its course in its data, `share/archgrade/course` of the environment,
and not among the packages: those a submission may read.
"""

from pathlib import Path

from grader import __version__
from grader.base.errors import UsageError
from grader.course.workspace.marker import COURSE_FILE, workspace_at

DATA = Path("share", "archgrade", "course")


def installed_course(package: Path = Path(__file__).parents[2]) -> Path:
    """The course, with its solutions, of the installation with this package. UsageError where there is none."""
    above = (package.parent, *(folder / DATA for folder in package.parents))
    for course in above:
        if (course / COURSE_FILE).is_file() and (course / "solutions").is_dir():
            return course
    raise UsageError("This installation of archgrade has no course; pip install --force-reinstall archgrade brings it.")


def solutions_for(root: Path) -> Path:
    """Where the solutions of the course at `root` lie: in it, or for a workspace in the installed course.

    UsageError where the workspace and the installed course are of different versions.
    """
    workspace = workspace_at(root)
    if workspace is None:
        return root / "solutions"
    if workspace.version != __version__:
        raise UsageError(
            f"This workspace has the course of archgrade {workspace.version}, and {__version__} is installed; "
            "bring it up to date with grade update, which leaves your files as they are."
        )
    return installed_course() / "solutions"
