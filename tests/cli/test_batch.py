"""Tests of `grade batch`: scores, reused results, exit codes and messages."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from grader.base.result import Outcome
from grader.teach.gradebook import Gradebook
from tests.classes import (
    FILES,
    NO_TEXT,
    REFERENCE,
    SCORES,
    batch,
    complaints,
    grades,
    hand_in,
    make_course,
    scores,
    untimed,
)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("batch"))


@pytest.fixture(scope="module")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hand_in(tmp_path_factory.mktemp("class"))


@pytest.fixture(scope="module")
def out(course: Path, submissions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grade the class once, and return the folder of the gradebook."""
    folder = tmp_path_factory.mktemp("out") / "results"
    run = batch(course, submissions, "--out", folder)
    assert run.returncode == 0, run.stderr
    assert "11 files of 11 students" in run.stdout
    assert "10 grades measured, 1 reused" in run.stdout
    assert complaints(run.stderr) == ""
    return folder


def test_gives_every_student_the_score_of_a_single_run(out: Path) -> None:
    assert scores(out) == SCORES


def test_distinguishes_every_kind_of_failure(out: Path) -> None:
    found = {student: grade.outcome for student, grade in grades(out).items()}
    assert found["eve"] is Outcome.SYNTAX_ERROR
    assert found["finn"] is Outcome.NOT_STARTED
    assert found["ida"] is Outcome.EXITED
    assert {found[each] for each in ("ada", "ben", "cleo", "dora", "gus", "hal", "jon", "kim")} == {Outcome.GRADED}
    failing = {
        student: [test["outcome"] for test in result["tests"] if test["outcome"] != "passed"]
        for student, result in untimed(out).items()
    }
    assert failing["cleo"] == ["timeout"]
    assert failing["dora"] == ["exited"]
    assert failing["gus"] == ["crashed"]
    assert failing["hal"] == ["forbidden"]
    assert failing["jon"] == ["memory"]


def test_reuses_all_results_if_nothing_changed(course: Path, submissions: Path, out: Path) -> None:
    before = untimed(out)
    run = batch(course, submissions, "--out", out)
    assert run.returncode == 0
    assert "0 grades measured, 11 reused" in run.stdout
    assert untimed(out) == before


def test_regrade_computes_all_results_again(course: Path, submissions: Path, out: Path) -> None:
    before = untimed(out)
    run = batch(course, submissions, "--out", out, "--regrade")
    assert run.returncode == 0
    assert "10 grades measured, 1 reused" in run.stdout
    assert untimed(out) == before


def test_grades_only_what_changed(course: Path, tmp_path: Path) -> None:
    submissions = hand_in(tmp_path, {each: FILES[each] for each in ("ada", "ben", "finn")})
    out = tmp_path / "out"
    batch(course, submissions, "--out", out)
    (submissions / "ben" / "toolbox.py").write_text(REFERENCE, "utf-8")  # now the same as ada's
    (submissions / "finn" / "toolbox.py").write_text(FILES["ben"] + "# by finn\n", "utf-8")
    run = batch(course, submissions, "--out", out)
    assert "1 grade measured, 2 reused" in run.stdout
    assert scores(out) == {"ada": 31, "ben": 31, "finn": 30}


