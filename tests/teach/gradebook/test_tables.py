"""Tests of errors in the tables of extensions and adjustments."""

from pathlib import Path

import pytest

from grader.teach.gradebook import Gradebook
from tests.command_line import error
from tests.teach.gradebook.builders import write


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("extensions", "student,days\nbbo,3", "2: no student 'bbo' in the gradebook. Did you mean 'bob'?"),
        ("extensions", "student,item,days\nbob,ropes,3", "2: nothing was handed in as 'ropes'. Did you mean 'rope'?"),
        ("extensions", "student,item,due,days\nbob,rope,,", "2: fill in either due or days."),
        (
            "extensions",
            "student,days\nbob,3\n\nbob,4",
            "4: the extension in line 2 is for the same student and item; keep one of them.",
        ),
        (
            "extensions",
            "student,due\nbob,2026-10-01 12:00",
            "2: '2026-10-01 12:00' has no time zone; write it as 2026-10-01T23:59+03:00.",
        ),
        ("extensions", "student,days\nbob,-1", "2: 'days' must be from 0 to 10000, not '-1'."),
        ("extensions", "", "1: the file is empty; its first row must be student, item, due, days."),
        (
            "adjustments",
            "student,item,points\nbob,rope,1",
            "1: the column 'reason' is missing; the first row must be student, item, reason, points, percent.",
        ),
        (
            "adjustments",
            "student,item,points,reason\nbob,rope,nan,x",
            "2: 'points' must be a number such as 1.5 or -2, not 'nan'.",
        ),
        (
            "adjustments",
            'student,item,points,reason\nbob,rope,1,"two\nlines"\nbob,rope,2,',
            "4: the reason is missing; the student will read it.",
        ),
        (
            "adjustments",
            "student,item,points,reason\nbob,rope,1,a,b",
            "2: 5 cells for 4 columns; put a cell with , in quotes.",
        ),
        (
            "adjustments",
            "student,item,points,reasno\nbob,rope,1,a",
            "1: the column 'reason' is missing; the first row must be student, item, reason, points, percent.",
        ),
        (
            "adjustments",
            "student,item,points,reason\nbob,rope,1,a\nbob,rope,1,a",
            "3: the same row is already in line 2; remove one.",
        ),
        ("adjustments", 'student,item,points,reason\nbob,rope,1,"a', "2: not valid CSV: unexpected end of data."),
    ],
)
def test_reports_errors_in_a_table_with_line(gradebook_folder: Path, option: str, text: str, sentence: str) -> None:
    write("table.csv", text)
    assert error("gradebook", f"--{option}", "table.csv") == f"table.csv:{sentence}"
    with Gradebook(gradebook_folder) as gradebook:
        assert gradebook.policy_files() == {}
