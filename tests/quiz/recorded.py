"""A session of the quiz of all types that keeps what was recorded."""

from grader.quiz.draw import ask
from grader.quiz.session import Given, Session
from tests.quiz.every_type import QUIZ

PLACES = {question.id: i for i, question in enumerate(QUIZ.questions)}


class Recorded(Session):
    """A session of the quiz of all types, and what was recorded."""

    def __init__(self, first: str = "one-right", **options: bool):
        self.recorded: list[tuple[int, Given]] = []
        asked = [ask(question, "salt", 1) for question in QUIZ.questions]
        super().__init__("Quiz", asked, lambda i, given: self.recorded.append((i, given)), **options)
        self.place = PLACES[first]