def test_grades_again_after_a_test_file_changed(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    submissions, out = hand_in(tmp_path, {"ada": FILES["ada"]}), tmp_path / "out"
    batch(course, submissions, "--out", out)
    tests = course / "solutions/toolbox/test_hidden.py"
    tests.write_text(tests.read_text("utf-8").replace("@points(4)", "@points(5)"), "utf-8")
    run = batch(course, submissions, "--out", out)
    assert "1 grade measured" in run.stdout
    assert scores(out) == {"ada": 32}


def test_keeps_the_earlier_score_after_a_fault_of_the_course(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    submissions, out = hand_in(tmp_path, {"ada": FILES["ada"], "ben": FILES["ben"]}), tmp_path / "out"
    batch(course, submissions, "--out", out)
    tests = course / "solutions/toolbox/test_hidden.py"
    broken = '    """sums by name"""\n    submission.merge({}).nothing\n'
    tests.write_text(tests.read_text("utf-8").replace('    """sums by name"""\n', broken), "utf-8")
    run = batch(course, submissions, "--out", out)
    assert run.returncode == 3
    assert scores(out) == {"ada": 31, "ben": 30}
    assert all("test_merge fails on the reference too" in (grade.error or "") for grade in grades(out).values())
    assert "error: ada, toolbox: test_merge" in run.stderr
    assert "2 faults of the grader" in run.stdout
    with sqlite3.connect(out / "gradebook.sqlite") as book:
        (measured,) = book.execute("SELECT count(*) FROM results").fetchone()
    assert measured == 2


def test_names_students_below_a_share_of_the_points(course: Path, submissions: Path, out: Path) -> None:
    run = batch(course, submissions, "--out", out, "--fail-under", "80", "--quiet")
    assert run.returncode == 1
    assert run.stdout == ""
    named = re.findall(r"^(\w+) has ([\d.]+) %, below 80 %\.$", run.stderr, re.MULTILINE)
    assert sorted(student for student, _ in named) == ["eve", "finn", "gus", "ida"]
    assert dict(named)["gus"] == "74.2"


def test_stores_the_code_and_the_public_code(course: Path, out: Path) -> None:
    with Gradebook(out) as gradebook:
        book = gradebook.book()
        handed = {grade.student.id: grade.handed for grade in book.grades()}
        assert {student: book.work(each) for student, each in handed.items()} == FILES
        assert book.given("toolbox") == [FILES["finn"], REFERENCE]


def test_writes_the_default_formats(course: Path, out: Path) -> None:
    found = json.loads((out / "results.json").read_text("utf-8"))
    assert [each["student"]["id"] for each in found["students"]] == sorted(FILES)
    assert (out / "grades.csv").read_text("utf-8").count("\n") == len(FILES) + 1


def test_records_what_each_result_depends_on(out: Path) -> None:
    with sqlite3.connect(out / "gradebook.sqlite") as book:
        parts = [json.loads(row[0]) for row in book.execute("SELECT key_parts FROM results")]
    for each in parts:
        assert {"item", "submission", "exercise", "engine", "python", "torch", "seed", "isolation"} <= set(each)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "nowhere"),
        (["submissions", "--format", "jsom"], "There is no format 'jsom'. Did you mean 'json'?"),
        (["submissions", "--format", "moodle"], "--format moodle=FILE.csv"),
        (["submissions", "--exercise", "toolbx"], "Did you mean 'toolbox'?"),
        (["submissions", "--roster", "none.csv"], "none.csv"),
        (["submissions", "--late", "none.yaml"], "none.yaml"),
        (["submissions", "--layout", "blackboard"], "blackboard"),
    ],
)
def test_reports_bad_input_in_one_sentence(course: Path, tmp_path: Path, words: list[str], sentence: str) -> None:
    submissions = hand_in(tmp_path, {"finn": FILES["finn"]})
    given = [str(submissions) if word == "submissions" else word for word in words]
    run = batch(course, *given, "--out", tmp_path / "out")
    assert run.returncode == 2
    assert sentence in run.stderr
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1


def test_refuses_a_second_batch_on_one_gradebook(course: Path, submissions: Path, tmp_path: Path) -> None:
    with Gradebook(tmp_path / "out", create=True) as book:
        book.lock()
        run = batch(course, submissions, "--out", tmp_path / "out")
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1


