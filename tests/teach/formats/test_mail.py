"""Write mail.csv."""

from pathlib import Path

import pytest

from grader.teach.formats import write
from grader.teach.formats.feedback import write_feedback
from tests.teach.formats.books import sample_book
from tests.teach.formats.written import table


def test_writes_a_row_for_each_student_with_an_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_feedback(sample_book(), tmp_path)
    (path,) = write("mail", sample_book(), tmp_path)
    header, *rows = table(path)
    assert header == ["email", "name", "student", "points", "of", "text", "attachment"]
    ada = next(row for row in rows if row[2] == "ada")
    assert ada[:5] == ["ada@example.edu", "Ada Lovelace", "ada", "9.2", "10"]
    assert "Measured 3, -0.3 for lateness. 1 day late: 10 % of 3 points." in ada[5]
    assert all((tmp_path / row[6]).is_file() for row in rows)
    assert next(row for row in rows if row[2] == "gone")[5] == "Nothing could be graded."
    assert "have no e-mail address and therefore no row: Олена Ковальчук." in capsys.readouterr().err
