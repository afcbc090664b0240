"""Answers to the quiz of a small course, and changes of its recorded events."""

from datetime import timedelta
from pathlib import Path

from grader.course.progress import Answered, Mended, Progress, Reviewed
from grader.quiz.draw import draw_question
from grader.quiz.history import student_salt
from grader.quiz.score import right_answer
from tests.quiz.every_type import QUIZ

COUNT = len(QUIZ.questions)


def right(root: Path, attempt: int = 1, salt: str | None = None) -> list[str]:
    """Return the right answers of an attempt, as a student types them."""
    salt = student_salt(root) if salt is None else salt
    return [right_answer(draw_question(question, salt, attempt)) for question in QUIZ.questions]


def lines(answers: list[str]) -> str:
    return "".join(f"{answer}\n" for answer in answers)


def answered(root: Path) -> list[Answered]:
    return [event for event in Progress.load(root).events if isinstance(event, Answered)]


def later(root: Path, days: int) -> None:
    """Move all recorded events into the past."""
    progress = Progress.load(root)
    events = list(progress.events)
    (root / ".archgrade" / "progress.jsonl").unlink()
    moved = Progress.load(root)
    past = timedelta(days=days)
    for event in events:
        due = {"due": event.due - past} if isinstance(event, Answered | Mended | Reviewed) else {}
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        moved.record(type(event)(**{**fields, "time": event.time - past, **due}))