SPY = """
import gc, os, sys
{reference}

def _seen():
    texts = [o for o in gc.get_objects() if isinstance(o, (str, bytes))]
    texts += [t for o in gc.get_objects() for t in gc.get_referents(o) if isinstance(t, (str, bytes))]
    texts += [repr(vars(m)) for m in list(sys.modules.values())] + list(os.environ.values()) + sys.argv
    for number in range(64):
        try:
            texts.append(os.pread(number, 1 << 20, 0))
        except OSError:
            pass
    for root in ("/proc", "/tmp", os.curdir, {submissions!r}, {course!r}):
        try:
            texts += os.listdir(root)
        except OSError:
            pass
    return [t for t in texts if {mark!r}[::-1] in (t if isinstance(t, str) else t.decode("latin-1"))]


def scale(x, factor):
    if _seen():
        raise RuntimeError("I have seen another's work")
    return x * factor
"""


def test_hides_the_work_of_other_students(course: Path, tmp_path: Path) -> None:
    """Let each spy look for a mark in the others' work; one judge grades all, and one submission has the mark."""
    mark = "eulav tnatropmi"  # a spy's own text has it backwards
    fill = {"reference": REFERENCE, "mark": mark, "submissions": str(tmp_path), "course": str(course)}
    spy = SPY.format(**fill)
    own = f"MINE = 'an {mark[::-1]}'\n{spy}"
    marked = f"{REFERENCE}\n# {mark[::-1]}"
    files = {
        **{f"{name}-{mark[::-1].replace(' ', '-')}": f"{marked} {name}\n" for name in ("ada", "ben")},
        **{f"spy{number}": f"{spy}\n# {number}\n" for number in range(3)},
        "zoe": own,
    }
    out = tmp_path / "out"
    run = batch(course, hand_in(tmp_path, files), "--out", out, "--jobs", "1")
    assert run.returncode == 0, run.stderr
    found = scores(out)
    assert found.pop("zoe") == 30  # whoever has the mark in memory does see it: the search works
    assert set(found.values()) == {31}


