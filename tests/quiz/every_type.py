"""A quiz with one question of each type."""

from pathlib import Path

from grader.quiz.draw import DrawnQuestion, draw_question
from grader.quiz.load import load_quiz

FILE = Path(__file__).parent / "every-type.yaml"
QUIZ = load_quiz(FILE)
IDS = [question.id for question in QUIZ.questions]


def draw(question_id: str, salt: str = "s", attempt: int = 1) -> DrawnQuestion:
    """Draw a question of the quiz."""
    question = QUIZ.question(question_id)
    assert question is not None
    return draw_question(question, salt, attempt)


def digit(of: DrawnQuestion, text: str) -> str:
    """Return the digit in front of a text on the screen."""
    return str(of.shown.index(text) + 1)
