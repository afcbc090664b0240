"""A quiz with one question of each type."""

from pathlib import Path

from grader.quiz.draw import Asked, ask
from grader.quiz.load import load_quiz

FILE = Path(__file__).parent / "every-type.yaml"
QUIZ = load_quiz(FILE)
IDS = [question.id for question in QUIZ.questions]


def asked(question_id: str, salt: str = "s", attempt: int = 1) -> Asked:
    question = QUIZ.question(question_id)
    assert question is not None
    return ask(question, salt, attempt)


def digit(of: Asked, text: str) -> str:
    """The digit before a text as it is shown."""
    return str(of.shown.index(text) + 1)
