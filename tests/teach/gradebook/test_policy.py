"""Tests of applying late penalties, extensions and adjustments."""

from pathlib import Path

import pytest

from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.model import Points
from tests.command_line import run
from tests.teach.gradebook.builders import ADA, BOB, LATE, MOE, ROPE, begin, points, record, result, write


@pytest.mark.parametrize(
    ("time", "late", "reason"),
    [
        ("2026-10-01T23:59+03:00", 0.0, None),
        ("2026-10-02T00:14+03:00", 0.0, None),
        ("2026-10-01T21:20+00:00", -1.0, "Handed in 21 min late: 10 % of the maximum is taken away."),
        ("2026-10-03T00:00+03:00", -2.0, "Handed in 1 day late: 20 % of the maximum is taken away."),
        ("2026-10-08T23:59+03:00", -5.0, "Handed in 7 days late: 50 % of the maximum is taken away."),
        ("2026-10-09T04:00+03:00", -7.0, "Handed in 7 days 4 h late; nothing counts after 7 days."),
    ],
    ids=["due", "grace", "another zone", "a minute of the second day", "at most", "rejected"],
)
def test_takes_points_away_for_lateness(gradebook_folder: Path, time: str, late: float, reason: str | None) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        record(gradebook, begin(gradebook, "again"), BOB, MOE, result(first=2.0), time=time)
        gradebook.set_policies(late=Path(write("late.yaml", LATE)))
    found = points(gradebook_folder, BOB, MOE)
    expected = (reason,) if reason else ()
    assert found == Points(measured=7, late=late, final=7 + late, max=10, reasons=expected)


def test_takes_away_no_more_than_the_measured_score(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        record(gradebook, begin(gradebook, "again"), BOB, MOE, result(first=0.0, second=0.5), time="2026-10-04T00:00Z")
        gradebook.set_policies(late=Path(write("late.yaml", LATE)))
    found = points(gradebook_folder, BOB, MOE)
    assert (found.measured, found.late, found.final) == (0.5, -0.5, 0.0)


def test_takes_nothing_away_for_lateness_of_unknown_length(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "again")
        record(gradebook, run_id, ADA, MOE, result(), late=True)
        record(gradebook, run_id, BOB, MOE, result(), late=False)
        gradebook.set_policies(late=Path(write("late.yaml", LATE)))
    assert points(gradebook_folder, ADA, MOE).reasons == (
        "The learning platform marked it as late, but its time is unknown; nothing is taken away.",
    )
    assert points(gradebook_folder, BOB, MOE).reasons == ()
    assert "3 of the files have no known time" in " ".join(run("gradebook").stdout.split())


def test_applies_extensions(gradebook_folder: Path) -> None:
    write("late.yaml", LATE)
    write("extensions.csv", "\ufeffStudent,Item,Due,Days\nal17,rope,,3\nbob,,2026-10-03T11:00+03:00,\n")
    assert run("gradebook", "--late", "late.yaml", "--extensions", "extensions.csv").exit_code == 0
    assert points(gradebook_folder, ADA, ROPE) == Points(
        measured=3.5, final=3.5, max=4, reasons=("The due date was extended to 2026-10-05 00:00+03:00.",)
    )
    assert points(gradebook_folder, BOB, MOE).late == -1.0  # an hour after his own due date


def test_prefers_an_extension_for_an_item_to_one_for_all(gradebook_folder: Path) -> None:
    write("late.yaml", LATE)
    write("extensions.csv", "student,item,due,days\nbob,,,30\nbob,moe_router,,0\n")
    assert run("gradebook", "--late", "late.yaml", "--extensions", "extensions.csv").exit_code == 0
    assert points(gradebook_folder, BOB, MOE).late == -2.0


def test_applies_adjustments_last_even_above_the_maximum(gradebook_folder: Path) -> None:
    write("late.yaml", LATE)
    write(
        "adjustments.csv",
        "student,exercise,points,percent,reason\n"
        'bob,moe_router,-0.5,,"copied, in part"\nbob,moe_router,,10%,oral exam\nada,moe_router,1,,bonus\n'
        "ada,rope,-99,,not your own\neve,rope,2,,ill\n",
    )
    assert run("gradebook", "--late", "late.yaml", "--adjustments", "adjustments.csv").exit_code == 0
    assert points(gradebook_folder, BOB, MOE) == Points(
        measured=5,
        late=-2,
        adjustment=0.5,
        final=3.5,
        max=10,
        reasons=(
            "Handed in 1 day 12 h late: 20 % of the maximum is taken away.",
            "-0.5 points: copied, in part",
            "+1 point: oral exam",
        ),
    )
    assert points(gradebook_folder, ADA, MOE).final == 11
    assert points(gradebook_folder, ADA, ROPE).final == 0
    assert "1 of the adjustments are for missing work, and have no effect." in run("gradebook").stdout
