"""When a question comes back."""

from pathlib import Path

from grader.course.progress import Progress, QuizStarted, Reviewed
from grader.quiz.history import Key
from grader.quiz.review import due_after


def test_what_is_known_comes_back_later_and_later() -> None:
    key = Key("q", "a")
    moment = Progress.load(Path("nowhere")).events or None
    assert moment is None
    events: list[Reviewed] = []
    time = QuizStarted(quiz="q", attempt=1, questions=()).time
    gaps = []
    for score in (1.0, 1.0, 1.0, 0.0, 1.0):
        due = due_after(events, key, score, time)
        gaps.append((due - time).days)
        event = {"quiz": "q", "question": "a", "attempt": 1, "answer": "", "seconds": 0.0}
        events.append(Reviewed(**event, score=score, due=due, time=time))
        time = due
    assert gaps[0] < gaps[1] < gaps[2]
    assert gaps[3] < gaps[2]
    assert all(gap >= 1 for gap in gaps)
