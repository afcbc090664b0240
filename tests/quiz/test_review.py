"""When a question is due again."""

from typing import Any

from grader.course.progress import QuizStarted, Reviewed
from grader.quiz.history import QuestionKey
from grader.quiz.review import due_after


def test_intervals_grow_with_right_answers_and_shrink_after_a_wrong_one() -> None:
    key = QuestionKey("q", "a")
    events: list[Reviewed] = []
    time = QuizStarted(quiz="q", attempt=1, questions=()).time
    gaps = []
    for score in (1.0, 1.0, 1.0, 0.0, 1.0):
        due = due_after(events, key, score, time)
        gaps.append((due - time).days)
        event: dict[str, Any] = {"quiz": "q", "question": "a", "attempt": 1, "answer": "", "seconds": 0.0}
        events.append(Reviewed(**event, score=score, due=due, time=time))
        time = due
    assert gaps[0] < gaps[1] < gaps[2]
    assert gaps[3] < gaps[2]
    assert all(gap >= 1 for gap in gaps)
