"""Moodle XML, read back by Moodle's rules."""

from grader.bank import bank_of
from grader.bank.moodle import export
from grader.quiz.model import Quiz
from tests.bank.compare import Carried, compare, entries
from tests.bank.read_moodle import read_moodle


def test_everything_of_a_quiz_is_read_back(quiz: Quiz) -> None:
    found = read_moodle(export(bank_of(quiz, "slug", 4, "seed")).data)
    compare(quiz, entries(found), 4, Carried(pairs=False, units=True))
