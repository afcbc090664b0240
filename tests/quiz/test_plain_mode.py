"""Markdown as plain lines."""

from grader.quiz.plain_mode import plain_text

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