def test_escapes_github_commands_in_student_output(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    files = {"::add-mask::x": NO_TEXT, "##[add-mask]y": NO_TEXT}
    roster = tmp_path / "roster.csv"
    roster.write_text("id,name\nz,::stop-commands::z\n", "utf-8")
    run = batch(course, hand_in(tmp_path, files), "--out", tmp_path / "out", "--roster", roster, "--fail-under", "50")
    said = [*run.stdout.splitlines(), *run.stderr.splitlines()]
    assert any("add-mask::x has 0.0 %" in line for line in said)
    assert any("stop-commands::z" in line for line in said)
    assert not [line for line in said if line.strip().startswith("::") or "##[" in line]


@pytest.fixture
def odd_class(tmp_path: Path) -> Path:
    """Hand in one graded file with many others beside it, and files of four students that cannot be graded."""
    submissions = hand_in(tmp_path, {"ada": FILES["finn"]})
    others = {
        **{f"ada/notes/{number}.md": b"" for number in range(20)},
        "ada/__pycache__/toolbox.pyc": b"",
        "ada/a.rar": b"",
        "ben/tool-box.py": REFERENCE.encode(),
        "cleo/work.zip": b"<html>sign in</html>",
        "dora/work.7z": b"",
        "eve/Copy of toolbox.ipynb": b"{}",
    }
    for name, data in others.items():
        (submissions / name).parent.mkdir(parents=True, exist_ok=True)
        (submissions / name).write_bytes(data)
    return submissions


LOST = "nothing is graded for 4 students who handed something in: ben, cleo, dora, eve; 1 file of others cannot be read"


def test_reports_all_work_that_is_not_graded(course: Path, odd_class: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    formats = [word for name in ("json", "csv", "github", "html", "feedback") for word in ("--format", name)]
    roster = tmp_path / "roster.csv"
    roster.write_text("id\n" + "".join(f"{each}\n" for each in ("ada", "ben", "cleo", "dora", "eve", "zoe")), "utf-8")
    run = batch(course, odd_class, "--out", out, "--roster", roster, *formats)
    assert run.returncode == 0, run.stderr
    screen = run.stdout.split("measured")[0].splitlines()
    first = screen.index("  4 students with nothing graded")
    assert [line.partition(":")[0].strip() for line in screen[first + 1 : first + 5]] == ["ben", "cleo", "dora", "eve"]
    assert screen[first + 1].endswith("ben/tool-box.py: not named after an exercise (did you mean 'toolbox'?)")
    assert "is not a valid archive" in screen[first + 2]
    assert screen[first + 6] == "  1 file that cannot be read"
    assert "    and 10 more; not-graded.csv has all of them" in screen
    assert "pycache" not in run.stdout
    nothing = screen.index("  1 student on the roster, but handed in nothing")
    assert screen[nothing + 1] == "    zoe"
    assert f"::warning title=Not graded::{LOST}; the summary lists it" in run.stdout.splitlines()

    found = json.loads((out / "results.json").read_text("utf-8"))
    assert [each["student"]["id"] for each in found["students"]] == ["ada", "ben", "cleo", "dora", "eve", "zoe"]
    ignored = {Path(each["file"]).name: (each["student"], each["kind"]) for each in found["ignored"]}
    assert len(found["ignored"]) == 25
    assert ignored["tool-box.py"] == ("ben", "unrecognised")
    assert ignored["work.zip"] == ("cleo", "unread")
    rows = (out / "not-graded.csv").read_text("utf-8").splitlines()
    assert len(rows) == 26
    assert [row.partition(",")[0] for row in rows[1:6]] == ["ben", "cleo", "dora", "eve", "ada"]
    assert rows[1].endswith(",not named after an exercise (did you mean 'toolbox'?),unrecognised,no")
    assert "\\- eve, " not in (out / "github-summary.md").read_text("utf-8")
    assert "- eve, " in (out / "github-summary.md").read_text("utf-8")
    report = (out / "report.html").read_text("utf-8")
    assert f"In this run {LOST}." in report
    assert "an archive in an unsupported format; ask for a .zip" in report
    for name in ("feedback.md", "feedback.html"):
        told = (out / "feedback" / "dora" / name).read_text("utf-8").replace("\\", "")
        assert "Nothing was handed in." not in told
        assert "work.7z: an archive in an unsupported format" in told
        assert "Nothing was handed in." in (out / "feedback" / "zoe" / name).read_text("utf-8")

    shown = grade_gradebook(course, out)
    assert "1 of them handed in nothing" in shown
    assert "Nothing is graded for 4 students" in " ".join(shown.split())
    assert "dora/work.7z: an archive" in "".join(grade_gradebook(course, out, "--student", "dora").split("\n      "))


def test_reports_students_with_nothing_graded_even_if_quiet(course: Path, odd_class: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = batch(course, odd_class, "--out", out, "--quiet")
    assert (run.returncode, run.stdout) == (0, "")
    listed = f"grade gradebook {out} --format csv lists all in not-graded.csv."
    assert complaints(run.stderr) == f"note: {LOST}; {listed}\n"


def grade_gradebook(course: Path, out: Path, *words: str) -> str:
    command = [sys.executable, "-m", "grader.cli", "--course", str(course), "gradebook", str(out), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_grades_the_others_despite_two_files_that_differ(course: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    submissions = hand_in(tmp_path, {"ada": FILES["finn"], "mallory/a": NO_TEXT, "mallory/b": "x = 1\n"})
    for path in submissions.rglob("*.py"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    run = batch(course, submissions, "--out", out)
    assert run.returncode == 0, run.stderr
    told = f"it is unclear whether this or {submissions}/mallory/a/toolbox.py counts; use --map to choose"
    assert f"    {submissions}/mallory/b/toolbox.py: {told}" in run.stdout.splitlines()
    found = grades(out)
    assert (found["ada"].outcome, found["mallory"].outcome) == (Outcome.NOT_STARTED, Outcome.UNREADABLE)
    assert found["mallory"].points is not None
    assert found["mallory"].points.final == 0
    assert "There are two files for toolbox" in json.dumps(untimed(out)["mallory"])
    assert "0 grades measured, 2 reused" in batch(course, submissions, "--out", out).stdout
