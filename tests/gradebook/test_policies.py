"""Policies are kept in the gradebook until others are given."""

from pathlib import Path

from grader.gradebook import Gradebook
from tests.command_line import run
from tests.gradebook.builders import BOB, LATE, MOE, points, write


def test_policies_stay_until_others_are_given(gradebook_folder: Path) -> None:
    write("late.yaml", LATE)
    write("adjustments.csv", "student,item,points,reason\nbob,moe_router,1,bonus\n")
    run("gradebook", "--late", "late.yaml", "--adjustments", "adjustments.csv")
    Path("late.yaml").unlink()
    assert points(gradebook_folder, BOB, MOE).final == 4
    write("none.csv", "student;item;points;reason\n")
    run("gradebook", "--adjustments", "none.csv")
    assert points(gradebook_folder, BOB, MOE).final == 3
    with Gradebook(gradebook_folder) as gradebook:
        assert gradebook.policy_files() == {"adjustments": "none.csv", "late": "late.yaml"}
