"""Text as Markdown."""

import pytest

from grader.show.markdown import fenced


@pytest.mark.parametrize(("text", "fence"), [("x", "```"), ("``` and ````", "`````")])
def test_no_line_of_the_text_ends_the_fenced_block(text: str, fence: str) -> None:
    assert fenced(text, "console") == f"{fence}console\n{text}\n{fence}"
