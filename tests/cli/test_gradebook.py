"""Tests of `grade gradebook`: screens, JSON, exports, and changes."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from grader.teach.gradebook import Gradebook
from grader.teach.handins.handin import Student
from tests.command_line import error, run, telling_imports
from tests.paths import ROOT
from tests.teach.gradebook.builders import ADA, BOB, EVE, LATE, MOE, QUIZ, ROPE, begin, handed, record, result, write


def test_shows_the_class(gradebook_folder: Path) -> None:
    lines = run("gradebook").stdout.splitlines()
    rows = [line.split() for line in lines]
    assert ["student", "id", "moe_router", "moe", "rope", "total"] in rows
    assert ["Ada", "Lovelace", "ada", "10", "1.5", "3.5", "15"] in rows
    assert ["Bob", "bob", "5", "-", "-", "5"] in rows
    assert ["eve", "-", "-", "-", "0"] in rows
    assert "  3 students, 1 of them handed in nothing. 4 grades, 5 missing." in lines
    assert all(cell_len(line) <= 77 for line in lines)


def test_shows_no_total_if_an_item_could_not_be_graded(gradebook_folder: Path) -> None:
    """Counting an ungraded item as 0 points would be wrong."""
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "batch again")
        gradebook.fail(run_id, BOB, "rope", handed(BOB, ROPE), "the judge was lost")
        gradebook.fail(run_id, ADA, "rope", handed(ADA, ROPE), "the judge was lost")
    rows = [line.split() for line in run("gradebook").stdout.splitlines()]
    assert ["Bob", "bob", "5", "-", "!", "?"] in rows
    assert ["Ada", "Lovelace", "ada", "10", "1.5", "!", "3.5", "15"] in rows  # a former score is kept
    assert ["Bob", "?", "of", "16", "points"] in [
        line.split() for line in run("gradebook", "--student", "bob").stdout.splitlines()
    ]


def test_summarizes_many_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_shows_one_student(gradebook_folder: Path) -> None:
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


def test_shows_many_items_on_a_wide_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    items = tuple(msgspec.structs.replace(MOE, id=f"exercise_{n}") for n in range(8))
    with Gradebook(tmp_path, create=True) as gradebook:
        record(gradebook, begin(gradebook, items=items), ADA, items[3], result(items[3]))
    assert "Ada Lovelace" not in run("gradebook", ".").stdout
    monkeypatch.setenv("COLUMNS", "160")
    assert "Ada Lovelace" in run("gradebook", ".").stdout


def test_finds_a_student_by_name(gradebook_folder: Path) -> None:
    assert run("gradebook", "--student", "ada lovelace").stdout == run("gradebook", "--student", "ada").stdout
    with Gradebook(gradebook_folder) as gradebook:
        begin(gradebook, "more", students=[ADA, Student(id="bob2", name="Bob")])
    assert error("gradebook", "--student", "BOB") == "'BOB' is the name of 2 students; give the id: bob, bob2."
    assert error("gradebook", "--student", "Ada Lovelac") == (
        "No student 'Ada Lovelac' in the gradebook. Did you mean 'Ada Lovelace'?"
    )


def test_shows_times_in_the_time_zone_of_the_due_date(gradebook_folder: Path) -> None:
    write("late.yaml", "due: 2026-10-02T23:59+05:00\nper_day: 10%\n")
    assert "1 Oct 2026 20:00 UTC+03:00" in run("gradebook", "--student", "ada").stdout
    run("gradebook", "--late", "late.yaml")
    assert "1 Oct 2026 22:00 UTC+05:00" in run("gradebook", "--student", "ada").stdout


def test_lists_the_runs(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        run_id = begin(gradebook, "batch again")
        gradebook.fail(run_id, ADA, "moe_router", handed(ADA, MOE), "the judge was lost")
    rows = [line.split() for line in run("gradebook", "--runs").stdout.splitlines()]
    assert rows[2][0] == "1"
    assert rows[2][-5:] == ["4", "0", "0", "0.1.0", "abc"]
    assert rows[3][-5:] == ["0", "0", "1", "0.1.0", "abc"]
    assert rows[4][:2] == ["not", "finished;"]
    assert "ada, moe_router: the judge was lost" in run("gradebook").stdout


def test_prints_json(gradebook_folder: Path) -> None:
    text = json.loads(run("gradebook", "--json").stdout)
    assert text["schema"] == "archgrade/gradebook/v1"
    assert [(each["student"], each["item"], each["points"]["final"]) for each in text["grades"]] == [
        ("ada", "moe_router", 10.0),
        ("ada", "moe", 1.5),
        ("ada", "rope", 3.5),
        ("bob", "moe_router", 5.0),
    ]
    (one,) = json.loads(run("gradebook", "--student", "bob", "--json").stdout)
    assert [each["mistake"] for each in one["result"]["diagnoses"]] == ["softmax_first"]
    assert [each["id"] for each in json.loads(run("gradebook", "--runs", "--json").stdout)] == [1]


def test_a_students_text_cannot_forge_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_writes_exports(gradebook_folder: Path) -> None:
    done = run("gradebook", "--format", "csv", "--format", "json", "--out", "exports")
    assert done.exit_code == 0, done.stderr
    assert all(Path(line.strip()).is_file() for line in done.stdout.splitlines())
    assert "Ada Lovelace" in Path("exports", "grades.csv").read_text("utf-8")
    assert "There is no format 'xyz'." in error("gradebook", "--format", "csv", "--format", "xyz", "--out", "none")
    assert not Path("none").exists()


def test_exports_of_many_files_are_summarized_and_linked(gradebook_folder: Path) -> None:
    done = run("gradebook", "--format", "html", "--format", "feedback", "--out", "exports")
    assert done.stdout.splitlines() == [
        "  exports/report.html",
        "  exports/feedback/   6 files",
        "  exports/work/   2 files",
    ]
    assert 'href="feedback/ada/feedback.html"' in Path("exports", "report.html").read_text("utf-8")


def test_rejects_two_views(gradebook_folder: Path) -> None:
    sentence = "Give one of --student, --runs, --format, --forget and --merge."
    assert error("gradebook", "--runs", "--student", "bob") == sentence
    assert error("gradebook", "--forget", "bob", "--merge", "bob", "ada") == sentence


def test_lists_a_student_of_the_roster_who_handed_in_nothing(gradebook_folder: Path) -> None:
    assert "nothing handed in" in run("gradebook", "--student", EVE.id).stdout
    assert QUIZ.id in run("gradebook", "--student", EVE.id).stdout


@pytest.mark.parametrize("args", [["gradebook"], ["compare", "1", "last"]], ids=" ".join)
def test_imports_nothing_that_grades(gradebook_folder: Path, args: list[str]) -> None:
    command = telling_imports(args, {"torch", "pytest", "numpy"})
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=True)
    assert done.stdout
    assert done.stderr == "loaded []\n"


def test_forget_deletes_a_student(gradebook_folder: Path) -> None:
    assert run("gradebook", "--forget", "ada@example.org").stdout == "  ada is no longer in the gradebook.\n"
    found = json.loads(run("gradebook", "--json").stdout)
    assert [each["id"] for each in found["students"]] == ["bob", "eve"]
    assert {each["student"] for each in found["grades"]} == {"bob"}
    assert "No student 'ada'" in error("gradebook", "--forget", "ada")


def test_merge_combines_two_students(gradebook_folder: Path) -> None:
    with Gradebook(gradebook_folder) as gradebook:
        second = begin(gradebook, "batch again", students=(EVE,))
        record(gradebook, second, EVE, ROPE, result(ROPE))
    assert "are now one student: bob" in run("gradebook", "--merge", "eve", "bob").stdout
    found = json.loads(run("gradebook", "--json").stdout)
    assert [each["id"] for each in found["students"]] == ["ada", "bob"]
    points = {each["item"]: each["points"]["final"] for each in found["grades"] if each["student"] == "bob"}
    assert points == {"moe_router": 5, "rope": 4}
    run("gradebook", "--merge", "ada", "bob")  # both have a grade for the router, of one run
    found = json.loads(run("gradebook", "--json").stdout)
    points = {each["item"]: each["points"]["final"] for each in found["grades"]}
    assert points == {"moe_router": 5, "moe": 1.5, "rope": 4}
    assert "already the same student" in error("gradebook", "--merge", "bob", "bob")
