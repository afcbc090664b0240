"""Tests of `grade release`, and of other commands in a student's edition."""

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from grader.course import load_course
from grader.course.lesson.files import part_files
from grader.course.progress import Graded, PartRead, Progress
from tests.cli.strangers import Scene, snapshot
from tests.command_line import error, run, telling_imports
from tests.ordinary import USERS
from tests.quiz.every_type import QUIZ
from tests.teach.release import courses
from tests.teach.release.courses import building_on, with_quiz


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the small course with a quiz, and change to the folder beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return with_quiz(tmp_path)


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a course of three exercises, of which one builds on another, and change to the folder beside it."""
    monkeypatch.chdir(tmp_path)
    return building_on(tmp_path)


def release(*words: str, out: str = "week") -> str:
    done = run("--course", "course", "release", "--out", out, *words)
    assert done.exit_code == 0, done.output
    return done.stdout


# The command


def test_lists_what_it_wrote(chain: Path) -> None:
    assert release("--exercises", "top,high", out="week.zip").splitlines()[1:] == [
        "  week.zip   14 files",
        "",
        "    lessons     2 more, 4 last",
        "    exercises   top, high",
        "    and         base, on which those build",
        "",
    ]


@pytest.mark.parametrize(
    ("words", "exercises"),
    [
        ("1", ["base"]),
        ("2-4", ["base", "top", "high"]),
        ("1,further", ["base", "top"]),
        ("3-9", ["high"]),
    ],
)
def test_selects_lessons_by_numbers_ranges_and_names(chain: Path, words: str, exercises: list[str]) -> None:
    release("--lessons", words)
    assert [each.id for each in load_course(Path("week").absolute()).exercises] == exercises


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--lessons", "7"], "No lesson '7' in this course. grade lesson --list shows them all."),
        (["--lessons", "5-9"], "No lesson of this course is in 5-9; course.yaml has their numbers."),
        (["--lessons", ","], "--lessons needs lessons, such as 1-4 or 1,3,moe."),
        (["--exercises", "tops"], "No exercise 'tops' in this course. Did you mean 'top'?"),
    ],
)
def test_rejects_unknown_names_and_writes_nothing(chain: Path, words: list[str], sentence: str) -> None:
    assert error("--course", "course", "release", "--out", "week", *words) == sentence
    assert not Path("week").exists()


def test_refuses_a_folder_that_is_not_empty(chain: Path) -> None:
    Path("week").mkdir()
    Path("week/mine.py").write_text("mine")
    sentence = "week is not empty; name another folder, or a file that ends with .zip."
    assert error("--course", "course", "release", "--out", "week") == sentence
    assert [str(path) for path in Path("week").rglob("*")] == ["week/mine.py"]


def test_the_same_course_gives_the_same_bytes(whole: Path) -> None:
    release("--quizzes", "exam", out="week.zip")
    first = Path("week.zip").read_bytes()
    release("--quizzes", "exam", out="week.zip")
    assert Path("week.zip").read_bytes() == first


def test_imports_neither_torch_nor_a_judge(whole: Path) -> None:
    heavy = {"torch", "pytest", "numpy", "grader.engine.judge", "grader.engine.sandbox"}
    command = telling_imports(["--course", "course", "release", "--out", "week"], heavy)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == "loaded []\n"


# What is outside of the folder


def released(scene: Scene, out: str) -> str:
    """Return the error message of `grade release` of the installed course."""
    return scene.error("--course", str(scene.folder / "installed"), "release", "--out", out)


@pytest.mark.parametrize("to", ["home", "empty", "made"], ids=["files", "empty", "nowhere"])
@pytest.mark.parametrize("out", ["week", "week.zip"])
def test_does_not_follow_an_out_that_is_a_link(scene: Scene, out: str, to: str) -> None:
    (scene.folder / "empty").mkdir()
    (scene.mine / out).symlink_to(scene.folder / to)
    assert released(scene, out) == f"{out} is a symbolic link, and is not followed; name its target instead."


def test_writes_into_a_folder_reached_through_a_link(scene: Scene) -> None:
    (scene.folder / "public").mkdir()
    (scene.mine / "link").symlink_to(scene.folder / "public")
    done = scene.run("--course", str(scene.folder / "installed"), "release", "--out", "link/week")
    assert done.exit_code == 0, done
    assert (scene.folder / "public/week/course.yaml").is_file()


@pytest.mark.parametrize("scene", USERS[:1], indirect=True)
def test_temporary_files_cannot_be_redirected_by_links(scene: Scene) -> None:
    """Earlier versions wrote to temporary names that could be guessed."""
    for out in ("week", "week.zip"):
        (scene.mine / f".{out}.{os.getpid()}.part").symlink_to(scene.home / ("" if out == "week" else ".bashrc"))
    before = snapshot(scene.home)
    for out in ("week", "week.zip"):
        done = scene.run("--course", str(scene.folder / "installed"), "release", "--out", out)
        assert done.exit_code == 0, done
        assert not Path(out).is_symlink()
    assert snapshot(scene.home) == before


def test_writes_nothing_beside_an_existing_folder(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instructor may have no permission to write to the parent folder."""
    (scene.mine / "around/week").mkdir(parents=True)
    monkeypatch.chdir("around/week")
    before = snapshot(scene.mine / "around").keys()
    done = scene.run("--course", str(scene.folder / "installed"), "release", "--out", "..")
    assert "is not empty" in done.stderr
    (scene.mine / "around").chmod(0o555)
    done = scene.run("--course", str(scene.folder / "installed"), "release", "--out", ".")
    (scene.mine / "around").chmod(0o755)
    assert done.exit_code == 0, done
    assert Path("course.yaml").is_file()
    assert {name for name in snapshot(scene.mine / "around") if not name.startswith("week/")} == before


