"""Tests of choosing the version that counts."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.model import Points
from tests.command_line import run
from tests.teach.gradebook.builders import ADA, BOB, LATE, MOE, begin, handed, points, record, result, write

BEFORE, AT, GRACE, AFTER, LATER = (
    "2026-10-01T20:00+03:00",
    "2026-10-01T23:59+03:00",
    "2026-10-02T00:14+03:00",
    "2026-10-02T00:15+03:00",  # a minute after the grace: 10 % are taken away
    "2026-10-03T12:00+03:00",  # 20 %
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def versions(folder: Path, *found: tuple[str | None, float], late: list[bool] | None = None) -> None:
    """Record Ada's versions, given by time and points of 10."""
    with Gradebook(folder, create=True) as gradebook:
        run_id = begin(gradebook)
        for n, (time, score) in enumerate(found):
            flag = late[n] if late else None
            measured = result(first=score - 5.0)
            record(gradebook, run_id, ADA, MOE, measured, time=time, late=flag, version=(n + 1, len(found)))


def counted(folder: Path, policy: str, extensions: str = "") -> tuple[float, str]:
    """Return Ada's points under a policy, and the reasons. Nothing is graded again."""
    words = ["gradebook", str(folder), "--late", write("late.yaml", policy)]
    words += ["--extensions", write("extensions.csv", f"student,item,due,days\n{extensions}\n")]
    done = run(*words)
    assert done.exit_code == 0, done.stderr
    found = points(folder, ADA, MOE)
    return found.final, " ".join(found.reasons)


@pytest.mark.parametrize(
    ("times", "final", "why"),
    [
        ((BEFORE, AT, AFTER), 7.0, "Version of 2026-10-01 23:59+03:00, the last on time; 2 others."),
        ((BEFORE, GRACE, AFTER), 7.0, "Version of 2026-10-02 00:14+03:00, the last on time; 2 others."),
        ((BEFORE, AFTER, LATER), 6.0, "Version of 2026-10-01 20:00+03:00, the last on time; 2 others."),
        ((BEFORE, "2026-10-01T20:58Z", AFTER), 7.0, "Version of 2026-10-01 23:58+03:00, the last on time; 2 others."),
    ],
    ids=["exactly at the due date", "within the grace", "one on time", "another zone"],
)
def test_counts_the_last_version_on_time(folder: Path, times: tuple[str, str, str], final: float, why: str) -> None:
    versions(folder, *zip(times, (6.0, 7.0, 10.0), strict=True))
    found = counted(folder, LATE)
    assert (found[0], why in found[1]) == (final, True), found


def test_counts_the_last_version_with_penalty_if_none_is_on_time(folder: Path) -> None:
    versions(folder, (AFTER, 10.0), (LATER, 9.0))
    assert counted(folder, LATE) == (
        7.0,
        "Version of 2026-10-03 12:00+03:00, the last, because none was on time; 1 other. "
        "Handed in 1 day 12 h late: 20 % of the maximum is taken away.",
    )


def test_applies_an_extension_without_grading_again(folder: Path) -> None:
    versions(folder, (BEFORE, 6.0), (AFTER, 8.0), (LATER, 10.0))
    assert counted(folder, LATE)[0] == 6.0
    assert counted(folder, LATE, "ada,moe_router,,1") == (
        8.0,
        "Version of 2026-10-02 00:15+03:00, the last on time; 2 others. "
        "The due date was extended to 2026-10-02 23:59+03:00.",
    )
    assert counted(folder, LATE, "ada,,2026-10-03T12:00+03:00,")[0] == 10.0
    assert counted(folder, LATE, "bob,,,30")[0] == 6.0


def test_counts_the_last_version_if_the_policy_says_so(folder: Path) -> None:
    versions(folder, (BEFORE, 10.0), (LATER, 9.0))
    why = "Version of 2026-10-03 12:00+03:00, the last; 1 other."
    assert counted(folder, f"counts: last\n{LATE}")[0] == 7.0
    assert counted(folder, f"counts: last\n{LATE}")[1].startswith(why)
    assert counted(folder, "due: {rope: 2026-10-01T23:59Z}\nper_day: 10%") == (9.0, why)  # it is never due


def test_counts_the_best_version_after_late_penalties(folder: Path) -> None:
    versions(folder, (BEFORE, 7.0), (AFTER, 9.0), (LATER, 9.5))
    assert counted(folder, f"counts: best\n{LATE}") == (
        8.0,
        "Version of 2026-10-02 00:15+03:00, the best; 2 others. "
        "Handed in 16 min late: 10 % of the maximum is taken away.",
    )
    assert counted(folder, "counts: best") == (9.5, "Version of 2026-10-03 12:00+03:00, the best; 2 others.")


