"""Write results.json of each student for PrairieLearn."""

import json
import os
from pathlib import Path

import msgspec

from grader.base.result import Failure, Outcome, Output
from grader.teach.formats import write
from tests.teach.formats.books import ADA, BOB, MOE, book, case, grade, passed, result


def test_scores_are_shares_and_files_stay_below_1_mb(tmp_path: Path) -> None:
    failure = Failure("No. " * 10)
    tests = [
        case(f"test_{number}", Outcome.FAILED, 0.05, failure=failure, output=Output(f"{number} " * 90_000))
        for number in range(20)
    ]
    frames = [msgspec.structs.replace(each, failure=Failure("word " * 40_000)) for each in tests]
    of = book(grade(ADA, MOE, result(MOE, *frames)), grade(BOB, MOE, passed(MOE)), items=[MOE])
    small, large = sorted(write("prairielearn", of, tmp_path), key=os.path.getsize)
    assert json.loads(small.read_bytes())["score"] == 1.0
    assert large.stat().st_size <= 1_000_000
    content = json.loads(large.read_bytes())
    assert len(content["tests"]) == 20
    assert "Messages and outputs are cut after 5000 characters" in content["message"]
    assert all({"points", "max_points"} <= set(test) for test in content["tests"])