@pytest.mark.parametrize(
    "name",
    [
        "course.yaml",
        "lessons",
        "lessons/01-tools",
        "lessons/01-tools/1-averages.md",
        "lessons/01-tools/pictures",
        "lessons/01-tools/pictures/sums-of-the-past.json",
        courses.QUIZ,
        "exercises/toolbox",
        "exercises/toolbox/README.md",
        "exercises/toolbox/toolbox.py",
        "exercises/toolbox/test_public.py",
    ],
)
def test_refuses_to_release_the_target_of_a_link(whole: Path, name: str) -> None:
    there = (whole / name).rename(whole.parent / "elsewhere")
    (whole / name).symlink_to(there)
    assert error("--course", "course", "release", "--out", "week") == (
        f"course/{name} is a symbolic link, which cannot be released; replace it with the file or folder itself."
    )
    assert not Path("week").exists()


def test_ignores_links_to_files_that_are_not_released(chain: Path) -> None:
    (chain / "exercises/high").rename(chain.parent / "elsewhere")
    (chain / "exercises/high").symlink_to(chain.parent / "elsewhere")
    (chain / "exercises/base/notes.md").symlink_to(chain / "solutions/base/base.py")
    release("--exercises", "top")
    assert not any(path.is_symlink() or path.name == "notes.md" for path in Path("week").rglob("*"))


