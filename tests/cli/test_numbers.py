"""Tests of the errors for options that take a number."""

from pathlib import Path

import pytest

from tests.command_line import error


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("hint alpha x", "'x' is not a whole number of 1 or more."),
        ("hint alpha 0", "'0' is not a whole number of 1 or more."),
        ("quiz 1 --n 1.5", "'1.5' is not a whole number of 1 or more."),
        ("batch --jobs 2000 here", "'2000' is not a whole number from 1 to 1024."),
        ("exercise alpha --timeout x", "'x' is not a number from 0.1 to 3600."),
        ("exercise alpha --timeout 0", "'0' is not a number from 0.1 to 3600."),
    ],
)
def test_an_error_says_which_numbers_are_expected(small_course: Path, words: str, sentence: str) -> None:
    assert error(*words.split()).endswith(f": {sentence}")
