"""A session of the quiz of all types that keeps what it records."""

from grader.quiz.draw import draw_question
from grader.quiz.session import GivenAnswer, QuizSession, SessionKind
from tests.quiz.every_type import QUIZ

PLACES = {question.id: i for i, question in enumerate(QUIZ.questions)}


class Recorded(QuizSession):
    """A session of the quiz of all types with its recorded answers."""

    def __init__(self, first: str = "one-right", kind: SessionKind = "quiz"):
        self.recorded: list[tuple[int, GivenAnswer]] = []
        self.taken_back: list[int] = []
        drawn = [draw_question(question, "salt", 1) for question in QUIZ.questions]
        super().__init__("Quiz", drawn, self._keep_record, kind=kind, take_back=self.taken_back.append)
        self.position = PLACES[first]

    def _keep_record(self, place: int, given: GivenAnswer) -> None:
        self.recorded.append((place, given))
