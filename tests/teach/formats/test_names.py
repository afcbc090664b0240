"""Safe and distinct names of students' folders."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.teach.formats.names import folder_name


@given(st.text(max_size=80), st.text(max_size=80))
@example("Ada", "ada")
@example("é", "e\u0301")
@example("ß", "ss")
@example("..", ".")
@example("a" * 300, "a" * 301)
@example("\udce9", "\ud800")
@example("", "student")
@example("con", "CON.txt")
@example("", "0-")
def test_names_are_safe_and_distinct_on_every_file_system(one: str, other: str) -> None:
    names = [folder_name(one), folder_name(other)]
    for name in names:
        assert len(name.encode()) <= 255
        assert not re.search(r'[\x00-\x1f/\\:*?"<>|\s]', name)
        assert name.strip(". -") == name != ""
        assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name)
    folded = {unicodedata.normalize("NFD", name.casefold()) for name in names}
    assert (len(folded) == 1) == (one == other)


@pytest.mark.parametrize("plain", ["ada", "12345", "s.k-1_2", "ada@example.edu"])
def test_plain_ids_are_unchanged(plain: str) -> None:
    assert folder_name(plain) == plain
