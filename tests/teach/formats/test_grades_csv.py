"""Write grades.csv and grades-long.csv."""

from pathlib import Path

import msgspec

from grader.teach.formats import write
from tests.teach.formats.books import ADA, ROPE, book, grade, passed, sample_book
from tests.teach.formats.written import table


def test_tables_have_rows_for_students_and_grades(tmp_path: Path) -> None:
    wide, long, _ = (table(path) for path in write("csv", sample_book(), tmp_path))
    by_id = {row[0]: row[4:] for row in wide}
    assert by_id["student"] == ["moe_router", "mixture-of-experts", "rope", "total", "max"]
    assert by_id["ada"] == ["4", "2.5", "2.7", "9.2", "10"]
    assert by_id["bob"] == ["1.5", "", "0", "1.5", "10"]
    assert by_id["gone"] == ["", "", "", "0", "10"]
    assert by_id["Олена Ковальчук"] == ["", "", "3", "", "10"]
    header, *rows = long
    assert len(rows) == len(list(sample_book().grades()))
    bob = dict(zip(header, next(row for row in rows if row[0] == "bob"), strict=True))
    assert bob["name"] == 'Bob "Bobby" Tables, Jr.'
    assert {key: bob[key] for key in ("measured", "late", "adjustment", "final", "max")} == {
        "measured": "1",
        "late": "0",
        "adjustment": "0.5",
        "final": "1.5",
        "max": "4",
    }
    assert (bob["diagnosis"], bob["outcome"]) == ("softmax_all", "graded")
    olena = next(dict(zip(header, row, strict=True)) for row in rows if row[0] == "Олена Ковальчук")
    assert (olena["final"], olena["outcome"], olena["error"]) == ("", "error", "The judge ended by signal 9.")


def test_points_have_no_rounding_noise(tmp_path: Path) -> None:
    noisy = grade(ADA, ROPE, passed(ROPE), late=-0.3)
    assert noisy.points is not None
    noisy = msgspec.structs.replace(noisy, points=msgspec.structs.replace(noisy.points, final=0.1 + 0.2))
    wide, *_ = write("csv", book(noisy), tmp_path)
    assert table(wide)[1][4:] == ["", "", "0.3", "0.3", "10"]
