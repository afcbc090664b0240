"""What a student has passed, written down as `grade exercise` does."""

from pathlib import Path

from grader.course.progress import Graded, Progress


def record(root: Path, exercise: str, score: float) -> None:
    event = Graded(exercise=exercise, score=score, max_score=4, passed=score == 4, sha256=None)
    Progress.load(root).record(event)
