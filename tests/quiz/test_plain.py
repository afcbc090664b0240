"""Questions in plain lines."""

from grader.quiz.plain import plain_text

TABLE = """\
A model is asked about
lists of 8:

    hops       1     2
    right   1.00  0.39

What does it say?"""


def test_paragraphs_are_joined_and_indented_code_is_as_it_stands() -> None:
    assert plain_text(TABLE, 2, 40) == [
        "  A model is asked about lists of 8:",
        "      hops       1     2",
        "      right   1.00  0.39",
        "  What does it say?",
    ]


def test_items_stay_apart() -> None:
    assert plain_text("Either\n- one, or\n- two.", 0, 40) == ["Either", "- one, or", "- two."]
