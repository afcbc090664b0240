"""Questions about the student's own mistakes."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from grader.quiz.model import CodeLine, Single
from grader.study.slips.questions import slip_questions
from grader.study.slips.store import Slip, WrongCall

BEFORE = '''"""A file."""

import torch


def total(x):
    """The sum."""
    rows = x.sum(0)
    return rows.sum(0) + 1
'''
CALL = WrongCall("total(x)", "result = 1", "result = 0")
SLIP = Slip(
    exercise="total_sum",
    mistake="one_more[by=1]",
    advice="One is added.\nIs it asked for?",
    text=BEFORE,
    call=CALL,
    time=datetime(2026, 12, 3, 12, tzinfo=UTC),
)


def question(slip: Slip, *others: Slip) -> CodeLine | Single | None:
    found = slip_questions([slip, *others]).get(slip.id)
    assert found is None or isinstance(found, CodeLine | Single)
    return found


def test_one_changed_line_is_asked_for() -> None:
    asked = question(replace(SLIP, mended=BEFORE.replace(" + 1", "")))
    assert isinstance(asked, CodeLine)
    assert asked.id == "total-sum-one-more-by-1"
    assert asked.code == 'def total(x):\n    """The sum."""\n    rows = x.sum(0)\n    return rows.sum(0) + 1'
    assert asked.answer == 4
    assert asked.question == "On December 3 you wrote this in `total_sum`. Which line is wrong?"
    assert asked.explanation == "One is added. Is it asked for? Later, line 4 became `return rows.sum(0)`."


def test_comments_and_spaces_are_no_changes() -> None:
    mended = (
        BEFORE.replace(" + 1", "").replace("x.sum(0)", "x.sum( 0 )  # over rows").replace("import", "# torch\nimport")
    )
    asked = question(replace(SLIP, mended=mended))
    assert isinstance(asked, CodeLine)
    assert asked.answer == 4


def test_a_line_may_have_become_several_or_none() -> None:
    several = question(
        replace(SLIP, mended=BEFORE.replace("return rows.sum(0) + 1", "rows = rows.sum(0)\n    return rows"))
    )
    assert isinstance(several, CodeLine)
    assert several.explanation.endswith("Later, line 4 became `rows = rows.sum(0); return rows`.")
    text = BEFORE.replace("    return", "    rows = rows * 2\n    return").replace(" + 1", "")
    none = question(replace(SLIP, text=text, mended=BEFORE.replace(" + 1", "")))
    assert isinstance(none, CodeLine)
    assert none.answer == 4
    assert none.explanation.endswith(" Later, line 4 was removed.")


def test_functions_that_were_written_later_are_no_changes() -> None:
    asked = question(replace(SLIP, mended=BEFORE.replace(" + 1", "") + "\n\ndef more(x):\n    return x\n"))
    assert isinstance(asked, CodeLine)
    assert asked.explanation.endswith("Later, line 4 became `return rows.sum(0)`.")


def test_a_line_of_a_method_is_shown_in_its_method() -> None:
    text = "class A:\n    x = 1\n\n    def f(self):\n        def g():\n            return 2\n        return g()\n"
    asked = question(replace(SLIP, text=text, mended=text.replace("return 2", "return 3")))
    assert isinstance(asked, CodeLine)
    assert (asked.code, asked.answer) == ("def f(self):\n    def g():\n        return 2\n    return g()", 3)


@pytest.mark.parametrize(
    "mended",
    [
        BEFORE.replace(" + 1", "").replace("x.sum(0)", "x.sum(1)").replace("rows = ", "rows = +"),
        BEFORE.replace("    return", "    rows = rows - 1\n    return"),
        BEFORE.replace("import torch", "import math"),
        BEFORE + "(",
    ],
    ids=["two lines", "a new line", "outside of functions", "no Python"],
)
def test_otherwise_a_call_is_asked_for(mended: str) -> None:
    asked = question(replace(SLIP, mended=mended))
    assert isinstance(asked, Single)
    assert asked.code == "total(x)"
    assert [option.text for option in asked.options if option.correct] == ["`result = 1`"]
    assert [option.text for option in asked.options][1:] == ["`result = 0`", "nothing, as it raised an exception"]
    assert asked.explanation == "One is added. Is it asked for?"


def test_what_another_mistake_returned_is_an_option() -> None:
    other = replace(SLIP, mistake="two", call=WrongCall("total(x)", "result = 2", "result = 0"))
    asked = question(replace(SLIP, mended=BEFORE + "("), replace(SLIP, exercise="other", call=None), other)
    assert isinstance(asked, Single)
    assert asked.options[2].text == "`result = 2`"


def test_nothing_is_asked_before_the_exercise_has_passed_or_without_a_call() -> None:
    assert slip_questions([SLIP, replace(SLIP, exercise="b", call=None, mended=BEFORE + "(")]) == {}
