"""The scripts that animate the pictures of a course on its pages: lessons/moving/NAME.js."""

from collections.abc import Mapping
from pathlib import Path

from grader.base.text import did_you_mean


def moving_scripts(root: Path) -> dict[str, Path]:
    """Return the scripts of the course at `root`, by name."""
    return {path.stem: path for path in sorted((root / "lessons" / "moving").glob("*.js"))}


def script_problem(name: str, scripts: Mapping[str, Path]) -> str | None:
    """Return an error for an unknown script, or None if it exists."""
    if name in scripts:
        return None
    known = f" There are {', '.join(scripts)}." if scripts else " There are none in lessons/moving."
    return f"there is no script '{name}'.{did_you_mean(name, scripts) or known}"
