"""Read exported files, and a student whose name is not Unicode."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from grader.teach.formats.names import folder_name
from grader.teach.handins.handin import Student

BYTES = Student(id="caf\udce9", name="x\ud800\ufffe")  # a folder whose name is not UTF-8


def table(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter(text)))
    assert len({len(row) for row in rows}) == 1
    return rows


def delimiter(text: str) -> str:
    """Return the delimiter as Canvas finds it: the one with equally many cells in the first three lines."""
    cells = {}
    for mark in ";,":
        counts = {len(next(csv.reader([line], delimiter=mark))) for line in text.splitlines()[:3]}
        cells[mark] = counts.pop() if len(counts) == 1 else 0
    return ";" if cells[";"] > cells[","] else ","


def student_file(out: Path, name: str, student: Student, file: str) -> Any:
    return json.loads((out / name / folder_name(student.id) / file).read_text(encoding="utf-8"))
