"""Write results.json, validate it by its schema, and read it back."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from grader.teach.formats import results_json, write
from tests.paths import ROOT
from tests.teach.formats.books import EVIL, sample_book

DOCS = ROOT / "docs" / "reference"


def test_results_are_valid_by_both_schemas(tmp_path: Path) -> None:
    (path,) = write("json", sample_book(), tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json.loads((DOCS / "results.schema.json").read_text())).validate(content)
    single = jsonschema.Draft202012Validator(json.loads((DOCS / "result.schema.json").read_text()))
    results = [each["result"] for student in content["students"] for each in student["grades"] if each["result"]]
    assert len(results) == 10
    for each in results:
        single.validate(each)


def test_results_can_be_read_back(tmp_path: Path) -> None:
    of = sample_book()
    (path,) = write("json", of, tmp_path)
    read = msgspec.json.decode(path.read_bytes(), type=results_json.Results)
    assert (read.course, read.run, read.items, read.max_total) == (of.course, of.run, of.items, 10.0)
    assert len(read.students) == 7
    grades = {(s.student.id, g.item): g for s in read.students for g in s.grades}
    for each in of.grades():
        there = grades.pop((each.student.id, each.item.id))
        assert (there.result or there.quiz) == each.result
        assert (there.handed, there.outcome, there.error) == (each.handed, each.outcome, each.error)
        assert each.student is EVIL or there.points == each.points
    assert grades == {}
    totals = {s.student.id: s.total for s in read.students}
    assert totals["ada"] == pytest.approx(9.2)
    assert totals["gone"] == 0
    assert totals["Олена Ковальчук"] is None  # one of two could not be graded
