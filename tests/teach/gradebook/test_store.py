"""Tests of recording grades in a gradebook and reading them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from grader.base.result import Outcome, Result
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.model import Points
from grader.teach.handins.handin import Ignored, IgnoredKind, Student
from tests.teach.gradebook.builders import (
    ADA,
    BOB,
    CLASS,
    EVE,
    ITEMS,
    MOE,
    ROPE,
    begin,
    grades,
    handed,
    quiz_result,
    record,
    result,
)


def test_reads_what_was_recorded(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        book = gradebook.book()
        assert (book.course, book.students, [item.id for item in book.items]) == (
            "Small course",
            list(CLASS),
            ["moe_router", "moe", "rope"],
        )
        found = list(book.grades())
        assert [(grade.student.id, grade.item.id) for grade in found] == [
            ("ada", "moe_router"),
            ("ada", "moe"),
            ("ada", "rope"),
            ("bob", "moe_router"),
        ]
        assert [grade.result for grade in found] == [
            result(),
            quiz_result(1.0, 0.5),
            result(ROPE, second=1.5),
            result(first=0.0),
        ]
        assert found[2].handed == handed(ADA, ROPE, time="2026-10-04T01:00+03:00")
        assert (book.run.graded, book.run.reused, book.run.errors, book.run.ended is None) == (4, 0, 0, False)


def test_finds_and_reuses_a_result_for_the_same_content(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "batch again")
        (scored,) = (each.result for each in gradebook.entries(1) if (each.student, each.item) == ("ada", "moe_router"))
        assert scored is not None
        found = gradebook.find_result(scored.key)
        assert found == scored.id
        assert gradebook.find_result("another") is None
        copied = msgspec.structs.replace(handed(BOB, MOE), file="in.zip/bob/copied.py")
        gradebook.reuse(run_id, BOB, "moe_router", copied, found)
        (grade,) = gradebook.book(run_id).grades()
        assert isinstance(grade.result, Result)
        assert (grade.student, grade.result.score, grade.result.file) == (BOB, 10.0, "copied.py")
        assert gradebook.run().reused == 1


def test_finds_the_newest_result_of_a_key(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "batch --regrade")
        newest = record(gradebook, run_id, ADA, MOE, result(first=1.0))
        scored = next(iter(gradebook.entries(run_id))).result
        assert scored is not None
        assert gradebook.find_result(scored.key) == newest


def test_resumes_an_interrupted_run_with_the_same_command(tmp_path: Path) -> None:
    with Gradebook(tmp_path, create=True) as gradebook:
        first = begin(gradebook)
        record(gradebook, first, ADA, MOE, result())
    with Gradebook(tmp_path) as gradebook:
        assert begin(gradebook) == first
        assert gradebook.has_grade(first, "ada", "moe_router", handed(ADA, MOE))
        assert not gradebook.has_grade(first, "ada", "moe_router", handed(ADA, MOE, "b"))  # handed in anew meanwhile
        assert not gradebook.has_grade(first, "bob", "moe_router", handed(BOB, MOE))
        of_two = msgspec.structs.replace(handed(ADA, MOE), versions=2)
        assert not gradebook.has_grade(first, "ada", "moe_router", of_two)
        second = begin(gradebook, "batch other.zip")
        assert second != first
        gradebook.end_run(second)
        assert begin(gradebook, "batch other.zip") not in (first, second)


@pytest.mark.parametrize("differs", ["engine", "course_hash"])
def test_does_not_resume_a_run_of_another_engine_or_course(tmp_path: Path, differs: str) -> None:
    what: dict[str, Any] = {"engine": "e", "course": "Small course", "course_hash": "c", "layout": "flat"}
    with Gradebook(tmp_path, create=True) as gradebook:
        first = gradebook.begin_run(["batch"], **what, items=ITEMS, students=CLASS)
        again = gradebook.begin_run(["batch"], **what, items=ITEMS, students=CLASS)
        other = gradebook.begin_run(["batch"], **what | {differs: "another"}, items=ITEMS, students=CLASS)
    assert [first, again] == [(1, False), (1, True)]
    assert other == (2, False)


def test_keeps_the_earlier_score_after_a_fault(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "batch again")
        gradebook.fail(run_id, ADA, "moe_router", handed(ADA, MOE, "b"), "test_first: the reference failed")
        gradebook.fail(run_id, BOB, "rope", handed(BOB, ROPE), "the judge was lost")
        assert not gradebook.has_grade(run_id, "ada", "moe_router", handed(ADA, MOE, "b"))
        found = grades(gradebook.book())
        former, none = found["ada", "moe_router"], found["bob", "rope"]
        assert (former.points, former.error) == (
            Points(measured=10, final=10, max=10),
            "test_first: the reference failed",
        )
        assert (none.points, none.result, none.outcome) == (None, None, Outcome.ERROR)
        assert gradebook.run().errors == 2
        gradebook.fail(begin(gradebook, "batch third"), ADA, "moe_router", handed(ADA, MOE, "b"), "again")
        assert grades(gradebook.book())["ada", "moe_router"].result == result()


def test_a_run_of_one_item_keeps_the_grades_of_others(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "batch --exercise rope", items=(ROPE,))
        record(gradebook, run_id, ADA, ROPE, result(ROPE))
        gradebook.end_run(run_id)
        assert [item.id for item in gradebook.book(run_id).items] == ["rope"]
        assert list(grades(gradebook.book(run_id))) == [("ada", "rope")]
        latest = gradebook.book()
        assert [item.id for item in latest.items] == ["moe_router", "moe", "rope"]
        assert grades(latest)["ada", "rope"].result == result(ROPE)
        assert grades(latest)["ada", "moe_router"].result == result()
        assert grades(gradebook.book(1))["ada", "rope"].result == result(ROPE, second=1.5)


def test_keeps_known_names_when_the_roster_grows(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        begin(gradebook, "batch again", students=(Student(id="ada", email="a@b.org"), Student(id="new")))
        latest = {student.id: student for student in gradebook.book().students}
        assert set(latest) == {"ada", "bob", "eve", "new"}
        assert (latest["ada"].name, latest["ada"].email) == ("Ada Lovelace", "a@b.org")
        assert [student.id for student in gradebook.book(2).students] == ["ada", "new"]


def test_keeps_names_of_any_bytes_distinct(tmp_path: Path) -> None:
    odd = [Student(id=name) for name in ("caf\udce9", "café", "a\x1b[31m\n", "'; DROP TABLE runs; --")]
    with Gradebook(tmp_path, create=True) as gradebook:
        run_id = begin(gradebook, students=odd)
        for student in odd:
            record(gradebook, run_id, student, MOE, result())
            assert gradebook.has_grade(run_id, student.id, "moe_router", handed(student, MOE))
        assert len(list(gradebook.book().grades())) == 4


def test_stores_ignored_files_with_their_run(tmp_path: Path) -> None:
    what: dict[str, Any] = {"engine": "e", "course": "Small course", "course_hash": "c", "layout": "flat"}
    unread = Ignored(
        file="in.zip/bob.7z", why="an archive of a kind that is not read", kind=IgnoredKind.UNREAD, student=BOB
    )
    nobodys = Ignored(file="in.zip/x", why="lies outside")
    with Gradebook(tmp_path, create=True) as gradebook:
        first = gradebook.begin_run(["a"], **what, items=ITEMS, students=CLASS, ignored=[unread, nobodys]).run
        assert gradebook.book().ignored == [unread, nobodys]
        gradebook.begin_run(["a"], **what, items=ITEMS, students=CLASS, ignored=[nobodys])  # goes on, some days later
        assert gradebook.book().ignored == [nobodys]
        record(gradebook, first, ADA, MOE, result())
        gradebook.end_run(first)
        gradebook.begin_run(["b"], **what, items=ITEMS, students=CLASS, ignored=[unread])
        assert gradebook.book().ignored == [unread]
        assert gradebook.book(first).ignored == [nobodys]
        assert gradebook.book(first).graded == {"ada"}
        assert gradebook.book().graded == set()


def test_keeps_code_until_its_student_is_forgotten(tmp_path: Path) -> None:
    with Gradebook(tmp_path, create=True) as gradebook:
        run = begin(gradebook)
        for student, content in ((ADA, "a"), (BOB, "b")):
            gradebook.store_code(content * 64, f"def by_{student.id}(): pass\n")
            measured = record(gradebook, run, ADA, ROPE, result(ROPE))
            gradebook.reuse(run, student, MOE.id, handed(student, MOE, content), measured)
        ada, bob = handed(ADA, MOE, "a"), handed(BOB, MOE, "b")
        assert gradebook.book().work(ada) == "def by_ada(): pass\n"
        assert gradebook.book().work(handed(ADA, MOE, "c")) is None
        gradebook.forget(BOB.id)
        assert gradebook.book().work(bob) is None
        assert gradebook.book().work(ada) is not None


def test_keeps_the_earlier_grade_until_all_versions_are_graded(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "batch again")
        record(gradebook, run_id, BOB, MOE, result(first=1.0), version=(2, 2))
        record(gradebook, run_id, EVE, MOE, result(), version=(1, 2))
        assert grades(gradebook.book())["bob", "moe_router"].result == result(first=0.0)
        assert ("eve", "moe_router") not in grades(gradebook.book())
        assert list(gradebook.entries(run_id)) == []
        gradebook.fail(run_id, BOB, "moe_router", msgspec.structs.replace(handed(BOB, MOE), versions=2), "lost")
        assert grades(gradebook.book())["bob", "moe_router"].result == result(first=1.0)


def test_a_failed_version_keeps_the_score_of_the_same_or_an_earlier_version(tmp_path: Path) -> None:
    first, second, third = (msgspec.structs.replace(handed(ADA, MOE), version=n, versions=3) for n in (1, 2, 3))
    with Gradebook(tmp_path, create=True) as gradebook:
        run_id = begin(gradebook)
        for version in (1, 2):
            record(gradebook, run_id, ADA, MOE, result(first=float(version)), version=(version, 2))
        again = begin(gradebook, "batch again")
        for each in (third, second, first):
            gradebook.fail(again, ADA, "moe_router", each, "lost")
        kept = gradebook._database.rows(
            "SELECT r.score FROM entries AS e JOIN results AS r ON r.id = e.result WHERE e.run = 2 ORDER BY e.version"
        )
        assert [score for (score,) in kept] == [6.0, 7.0, 7.0]
        new = begin(gradebook, "batch of one that was not there before")
        gradebook.fail(new, EVE, "rope", handed(EVE, ROPE), "lost")
        assert grades(gradebook.book())["eve", "rope"].points is None


def test_drops_versions_removed_during_an_interruption(tmp_path: Path) -> None:
    with Gradebook(tmp_path, create=True) as gradebook:
        run_id = begin(gradebook)
        for version in (1, 2, 3):
            record(gradebook, run_id, ADA, MOE, result(first=float(version)), version=(version, 3))
        gradebook.drop_later(run_id, {("ada", "moe_router"): 1})
        record(gradebook, run_id, ADA, MOE, result(first=1.0))
        assert grades(gradebook.book())["ada", "moe_router"].result == result(first=1.0)


def test_keeps_the_second_students_versions_after_a_merge(tmp_path: Path) -> None:
    with Gradebook(tmp_path, create=True) as gradebook:
        run_id = begin(gradebook)
        for version in (1, 2):
            record(gradebook, run_id, ADA, MOE, result(first=1.0), version=(version, 2))
            record(gradebook, run_id, ADA, ROPE, result(ROPE, first=float(version - 1)), version=(version, 2))
        record(gradebook, run_id, BOB, MOE, result())
        gradebook.merge("ada", "bob")
        found = grades(gradebook.book())
        assert (found["bob", "moe_router"].result, found["bob", "moe_router"].handed.versions) == (result(), 1)
        assert (found["bob", "rope"].result, found["bob", "rope"].handed.versions) == (result(ROPE, first=1.0), 2)
