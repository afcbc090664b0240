"""GIFT, read back."""

from grader.bank import bank_of
from grader.bank.gift import export
from grader.quiz.model import Quiz
from tests.bank.compare import Carried, compare, entries
from tests.bank.read_gift import read_gift


def test_everything_of_a_quiz_is_read_back(quiz: Quiz) -> None:
    found = read_gift(export(bank_of(quiz, "slug", 4, "seed")).data)
    compare(quiz, entries(found), 4, Carried(pairs=False, order=False, shuffled=False, arrows=False))
