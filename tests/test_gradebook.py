"""The gradebook: what is recorded is there, whole, and what is made of it is right."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import click.testing
import msgspec
import pytest
from rich.cells import cell_len

from grader.cli import grade
from grader.errors import UsageError
from grader.gradebook import Gradebook, StorageFull
from grader.gradebook.database import FILE, Database
from grader.gradebook.late import read_late_policy
from grader.gradebook.migrations import APPLICATION, FIRST
from grader.gradebook.model import Book, Grade, Item, Points
from grader.result import Outcome, Result
from grader.submission.handin import Student
from tests.gradebook_builders import (
    ADA,
    BOB,
    CLASS,
    EVE,
    ITEMS,
    MOE,
    QUIZ,
    ROPE,
    begin,
    filled,
    handed,
    quiz_result,
    record,
    result,
)

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gradebook of one run, in `results` of the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return filled(tmp_path / "results")


def grades(book: Book) -> dict[tuple[str, str], Grade]:
    return {(grade.student.id, grade.item.id): grade for grade in book.grades()}


def points(folder: Path, student: Student, item: Item) -> Points:
    with Gradebook(folder) as gradebook:
        found = grades(gradebook.book())[student.id, item.id].points
    assert found is not None
    return found


def run(*args: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(grade, list(args), prog_name="grade")


def error(*args: str) -> str:
    """The one line that a command with bad input writes."""
    done = run(*args)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("error: ").rstrip("\n")


# ------------------------------------------------------------ recording


def test_what_is_recorded_is_what_is_read(folder: Path) -> None:
    with Gradebook(folder) as gradebook:
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


def test_a_result_of_the_same_content_is_found_and_taken_over(folder: Path) -> None:
    with Gradebook(folder) as gradebook:
        run_id = begin(gradebook, "batch again")
        (scored,) = (each.scored for each in gradebook.entries(1) if (each.student, each.item) == ("ada", "moe_router"))
        assert scored is not None
        found = gradebook.find(scored.key)
        assert found == scored.id
        assert gradebook.find("another") is None
        copied = msgspec.structs.replace(handed(BOB, MOE), file="in.zip/bob/copied.py")
        gradebook.reuse(run_id, BOB, "moe_router", copied, found)
        (grade,) = gradebook.book(run_id).grades()
        assert isinstance(grade.result, Result)
        assert (grade.student, grade.result.score, grade.result.file) == (BOB, 10.0, "copied.py")
        assert gradebook.run().reused == 1


def test_the_newest_result_of_a_key_is_found(folder: Path) -> None:
    with Gradebook(folder) as gradebook:
        run_id = begin(gradebook, "batch --regrade")
        newest = record(gradebook, run_id, ADA, MOE, result(first=1.0))
        scored = next(iter(gradebook.entries(run_id))).scored
        assert scored is not None
        assert gradebook.find(scored.key) == newest


def test_an_interrupted_run_goes_on_under_the_same_command(tmp_path: Path) -> None:
    with Gradebook(tmp_path, create=True) as gradebook:
        first = begin(gradebook)
        record(gradebook, first, ADA, MOE, result())
    with Gradebook(tmp_path) as gradebook:
        assert begin(gradebook) == first
        assert gradebook.done(first, "ada", "moe_router", "a" * 64)
        assert not gradebook.done(first, "ada", "moe_router", "b" * 64)  # handed in anew meanwhile
        assert not gradebook.done(first, "bob", "moe_router", "a" * 64)
        second = begin(gradebook, "batch other.zip")
        assert second != first
        gradebook.end_run(second)
        assert begin(gradebook, "batch other.zip") not in (first, second)


@pytest.mark.parametrize("differs", ["engine", "course_hash"])
def test_an_interrupted_run_of_another_engine_or_course_is_not_gone_on_with(tmp_path: Path, differs: str) -> None:
    what = {"engine": "e", "course": "Small course", "course_hash": "c", "layout": "flat"}
    with Gradebook(tmp_path, create=True) as gradebook:
        first = gradebook.begin_run(["batch"], **what, items=ITEMS, students=CLASS)
        again = gradebook.begin_run(["batch"], **what, items=ITEMS, students=CLASS)
        other = gradebook.begin_run(["batch"], **what | {differs: "another"}, items=ITEMS, students=CLASS)
    assert [first, again] == [(1, False), (1, True)]
    assert other == (2, False)


def test_a_fault_keeps_the_former_score_and_is_no_grade(folder: Path) -> None:
    with Gradebook(folder) as gradebook:
        run_id = begin(gradebook, "batch again")
        gradebook.fail(run_id, ADA, "moe_router", handed(ADA, MOE, "b"), "test_first: the reference failed")
        gradebook.fail(run_id, BOB, "rope", handed(BOB, ROPE), "the judge was lost")
        assert not gradebook.done(run_id, "ada", "moe_router", "b" * 64)
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


def test_a_run_of_one_item_leaves_the_others_grades(folder: Path) -> None:
    with Gradebook(folder) as gradebook:
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


def test_the_roster_may_grow_and_a_name_is_not_forgotten(folder: Path) -> None:
    with Gradebook(folder) as gradebook:
        begin(gradebook, "batch again", students=(Student(id="ada", email="a@b.org"), Student(id="new")))
        latest = {student.id: student for student in gradebook.book().students}
        assert set(latest) == {"ada", "bob", "eve", "new"}
        assert (latest["ada"].name, latest["ada"].email) == ("Ada Lovelace", "a@b.org")
        assert [student.id for student in gradebook.book(2).students] == ["ada", "new"]


def test_names_of_any_bytes_are_kept_apart(tmp_path: Path) -> None:
    odd = [Student(id=name) for name in ("caf\udce9", "café", "a\x1b[31m\n", "'; DROP TABLE runs; --")]
    with Gradebook(tmp_path, create=True) as gradebook:
        run_id = begin(gradebook, students=odd)
        for student in odd:
            record(gradebook, run_id, student, MOE, result())
            assert gradebook.done(run_id, student.id, "moe_router", "a" * 64)
        assert len(list(gradebook.book().grades())) == 4


# ------------------------------------------------------------ killed, full, locked, broken

WRITER = """
import sys
from pathlib import Path
from grader.gradebook import Gradebook
from tests.gradebook_builders import *
students = [Student(id=f"s{n}") for n in range(100_000)]
with Gradebook(Path(sys.argv[1]), create=True) as gradebook:
    gradebook.lock()
    run = begin(gradebook, students=students[:5000])
    print("begun", flush=True)
    for n, student in enumerate(students[:5000], start=1):
        record(gradebook, run, student, MOE, result(first=n % 5))
        print(n, flush=True)
