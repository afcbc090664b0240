"""README.md is read in a terminal, too: no line is wider than one."""

from tests.docs.documents import read


def test_no_line_is_wider_than_a_terminal() -> None:
    assert [line for line in read("README.md").splitlines() if len(line) > 80] == []
