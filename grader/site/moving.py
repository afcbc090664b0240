"""The scripts that move pictures."""

from importlib.resources import files

from grader.course.model import did_you_mean
from grader.errors import UsageError


def moving() -> tuple[str, ...]:
    """The names of the scripts that move pictures."""
    folder = files("grader.site") / "assets" / "moving"
    return tuple(sorted(each.name.removesuffix(".js") for each in folder.iterdir() if each.name.endswith(".js")))


def require_moving(name: str, where: str) -> None:
    """UsageError, at a place in a file, where no script has this name."""
    if name not in moving():
        hint = did_you_mean(name, moving()) or f" There are {', '.join(moving())}."
        raise UsageError(f"{where}: no picture moves by '{name}'.{hint}")
