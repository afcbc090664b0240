"""A session of the quiz of all types that keeps what was recorded."""

from grader.quiz.draw import ask
from grader.quiz.session import Given, Kind, Session
from tests.quiz.every_type import QUIZ

PLACES = {question.id: i for i, question in enumerate(QUIZ.questions)}


class Recorded(Session):
    """A session of the quiz of all types, and what was recorded."""

    def __init__(self, first: str = "one-right", kind: Kind = "quiz"):
        self.recorded: list[tuple[int, Given]] = []
        self.taken_back: list[int] = []
        asked = [ask(question, "salt", 1) for question in QUIZ.questions]
        super().__init__("Quiz", asked, self._keep_record, kind=kind, take_back=self.taken_back.append)
        self.place = PLACES[first]

    def _keep_record(self, place: int, given: Given) -> None:
        self.recorded.append((place, given))