def test_counts_the_last_of_equally_good_versions(folder: Path) -> None:
    versions(folder, (BEFORE, 8.0), (GRACE, 8.0), (LATER, 8.0))
    assert counted(folder, f"counts: best\n{LATE}") == (
        8.0,
        "Version of 2026-10-02 00:14+03:00, the best; 2 others.",
    )


def test_counts_the_last_version_without_a_policy(folder: Path) -> None:
    versions(folder, (BEFORE, 10.0), (LATER, 9.0))
    assert points(folder, ADA, MOE) == Points(
        measured=9, final=9, max=10, reasons=("Version of 2026-10-03 12:00+03:00, the last; 1 other.",)
    )
    assert "1 of the grades have several versions: the last counts." in run("gradebook").stdout


def test_counts_the_last_or_best_of_versions_without_times(folder: Path) -> None:
    versions(folder, (None, 10.0), (None, 9.0))
    why = "the last, because it is unknown which were on time"
    assert counted(folder, LATE) == (9.0, f"Version 2, {why}; 1 other.")
    assert counted(folder, f"counts: best\n{LATE}") == (10.0, "Version 1, the best; 1 other.")


def test_uses_the_platforms_late_marks_without_times(folder: Path) -> None:
    versions(folder, (None, 7.0), (None, 8.0), (None, 9.0), late=[False, False, True])
    assert counted(folder, LATE) == (8.0, "Version 2, the last on time; 2 others.")
    assert counted(folder, LATE, "ada,,,3")[0] == 9.0  # of this the platform knows nothing


def test_counts_a_failed_version_as_possibly_the_best(folder: Path) -> None:
    with Gradebook(folder, create=True) as gradebook:
        run_id = begin(gradebook)
        record(gradebook, run_id, BOB, MOE, result(first=0.0), time=BEFORE, version=(1, 2))
        lost = replace(handed(BOB, MOE, time=LATER), version=2, versions=2)
        gradebook.fail(run_id, BOB, "moe_router", lost, "the judge was lost")
    assert ["Bob", "bob", "!", "-", "-", "?"] in shown(folder, "counts: best")
    assert ["Bob", "bob", "5", "-", "-", "5"] in shown(folder, LATE)


def shown(folder: Path, policy: str) -> list[list[str]]:
    lines = run("gradebook", str(folder), "--late", write("late.yaml", policy)).stdout.splitlines()
    return [line.split() for line in lines]


def test_compares_the_versions_that_count(folder: Path) -> None:
    with Gradebook(folder, create=True) as gradebook:
        for command, late in (("first", 9.0), ("second", 10.0)):
            run_id = begin(gradebook, command)
            record(gradebook, run_id, ADA, MOE, result(first=1.0), time=BEFORE, version=(1, 2), submission="on time")
            record(gradebook, run_id, ADA, MOE, result(first=late - 5), time=LATER, version=(2, 2), submission=command)
            gradebook.end_run(run_id)
    assert "1 of 1 grades moved: 1 up" in run("compare", "1", "2").stdout
    run("gradebook", "--late", write("late.yaml", LATE))
    assert "Nothing changed; 1 grades are the same." in run("compare", "1", "2").stdout


def test_exports_the_version_that_counts(folder: Path) -> None:
    versions(folder, (BEFORE, 6.0), (LATER, 10.0))
    counted(folder, LATE)
    formats = [word for name in ("csv", "json", "html", "feedback") for word in ("--format", name)]
    assert run("gradebook", *formats, "--out", "out").exit_code == 0
    why = "Version of 2026-10-01 20:00+03:00, the last on time; 1 other."
    out = Path("out")
    wide = (out / "grades.csv").read_text("utf-8").splitlines()
    assert [row for row in wide if row.startswith("ada,")] == ["ada,Ada Lovelace,ada@example.org,al17,6,,,6,16"]
    (row,) = (out / "grades-long.csv").read_text("utf-8").splitlines()[1:]
    assert f'"{why}"' in row
    (grade,) = json.loads((out / "results.json").read_text("utf-8"))["students"][0]["grades"]
    assert (grade["handed"]["version"], grade["handed"]["versions"], grade["points"]["final"]) == (1, 2, 6)
    for page in ("work/ada.html", "feedback/ada/feedback.html", "feedback/ada/feedback.md"):
        assert why in " ".join((out / page).read_text("utf-8").split())
    assert "<small>version 1 of 2</small>" in (out / "report.html").read_text("utf-8")
    assert why in " ".join(run("gradebook", "--student", "ada").stdout.split())
