"""The failing call of the last grading of each exercise, as Python text, for `grade shell`."""

from pathlib import Path

from grader.result import Result

FOLDER = Path(".archgrade", "failures")  # in the course's folder


def keep(root: Path, result: Result) -> None:
    """Keeps the first failing call that can be made again; forgets the former one in any case."""
    file = root / FOLDER / f"{result.exercise}.py"
    made = next((t.failure.reproduction for t in result.tests if t.failure and t.failure.reproduction), None)
    if made is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(made, encoding="utf-8")


def load(root: Path, exercise_id: str) -> str | None:
    """The text kept for an exercise; None where its last grading left nothing."""
    file = root / FOLDER / f"{exercise_id}.py"
    return file.read_text("utf-8") if file.is_file() else None
