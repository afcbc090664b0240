"""Tests of the late policy and its file."""

from pathlib import Path

import pytest

from grader.teach.gradebook.late import read_late_policy
from tests.command_line import error
from tests.teach.gradebook.builders import write


def test_charges_a_penalty_per_hour(tmp_path: Path) -> None:
    path = tmp_path / "late.yaml"
    path.write_text("due: 2026-10-01T12:00Z\nper_hour: 2.5 %\n")
    policy = read_late_policy(path, ["rope"])
    due = policy.due_for("rope")
    assert due is not None
    assert [policy.share(policy.step * hours) for hours in (0, 0.01, 1, 1.5, 99)] == [0, 0.025, 0.025, 0.05, 1.0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "due: 2026-10-01T23:59\nper_day: 10%",
            "1: '2026-10-01T23:59' has no time zone; write it as 2026-10-01T23:59+03:00.",
        ),
        ("due:\n  moe_ruter: x", "2: nothing was handed in as 'moe_ruter'. Did you mean 'moe_router'?"),
        ("due: soon\nper_day: 10%", "1: 'soon' is not a date and time; write it as 2026-10-01T23:59+03:00."),
        (
            "due: 2026-10-01T23:59Z\nper_day: 10",
            "2: 'per_day' must be a percentage of the maximum such as 10%, not '10'.",
        ),
        (
            "due: 2026-10-01T23:59Z\nper_day: 1%\ngrace: 3 moons",
            "3: 'grace' must be a time such as 15 min, 2 hours or 7 days, not '3 moons'.",
        ),
        ("due: 2026-10-01T23:59Z\nper_day: 1%\nper_hour: 1%", "3: give either per_day or per_hour."),
        ("due: 2026-10-01T23:59Z", "1: this policy has no effect; add per_day, per_hour, reject_after or counts."),
        (
            "due: 2026-10-01T23:59Z\ncounts: bets",
            "2: 'counts' must be last-on-time, last or best, not 'bets'. Did you mean 'best'?",
        ),
        ("counts: last", "1: 'due' is missing."),
        ("counts: best\nper_day: 10%", "1: 'due' is missing."),
        ("due: 2026-10-01T23:59Z\nper_dya: 1%", "2: unknown key 'per_dya'. Did you mean 'per_day'?"),
    ],
)
def test_reports_errors_in_a_late_policy_with_line(gradebook_folder: Path, text: str, sentence: str) -> None:
    write("late.yaml", text)
    if "moe_ruter" in text:
        text += "\nper_day: 1%"
        write("late.yaml", text)
    assert error("gradebook", "--late", "late.yaml") == f"late.yaml:{sentence}"