"""


def writer(folder: Path) -> "subprocess.Popen[str]":
    """A process that records one result after another and says how many are recorded."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("after", [1, 40, 333])
def test_a_killed_writer_leaves_whole_results_and_no_lock(tmp_path: Path, after: int) -> None:
    process = writer(tmp_path)
    assert process.stdout is not None
    for _ in range(after):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    told = after + len(process.stdout.read().splitlines(keepends=False))
    process.wait()
    process.stdout.close()
    with Gradebook(tmp_path) as gradebook:
        gradebook.lock()
        stored = [grade.result for grade in gradebook.book().grades()]
        assert told <= len(stored) <= told + 1
        assert all(isinstance(each, Result) and len(each.tests) == 2 for each in stored)
        assert gradebook.run().ended is None
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT count(*) FROM results").fetchone() == (len(stored),)
    connection.close()


def test_a_second_batch_is_kept_out_until_the_first_has_ended(tmp_path: Path) -> None:
    process = writer(tmp_path)
    with Gradebook(tmp_path) as gradebook:
        with pytest.raises(UsageError, match="is being written by another grade batch; wait until it has ended"):
            gradebook.lock()
        process.kill()
        process.communicate()
        gradebook.lock()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\nfrom pathlib import Path\nfrom grader.gradebook import Gradebook\n"
        "gradebook = Gradebook(Path(sys.argv[1]), create=True)\ngradebook.lock()\n"
        "reader, writer = os.pipe()\n"
        "if os.fork() == 0:\n    os.close(writer)\n    sys.stdin.read()\n    os._exit(0)\n"
        "print('locked', flush=True)\nos._exit(0)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "locked\n"
    process.wait()  # the parent has ended, the child waits for the end of its input
    with Gradebook(tmp_path) as gradebook:
        gradebook.lock()
    process.stdin.close()
    process.stdout.close()


