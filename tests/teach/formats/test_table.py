"""Formulas in cells of tables."""

import csv
import re
from pathlib import Path

import pytest

from grader.base.text import clean_line
from grader.teach.formats import write
from grader.teach.formats.table import csv_cell
from tests.teach.formats.books import sample_book
from tests.teach.formats.written import table


@pytest.mark.parametrize("name", ["csv", "canvas"])
def test_no_cell_is_a_formula(name: str, tmp_path: Path) -> None:
    for path in write(name, sample_book(), tmp_path):
        for row in table(path):
            for text in row:
                assert not re.match(r"\s*[=+\-@]", text) or re.fullmatch(r"-?[0-9.]+", text)
                assert clean_line(text) == text or text == "    Points Possible"


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd", "-2+3", "\t=1", "\r=1", " =1", "＝1"])
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert csv_cell(text).startswith(("'", r"\r"))


@pytest.mark.parametrize("text", ["x;=1", 'x;"=1', "x; @SUM(A1)", "a,b;-2+3"])
def test_formulas_after_a_semicolon_get_an_apostrophe(text: str) -> None:
    """A spreadsheet with the comma as decimal mark splits lines at semicolons, even in quotes."""
    (line,) = csv.reader([f"1,{csv_cell(text)}"], delimiter=";")
    assert not any(re.match(r'[\s"]*[=+\-@]', each) for each in line)
    assert len(line) == 2


@pytest.mark.parametrize("text", ["-17", "+380501234567", "0042", "1.5", "ada-1", "a=b", ""])
def test_numbers_and_ids_are_unchanged(text: str) -> None:
    assert csv_cell(text) == text
