"""Numbers as they are printed."""

import pytest

from grader.show.typography import typeset

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("-7.86", "−7.86"),
        ("from -1 to (-2)", "from −1 to (−2)"),
        ("80 GB at 3.35 TB/s", f"80{SPACE}GB at 3.35{SPACE}TB/s"),
        ("4 bits, 5 % of 1.8 trillion", f"4{SPACE}bits, 5{SPACE}% of 1.8{SPACE}trillion"),
        ("-5 s", f"−5{SPACE}s"),
    ],
)
def test_numbers_have_a_minus_sign_and_stay_with_their_unit(written: str, printed: str) -> None:
    assert typeset(written) == printed


@pytest.mark.parametrize("text", ["GPT-2", "2-3", "a - 2", "arXiv 2401.1-2", "5 GBs", "4 heads", "x 5", "2 hats"])
def test_other_text_stays(text: str) -> None:
    assert typeset(text) == text
