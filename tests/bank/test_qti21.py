from grader.bank import bank_of
from grader.bank.qti21 import export
from grader.quiz.model import Quiz
from tests.bank.compare import Carried, compare
from tests.bank.read_qti21 import read_qti21


def test_everything_of_a_quiz_is_read_back(quiz: Quiz) -> None:
    compare(quiz, read_qti21(export(bank_of(quiz, "slug", 4, "seed")).data), 4, Carried())