# In the edition


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["batch", "."],
        ["release", "--out", "x"],
        ["new", "x", "--lesson", "1"],
        ["export", "gradescope", "x"],
        ["export", "quiz", "1", "--format", "gift"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_commands_that_need_solutions_say_so(whole: Path, words: list[str]) -> None:
    release()
    told = f"grade {words[0]} needs the whole course, but this is a student's edition without solutions"
    assert told in error("--course", "week", *words)


def test_refuses_to_make_a_workspace_of_an_edition(whole: Path) -> None:
    release()
    before = sorted(Path("week").rglob("*"))
    sentence = "week is a student's edition, which needs no workspace; name another: grade init DIR."
    assert error("init", "week") == sentence
    assert error("--course", "week", "update").startswith(
        "This is a student's edition of a course; ask your instructor"
    )
    assert sorted(Path("week").rglob("*")) == before


def test_says_that_an_exercise_is_not_in_the_edition(chain: Path) -> None:
    release("--lessons", "4")
    sentence = "Lesson 1, Three, is not in this edition of the course."
    assert error("--course", "week", "lesson", "1") == sentence
    assert error("--course", "week", "notebook", "1.1") == sentence
    assert error("--course", "week", "list", "1") == "Lesson 1 has no exercises in this edition of the course."
    assert error("--course", "week", "quiz", "1") == "Lesson 1, Three, has no quiz in this edition of the course."
    assert error("--course", "week", "diff", "high").startswith("This course has no solution of high")
    assert "not in this edition: lessons 1, 2" in run("--course", "week", "list").stdout
    assert run("--course", "week", "lesson", "--list").stdout.count("not in this edition") == 3


def test_shows_a_lesson_whose_exercise_is_not_in_the_edition(whole: Path) -> None:
    (whole / "solutions" / "toolbox").rename(whole / "solutions" / "other")
    folder = (whole / "exercises" / "toolbox").rename(whole / "exercises" / "other")
    (folder / "toolbox.py").rename(folder / "other.py")
    (whole / "solutions/other/toolbox.py").rename(whole / "solutions/other/other.py")
    release()
    text = run("--course", "week", "lesson", "1.1", "--plain").stdout
    assert "  not in this edition   grade exercise toolbox\n" in text
    assert run("--course", "week", "site", "--out", "site").exit_code == 0
    pages = [path.read_text() for path in Path("site").rglob("1-*.html")]
    assert any("Exercise, not in this edition of the course" in page for page in pages)
    assert run("--course", "week", "notebook", "1.1", "--out", "part.ipynb").exit_code == 0
    assert "`toolbox`, which is not in this edition." in Path("part.ipynb").read_text()


def test_a_practice_quiz_can_be_taken(whole: Path) -> None:
    release()
    done = run("--course", "week", "quiz", "tools", "--plain", input="s\n" * len(QUIZ.questions))
    assert f"{len(QUIZ.questions)} skipped" in done.stdout


def test_an_exam_is_a_form_and_is_not_asked(whole: Path) -> None:
    release("--quizzes", "exam")
    for words in (["quiz", "tools"], ["quiz", "tools", "--answers", "week/quiz-tools.yaml"]):
        assert error("--course", "week", *words) == (
            "The quiz of lesson 1, Tools, is an exam: write your answers into week/quiz-tools.yaml, "
            "and hand in that file."
        )
    assert "exam      week/quiz-tools.yaml" in run("--course", "week", "list").stdout
    assert "exam      week/quiz-tools.yaml" in run("--course", "week", "lesson", "1.2", "--plain").stdout


def test_passing_the_public_tests_is_not_a_pass(whole: Path) -> None:
    release("--quizzes", "none")
    stub = Path("week/exercises/toolbox/toolbox.py")
    stub.write_bytes((whole / "solutions/toolbox/toolbox.py").read_bytes())
    done = run("--course", "week", "exercise", "toolbox")
    assert done.exit_code == 0, done.output
    course = load_course(Path("week").absolute())
    assert "These are the public tests only; the hidden ones run on what you hand in." in done.stdout
    assert course.exercise("toolbox").passed not in done.stdout
    assert "grade diff" not in done.stdout
    progress = Progress.load(course.root)
    (graded,) = progress.attempts("toolbox")
    assert (graded.passed, graded.public) == (False, True)
    assert 0 < graded.score < graded.max_score == 31
    assert progress.state("toolbox") == "public"
    listed = run("--course", "week", "list").stdout
    assert "1 of 1   100%" in listed
    assert "◐  passes the public tests; what you hand in is tested further" in listed
    assert f"{graded.score:g}/31" in listed
    assert "◐ toolbox" in run("--course", "week", "history").stdout
    assert "passed when it was last graded" in error("--course", "week", "shell", "toolbox")


def test_reminds_to_hand_in_after_all_public_tests_pass(whole: Path) -> None:
    release("--quizzes", "none")
    progress = Progress.load(Path("week").absolute())
    for part in part_files(load_course(whole), load_course(whole).lessons[0]):
        progress.record(PartRead(lesson="tools", part=part.number, slug=part.slug))
    progress.record(Graded(exercise="toolbox", score=8, max_score=31, passed=False, public=True, sha256=None))
    sentence = "Every exercise passes its public tests; now hand in what was asked for."
    assert sentence in run("--course", "week", "list").stdout
    told = error("--course", "week", "next")
    assert told == "Every part is read, and every exercise passes its public tests; hand in what was asked for."


def test_reset_restores_a_deleted_file_from_the_edition(whole: Path) -> None:
    release()
    Path("week/exercises/toolbox/toolbox.py").unlink()
    assert error("--course", "week", "reset", "toolbox").endswith("in git; copy it from the files that you received.")


def test_a_zip_contains_no_readable_quiz_answers(whole: Path) -> None:
    release(out="week.zip")
    with zipfile.ZipFile("week.zip") as archive:
        assert b"explanation" not in archive.read(f"week/{courses.QUIZ}")
