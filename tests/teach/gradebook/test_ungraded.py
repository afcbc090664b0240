"""Tests of listing the files that are not graded."""

from pathlib import Path
from typing import Any

from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.ungraded import ungraded_files, ungraded_in
from grader.teach.handins.handin import Ignored, IgnoredKind, Student
from tests.teach.gradebook.builders import ADA, BOB, EVE, ITEMS, MOE, ROPE, begin, record, result

NOTES = Ignored(file="in/ada/notes.md", why="neither", student=ADA)
CODE = Ignored(file="in/ada/old.py", why="named for no exercise", student=ADA)
BROKEN = Ignored(file="in/ada/work.7z", why="of a kind", kind=IgnoredKind.UNREAD, student=ADA)
ASKED = Ignored(file="in/ada/a.py", why="for another", kind=IgnoredKind.UNASKED, student=ADA)
EARLIER = Ignored(file="in/ada/rope.py", why="an earlier version", kind=IgnoredKind.EARLIER, student=ADA)
NOISE = Ignored(file="in/ada/.git", why="left behind", kind=IgnoredKind.NOISE, student=ADA)
NOBODYS = Ignored(file="in/0.py", why="lies outside")
MISNAMED = Ignored(file="in/bob/moe-router.py", why="named for no exercise", student=BOB)


def test_sorts_the_most_important_files_first() -> None:
    found = ungraded_files([NOISE, ASKED, NOTES, CODE, EARLIER, NOBODYS, BROKEN, MISNAMED], {"ada"})
    assert found.students == {BOB: [MISNAMED]}
    assert found.files == [BROKEN, NOBODYS, CODE, NOTES, ASKED]
    assert found.unread == [BROKEN]


def test_summarizes_everything_that_needs_attention() -> None:
    assert ungraded_files([NOTES, EARLIER, NOISE], {"ada"}).sentence is None
    assert ungraded_files([MISNAMED], ()).sentence == "nothing is graded for 1 student who handed something in: Bob"
    assert ungraded_files([BROKEN, BROKEN], {"ada"}).sentence == "1 file cannot be read"  # a group's
    many = [Ignored(file="x", why="y", student=Student(id=f"s{n}", name=f"S\n{n}")) for n in range(7)]
    assert ungraded_files([BROKEN, *many], {"ada"}).sentence == (
        "nothing is graded for 7 students who handed something in: S\\n0, S\\n1, S\\n2, S\\n3, S\\n4 and 2 more; "
        "1 file of others cannot be read"
    )


def test_lists_a_student_with_a_grade_of_another_run_only(tmp_path: Path) -> None:
    with Gradebook(tmp_path, create=True) as gradebook:
        first = begin(gradebook, "week 1", items=(MOE,))
        record(gradebook, first, BOB, MOE, result())
        gradebook.end_run(first)
        what: dict[str, Any] = {"engine": "e", "course": "c", "course_hash": "c", "layout": "flat", "items": ITEMS}
        second = gradebook.begin_run(["week 2"], **what, students=[ADA, BOB, EVE], ignored=[MISNAMED]).run
        record(gradebook, second, ADA, ROPE, result(ROPE))
        assert ungraded_in(gradebook.book()).students == {BOB: [MISNAMED]}