def record_until_full(gradebook: Gradebook, run_id: int) -> int:
    """How many results there was room for."""
    recorded = 0

    def record_all() -> None:
        nonlocal recorded
        while recorded < 1000:
            record(gradebook, run_id, ADA, MOE, result(), submission=os.urandom(500).hex())
            recorded += 1

    with pytest.raises(StorageFull, match=r"There is no room left in .*\. What was recorded is kept; make room"):
        record_all()
    assert recorded > 1
    return recorded


def test_a_full_file_system_is_one_sentence_and_what_was_recorded_stays(tmp_path: Path) -> None:
    with Gradebook(tmp_path, create=True) as gradebook:
        run_id = begin(gradebook)
        (pages,) = gradebook._database.row("PRAGMA page_count") or (0,)
        gradebook._database.row(f"PRAGMA max_page_count = {pages + 4}")
        recorded = record_until_full(gradebook, run_id)
        gradebook._database.row("PRAGMA max_page_count = 100000")
        record(gradebook, run_id, BOB, MOE, result(first=0.0))
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("SELECT count(*) FROM results").fetchone() == (recorded + 1,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of 400 KiB."""
    if not sys.platform.startswith("linux") or os.getuid() != 0:
        pytest.skip("needs to mount a file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("may not mount a file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_one_sentence_and_what_was_recorded_stays(small_disk: Path) -> None:
    with Gradebook(small_disk, create=True) as gradebook:
        run_id = begin(gradebook)
        recorded = record_until_full(gradebook, run_id)
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    with Gradebook(small_disk) as gradebook:
        record(gradebook, run_id, BOB, MOE, result())
        assert gradebook._database.row("SELECT count(*) FROM results") == (recorded + 1,)
        assert gradebook._database.row("PRAGMA integrity_check") == ("ok",)


def test_what_is_no_gradebook_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert error("gradebook") == ("results: there is no gradebook here; grade batch SUBMISSIONS --out DIR makes one.")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / FILE).write_text("not a database, and longer than a header of one has to be" * 20)
    assert error("gradebook", "text").startswith("text/gradebook.sqlite is no gradebook, or is damaged: ")
    (tmp_path / "other").mkdir()
    connection = sqlite3.connect(tmp_path / "other" / FILE)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    assert error("gradebook", "other") == (
        "other/gradebook.sqlite is a database of something else; name another folder."
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file cannot be used: File exists; name another folder"):
        Gradebook(tmp_path / "file", create=True)
    with Gradebook(tmp_path / "empty", create=True):
        pass
    assert error("gradebook", "empty").startswith("Nothing has been graded yet")


def test_a_read_only_disk_is_told(small_disk: Path) -> None:
    with Gradebook(small_disk, create=True):
        pass
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for folder, create in ((small_disk, False), (small_disk / "results", True)):
        with pytest.raises(UsageError, match=r"cannot be (written|used)"):
            Gradebook(folder, create=create)


def test_a_locked_file_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.gradebook.database.PATIENCE", 0.0)
    connection = sqlite3.connect(folder / FILE, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    with (
        Gradebook(folder) as gradebook,
        pytest.raises(UsageError, match=r"results/gradebook.sqlite is in use by another program"),
    ):
        begin(gradebook, "batch again")
    connection.close()


# ------------------------------------------------------------ versions


def version_one(folder: Path) -> None:
    """A gradebook as the first version wrote it, with one run."""
    connection = sqlite3.connect(folder / FILE)
    connection.executescript(FIRST)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute("PRAGMA user_version = 1")
    connection.execute(
        "INSERT INTO runs (started, command, engine, course, course_hash, layout) "
        "VALUES ('2026-10-01T00:00:00+00:00', '[]', 'e', 'Old course', 'c', 'flat')"
    )
    connection.commit()
    connection.close()


def test_an_old_file_is_migrated_and_keeps_what_it_held(tmp_path: Path) -> None:
    version_one(tmp_path)
    second = "ALTER TABLE runs ADD COLUMN host TEXT;\nUPDATE runs SET host = 'unknown';"
    database = Database(tmp_path, create=False, migrations=[FIRST, second])
    assert database.row("SELECT course, host FROM runs") == ("Old course", "unknown")
    assert database.row("PRAGMA user_version") == (2,)
    database.close()
    with pytest.raises(UsageError, match=r"is of version 2, and .* up to 1; install a newer archgrade"):
        Database(tmp_path, create=False, migrations=[FIRST])


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    version_one(tmp_path)
    broken = "ALTER TABLE runs ADD COLUMN host TEXT;\nUPDATE nowhere SET host = 'x';"
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        Database(tmp_path, create=False, migrations=[FIRST, broken])
    database = Database(tmp_path, create=False, migrations=[FIRST])
    assert "host" not in [name for _, name, *_ in database.rows("PRAGMA table_info(runs)")]
    database.close()


# ------------------------------------------------------------ policies

LATE = """\
due: {all: 2026-10-01T23:59+03:00, rope: 2026-10-02T00:00+03:00}
grace: 15 min
per_day: 10%
at_most: 50%
reject_after: 7 days
"""


def write(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


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
def test_lateness(folder: Path, time: str, late: float, reason: str | None) -> None:
    with Gradebook(folder) as gradebook:
        record(gradebook, begin(gradebook, "again"), BOB, MOE, result(first=2.0), time=time)
        gradebook.set_policies(late=Path(write("late.yaml", LATE)))
    found = points(folder, BOB, MOE)
    expected = (reason,) if reason else ()
    assert found == Points(measured=7, late=late, final=7 + late, max=10, reasons=expected)


def test_lateness_takes_away_no_more_than_was_measured(folder: Path) -> None:
    with Gradebook(folder) as gradebook:
        record(gradebook, begin(gradebook, "again"), BOB, MOE, result(first=0.0, second=0.5), time="2026-10-04T00:00Z")
        gradebook.set_policies(late=Path(write("late.yaml", LATE)))
    found = points(folder, BOB, MOE)
    assert (found.measured, found.late, found.final) == (0.5, -0.5, 0.0)


def test_late_by_an_unknown_time_is_said_and_costs_nothing(folder: Path) -> None:
    with Gradebook(folder) as gradebook:
        run_id = begin(gradebook, "again")
        record(gradebook, run_id, ADA, MOE, result(), late=True)
        record(gradebook, run_id, BOB, MOE, result(), late=False)
        gradebook.set_policies(late=Path(write("late.yaml", LATE)))
    assert points(folder, ADA, MOE).reasons == (
        "The learning platform says that it was late, but when it was handed in is not known; nothing is taken away.",
    )
    assert points(folder, BOB, MOE).reasons == ()
    assert "When 3 of the files were handed in is not known" in " ".join(run("gradebook").stdout.split())


def test_extensions(folder: Path) -> None:
    write("late.yaml", LATE)
    write("extensions.csv", "\ufeffStudent,Item,Due,Days\nal17,rope,,3\nbob,,2026-10-03T11:00+03:00,\n")
    assert run("gradebook", "--late", "late.yaml", "--extensions", "extensions.csv").exit_code == 0
    assert points(folder, ADA, ROPE) == Points(
        measured=3.5, final=3.5, max=4, reasons=("The due date was extended to 2026-10-05 00:00+03:00.",)
    )
    assert points(folder, BOB, MOE).late == -1.0  # an hour after his own due date


def test_an_extension_for_an_item_goes_before_one_for_all(folder: Path) -> None:
    write("late.yaml", LATE)
    write("extensions.csv", "student,item,due,days\nbob,,,30\nbob,moe_router,,0\n")
    assert run("gradebook", "--late", "late.yaml", "--extensions", "extensions.csv").exit_code == 0
    assert points(folder, BOB, MOE).late == -2.0


def test_adjustments_come_last_and_may_exceed_the_maximum(folder: Path) -> None:
    write("late.yaml", LATE)
    write(
        "adjustments.csv",
        "student,exercise,points,percent,reason\n"
        'bob,moe_router,-0.5,,"copied, in part"\nbob,moe_router,,10%,oral exam\nada,moe_router,1,,bonus\n'
        "ada,rope,-99,,not your own\neve,rope,2,,ill\n",
    )
    assert run("gradebook", "--late", "late.yaml", "--adjustments", "adjustments.csv").exit_code == 0
    assert points(folder, BOB, MOE) == Points(
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
    assert points(folder, ADA, MOE).final == 11
    assert points(folder, ADA, ROPE).final == 0
    assert "1 of the adjustments are for what was not handed in, and do nothing." in run("gradebook").stdout


def test_policies_stay_until_others_are_given(folder: Path) -> None:
    write("late.yaml", LATE)
    write("adjustments.csv", "student,item,points,reason\nbob,moe_router,1,bonus\n")
    run("gradebook", "--late", "late.yaml", "--adjustments", "adjustments.csv")
    Path("late.yaml").unlink()
    assert points(folder, BOB, MOE).final == 4
    write("none.csv", "student;item;points;reason\n")
    run("gradebook", "--adjustments", "none.csv")
    assert points(folder, BOB, MOE).final == 3
    with Gradebook(folder) as gradebook:
        assert gradebook.policy_files() == {"adjustments": "none.csv", "late": "late.yaml"}


def test_a_policy_per_hour(tmp_path: Path) -> None:
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
        ("due: soon\nper_day: 10%", "1: 'soon' is no day and time; write it as 2026-10-01T23:59+03:00."),
        (
            "due: 2026-10-01T23:59Z\nper_day: 10",
            "2: 'per_day' must be a percentage of the maximum such as 10%, not '10'.",
        ),
        (
            "due: 2026-10-01T23:59Z\nper_day: 1%\ngrace: 3 moons",
            "3: 'grace' must be a time such as 15 min, 2 hours or 7 days, not '3 moons'.",
        ),
        ("due: 2026-10-01T23:59Z\nper_day: 1%\nper_hour: 1%", "3: give either per_day or per_hour."),
        ("due: 2026-10-01T23:59Z", "1: this takes nothing away; give per_day, per_hour or reject_after."),
        ("due: 2026-10-01T23:59Z\nper_dya: 1%", "2: unknown key 'per_dya'. Did you mean 'per_day'?"),
    ],
)
def test_what_is_wrong_in_a_late_policy(folder: Path, text: str, sentence: str) -> None:
    write("late.yaml", text)
    if "moe_ruter" in text:
        text += "\nper_day: 1%"
        write("late.yaml", text)
    assert error("gradebook", "--late", "late.yaml") == f"late.yaml:{sentence}"


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("extensions", "student,days\nbbo,3", "2: no student 'bbo' in the gradebook. Did you mean 'bob'?"),
        ("extensions", "student,item,days\nbob,ropes,3", "2: nothing was handed in as 'ropes'. Did you mean 'rope'?"),
        ("extensions", "student,item,due,days\nbob,rope,,", "2: fill in either due or days."),
        (
            "extensions",
            "student,days\nbob,3\n\nbob,4",
            "4: the extension of line 2 is for the same student and item; keep one of them.",
        ),
        (
            "extensions",
            "student,due\nbob,2026-10-01 12:00",
            "2: '2026-10-01 12:00' has no time zone; write it as 2026-10-01T23:59+03:00.",
        ),
        ("extensions", "student,days\nbob,-1", "2: 'days' must be from 0 to 10000, not '-1'."),
        ("extensions", "", "1: the file is empty; its first row must be student, item, due, days."),
        (
            "adjustments",
            "student,item,points\nbob,rope,1",
            "1: the column 'reason' is missing; the first row must be student, item, reason, points, percent.",
        ),
        (
            "adjustments",
            "student,item,points,reason\nbob,rope,nan,x",
            "2: 'points' must be a number such as 1.5 or -2, not 'nan'.",
        ),
        (
            "adjustments",
            'student,item,points,reason\nbob,rope,1,"two\nlines"\nbob,rope,2,',
            "4: the reason is missing; the student will read it.",
        ),
        (
            "adjustments",
            "student,item,points,reason\nbob,rope,1,a,b",
            "2: 5 cells for 4 columns; put a cell with , in quotes.",
        ),
        (
            "adjustments",
            "student,item,points,reasno\nbob,rope,1,a",
            "1: the column 'reason' is missing; the first row must be student, item, reason, points, percent.",
        ),
        (
            "adjustments",
            "student,item,points,reason\nbob,rope,1,a\nbob,rope,1,a",
            "3: the same row stands in line 2 already.",
        ),
        ("adjustments", 'student,item,points,reason\nbob,rope,1,"a', "2: not valid CSV: unexpected end of data."),
    ],
)
def test_what_is_wrong_in_a_table(folder: Path, option: str, text: str, sentence: str) -> None:
    write("table.csv", text)
    assert error("gradebook", f"--{option}", "table.csv") == f"table.csv:{sentence}"
    with Gradebook(folder) as gradebook:
        assert gradebook.policy_files() == {}


# ------------------------------------------------------------ grade gradebook


def test_the_class_on_a_screen(folder: Path) -> None:
    lines = run("gradebook").stdout.splitlines()
    rows = [line.split() for line in lines]
    assert ["student", "moe_router", "moe", "rope", "total"] in rows
    assert ["Ada", "Lovelace", "10", "1.5", "3.5", "15"] in rows
    assert ["Bob", "5", "-", "-", "5"] in rows
    assert ["eve", "-", "-", "-", "0"] in rows
    assert "  3 students, 1 of them handed in nothing. 4 grades, 5 missing." in lines
    assert all(cell_len(line) <= 77 for line in lines)


def test_a_total_with_a_fault_in_it_is_not_known(folder: Path) -> None:
    """It would be 0 points for what nobody has measured."""
    with Gradebook(folder) as gradebook:
        run_id = begin(gradebook, "batch again")
        gradebook.fail(run_id, BOB, "rope", handed(BOB, ROPE), "the judge was lost")
        gradebook.fail(run_id, ADA, "rope", handed(ADA, ROPE), "the judge was lost")
    rows = [line.split() for line in run("gradebook").stdout.splitlines()]
    assert ["Bob", "5", "-", "!", "?"] in rows
    assert ["Ada", "Lovelace", "10", "1.5", "!", "3.5", "15"] in rows  # a former score is kept
    assert ["Bob", "?", "of", "16", "points"] in [
        line.split() for line in run("gradebook", "--student", "bob").stdout.splitlines()
    ]


def test_many_items_are_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    items = tuple(msgspec.structs.replace(MOE, id=f"exercise_number_{n}") for n in range(10))
    with Gradebook(tmp_path, create=True) as gradebook:
        run_id = begin(gradebook, items=items)
        for student, first in ((ADA, 5.0), (BOB, 2.0)):
            record(gradebook, run_id, student, items[3], result(items[3], first=first))
    lines = run("gradebook", ".").stdout.splitlines()
    assert ["exercise_number_3", "2", "1", "8.5", "8.5", "10"] in [line.split() for line in lines]
    assert ["exercise_number_4", "0", "3", "-", "-", "10"] in [line.split() for line in lines]
    assert all(len(line) <= 77 for line in lines)


def test_one_student_on_a_screen(folder: Path) -> None:
    write("late.yaml", LATE)
    run("gradebook", "--late", "late.yaml")
    text = run("gradebook", "--student", "bob").stdout
    flat = " ".join(text.split())
    assert "Bob 3 of 16 points" in flat
    assert "measured 5, late -2" in flat
    assert "Handed in 1 day 12 h late: 20 % of the maximum is taken away." in flat
    assert "softmax_first: Which logits should the softmax see?" in flat
    assert "in.zip/bob/moe_router.py" in flat
    assert "test_first: wrong values" in flat
    assert "rope nothing handed in" in flat
    assert "Ada" not in text
    assert run("gradebook", "--student", "al17").stdout == run("gradebook", "--student", "ada").stdout
    assert error("gradebook", "--student", "bbo") == "No student 'bbo' in the gradebook. Did you mean 'bob'?"


def test_the_runs_on_a_screen(folder: Path) -> None:
    with Gradebook(folder) as gradebook:
        run_id = begin(gradebook, "batch again")
        gradebook.fail(run_id, ADA, "moe_router", handed(ADA, MOE), "the judge was lost")
    rows = [line.split() for line in run("gradebook", "--runs").stdout.splitlines()]
    assert rows[2][0] == "1"
    assert rows[2][-5:] == ["4", "0", "0", "0.1.0", "abc"]
    assert rows[3][-5:] == ["0", "0", "1", "0.1.0", "abc"]
    assert rows[4][:2] == ["not", "finished;"]
    assert "ada, moe_router: the judge was lost" in run("gradebook").stdout


def test_json(folder: Path) -> None:
    text = json.loads(run("gradebook", "--json").stdout)
    assert text["schema"] == "archgrade/gradebook/v1"
    assert [(each["student"], each["item"], each["points"]["final"]) for each in text["grades"]] == [
        ("ada", "moe_router", 10.0),
        ("ada", "moe", 1.5),
        ("ada", "rope", 3.5),
        ("bob", "moe_router", 5.0),
    ]
    (one,) = json.loads(run("gradebook", "--student", "bob", "--json").stdout)
    assert one["result"]["diagnosis"]["mistake"] == "softmax_first"
    assert [each["id"] for each in json.loads(run("gradebook", "--runs", "--json").stdout)] == [1]


def test_a_strangers_text_cannot_forge_a_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "\x1b[2J\n  forged 100\u202e" + "長い名前" * 30
    stranger = Student(id=name, name=name, login="x\x07")
    with Gradebook(tmp_path, create=True) as gradebook:
        run_id = begin(gradebook, students=[stranger])
        record(gradebook, run_id, stranger, MOE, result(first=1.0))
        gradebook.fail(run_id, stranger, "rope", handed(stranger, ROPE), "boom\nforged\x1b[31m")
    for args in ([], ["--student", "x\x07"], ["--runs"]):
        text = run("gradebook", ".", *args).stdout
        assert all(line.isprintable() and cell_len(line) <= 77 for line in text.splitlines())
        assert not any(line.strip().startswith("forged") for line in text.splitlines())


def test_exports(folder: Path) -> None:
    done = run("gradebook", "--format", "csv", "--format", "json", "--out", "exports")
    assert done.exit_code == 0, done.stderr
    assert all(Path(line.strip()).is_file() for line in done.stdout.splitlines())
    assert "Ada Lovelace" in Path("exports", "grades.csv").read_text("utf-8")
    assert "There is no format 'xyz'." in error("gradebook", "--format", "csv", "--format", "xyz", "--out", "none")
    assert not Path("none").exists()


def test_one_view_at_a_time(folder: Path) -> None:
    assert error("gradebook", "--runs", "--student", "bob") == "Give one of --student, --runs and --format."


def test_eve_is_missing(folder: Path) -> None:
    assert "nothing handed in" in run("gradebook", "--student", EVE.id).stdout
    assert QUIZ.id in run("gradebook", "--student", EVE.id).stdout


@pytest.mark.parametrize("args", [["gradebook"], ["compare", "1", "last"]], ids=" ".join)
def test_looking_at_grades_imports_nothing_that_grades(folder: Path, args: list[str]) -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(sorted({'torch', 'pytest', 'numpy'} & sys.modules.keys()), file=sys.stderr))\n"
        "from grader.cli import grade\n"
        f"grade.main({args}, prog_name='grade')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=True
    )
    assert done.stdout
    assert done.stderr == "[]\n"
