"""What the home page and the pages of lessons say about lessons."""

import pytest

from grader.author.site.overview import duration


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (1, "1 minute"),
        (59, "59 minutes"),
        (60, "1 h"),
        (70, "1 h 10 min"),
        (121, "2 h"),
        (599, "10 h"),
        (640, "11 hours"),
    ],
)
def test_long_times_are_rounded(minutes: int, text: str) -> None:
    assert duration(minutes) == text
