"""The course's own glossary: its terms are found, defined once and shortly, and can be asked."""

import pytest

from grader.base.errors import UsageError
from grader.course import load_lessons
from grader.course.glossary import Term, find_terms, load_glossary
from grader.quiz.draw import draw_question
from grader.quiz.glossary_questions import glossary_question
from grader.quiz.score import mark
from tests.command_line import run
from tests.paths import ROOT

TERMS = load_glossary(ROOT)


def test_every_term_looks_itself_up_by_each_of_its_names() -> None:
    for term in TERMS:
        for name in (*term.names, term.uk or term.term):
            assert find_terms(TERMS, name) == (term,)


def test_every_lesson_has_terms_in_alphabetical_order() -> None:
    assert {term.lesson for term in TERMS} == {lesson.number for lesson in load_lessons(ROOT).lessons}
    assert [term.term for term in TERMS] == [t.term for t in sorted(TERMS, key=lambda t: (t.lesson, t.term.casefold()))]


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.term)
def test_every_term_has_one_short_sentence_and_a_ukrainian_name(term: Term) -> None:
    assert term.uk
    assert term.definition.endswith(".")
    assert ". " not in term.definition
    assert len(term.definition) <= 200
    assert term.term.casefold() not in term.definition.casefold()


def test_the_three_nearest_terms_are_offered() -> None:
    with pytest.raises(UsageError, match=r"Did you mean '[^']+', '[^']+' or '[^']+'\?$"):
        find_terms(TERMS, "multi had attention")


def test_no_definition_is_given_twice() -> None:
    assert len({term.definition for term in TERMS}) == len(TERMS)


def test_every_screen_of_the_glossary_fits_the_terminal() -> None:
    for words in ([], *([term.term] for term in TERMS)):
        result = run("--course", str(ROOT), "glossary", *words)
        assert result.exit_code == 0
        assert all(len(line) <= 77 for line in result.stdout.splitlines())


def test_every_term_of_the_glossary_can_be_asked() -> None:
    questions = [glossary_question(term) for term in TERMS]
    assert len({question.id for question in questions}) == len(TERMS)
    for term, question in zip(TERMS, questions, strict=True):
        asked = draw_question(question, "student", 1)
        for name in term.names:
            assert mark(asked, name).score == 1, name
