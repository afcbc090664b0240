"""Tests of storing policies in the gradebook."""

from pathlib import Path

from grader.teach.gradebook import Gradebook
from tests.command_line import error, run
from tests.teach.gradebook.builders import BOB, LATE, MOE, points, write


def test_keeps_policies_until_others_are_given(gradebook_folder: Path) -> None:
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


def test_shows_a_row_without_points_as_a_comment(gradebook_folder: Path) -> None:
    rows = ("student,item,points,percent,comment", "bob,moe_router,1,,bonus", "bob,moe_router,,,Well done.")
    write("adjustments.csv", "\n".join(rows))
    run("gradebook", "--adjustments", "adjustments.csv")
    found = points(gradebook_folder, BOB, MOE)
    assert (found.adjustment, found.reasons) == (1.0, ("+1 point: bonus", "Comment: Well done."))
    run("gradebook", "--format", "feedback", "--out", "out")
    assert "Comment: Well done." in Path("out/feedback/bob/feedback.html").read_text("utf-8")
    write("both.csv", "student,item,points,percent,reason\nbob,moe_router,1,1%,x\n")
    told = error("gradebook", "--adjustments", "both.csv")
    assert "fill in either points or percent, or neither for a comment" in told


def test_notes_an_adjustment_above_the_items_maximum(gradebook_folder: Path) -> None:
    write("adjustments.csv", "student,item,points,percent,reason\nbob,moe_router,1e9,,a slip\nada,rope,,-20%,late\n")
    told = " ".join(run("gradebook", "--adjustments", "adjustments.csv").stdout.split())
    assert "Adjusted by more than the item is worth: bob, moe_router." in told
