"""The scripts by which a course's pictures move on its pages: lessons/moving/NAME.js."""

from collections.abc import Mapping
from pathlib import Path

from grader.base.text import did_you_mean


def moving_scripts(root: Path) -> dict[str, Path]:
    """The scripts of the course in this folder, by their names."""
    return {path.stem: path for path in sorted((root / "lessons" / "moving").glob("*.js"))}


def script_problem(name: str, scripts: Mapping[str, Path]) -> str | None:
    """What is wrong with the name of a script, None if there is one of this name."""
    if name in scripts:
        return None
    there = f" There are {', '.join(scripts)}." if scripts else " There are none in lessons/moving."
    return f"no picture moves by '{name}'.{did_you_mean(name, scripts) or there}"
