"""Questions asked line by line, and Markdown as plain lines."""

from grader.quiz.plain_mode import ask_plainly, plain_text
from grader.quiz.session import EndReason
from tests.quiz.recorded import Recorded

TABLE = """\
A model is asked about
lists of 8:

    hops       1     2
    right   1.00  0.39

What does it say?"""


def test_joins_paragraphs_and_keeps_indented_code() -> None:
    assert plain_text(TABLE, 2, 40) == [
        "  A model is asked about lists of 8:",
        "      hops       1     2",
        "      right   1.00  0.39",
        "  What does it say?",
    ]


def test_list_items_stay_on_lines_of_their_own() -> None:
    assert plain_text("Either\n- one, or\n- two.", 0, 40) == ["Either", "- one, or", "- two."]


def test_a_second_appeal_is_refused() -> None:
    session = Recorded("name-of-it")
    typed = iter(["nonsense", "a", "a", "q"])
    said: list[str] = []
    assert ask_plainly(session, lambda: next(typed, None), lambda *lines: said.extend(lines), 77) is EndReason.STOPPED
    assert session.first_answers[session.position - 1].mark.score == 1
    assert said[-2:] == ["  It counts as right.", "  There is nothing to appeal here."]
