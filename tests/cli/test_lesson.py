"""Tests of `grade lesson` on small courses, with lessons of one text and lessons in parts."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from grader.course.progress import PartStopped, Predicted, Progress, Reviewed, now
from tests.cli.terminals import InShell, InTerminal
from tests.command_line import error, run, telling_imports
from tests.passed import record
from tests.paths import ROOT, copy_toolbox

COURSE = """\
title: Small
lessons:
  - {number: 3, slug: mixture-of-experts, title: Mixture of experts, short: experts, names: [moe]}
  - {number: 4, slug: moe-in-practice, title: MoE in practice, short: applied}
  - {number: 7, slug: state-space-models, title: State-space models, short: state spaces}
"""
PART = """\
---
title: From one expert to others
---

## The mechanism

### Routing

Pick **k** of E.
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "course.yaml").write_text(COURSE)
    folder = tmp_path / "lessons" / "03-mixture-of-experts"
    folder.mkdir(parents=True)
    (folder / "1-experts.md").write_text(PART)
    return tmp_path


def grade(course: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader.cli", "--course", str(course), "lesson", *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("name", ["3", "03", "moe", "MoE", "experts", "mixture-of-experts", "03-mixture-of-experts"])
def test_finds_a_lesson_by_number_slug_name_or_word(course: Path, name: str) -> None:
    assert "3.1  From one expert to others" in grade(course, name).stdout


@pytest.mark.parametrize("words", [["routing"], ["Routing"], ["rout"], ["the", "mechanism"]])
def test_words_of_a_heading_open_its_part(course: Path, words: list[str]) -> None:
    assert "Pick k of E." in grade(course, "moe", *words).stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["m"], "'m' can be 'mixture-of-experts' (3) or 'moe-in-practice' (4) or 'state-space-models' (7)"),
        (["expertz"], "No lesson 'expertz' in this course. Did you mean 'experts'?"),
        (["state"], "Lesson 7, State-space models, is not written yet"),
        (
            ["moe", "from one export"],
            "Lesson 3 has no part 'from one export'. Did you mean 'From one expert to others'?",
        ),
        (["moe", "xyz"], "Lesson 3 has no part 'xyz'. It has: From one expert to others."),
    ],
    ids=["several", "near", "not written", "near part", "no part"],
)
def test_rejects_unknown_lessons_and_sections(course: Path, words: list[str], sentence: str) -> None:
    done = grade(course, *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_lists_lessons(course: Path) -> None:
    shown = grade(course, "--list").stdout
    assert "Mixture of experts" in shown
    assert shown.count("not written yet") == 2


# ------------------------------------------------------------ lessons in parts


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a small course with a lesson of two parts, and change to its folder."""
    root = copy_toolbox(tmp_path / "tools")
    monkeypatch.chdir(root)
    return root


class Reading(InTerminal):
    """Run `grade lesson` in a terminal."""

    def __init__(self, *words: str, rows: int = 24):
        super().__init__("lesson", *words, rows=rows)


def test_reads_a_part_in_a_terminal(tools: Path) -> None:
    reading = Reading("1.1")
    asked = reading.until("q+Enter stop")
    assert "What is the first?" in asked
    assert "tensor([ 3." not in asked
    reading.types("2\n")
    shown = reading.until("q stop")
    assert "✗ yours: 2   right: 3" in shown
    assert "tensor([ 3.,  9., 18.])" in shown
    reading.types("q")
    assert "grade lesson 1.1" in reading.until("1.1\n")
    assert reading.ends() == 0
    *_, predicted, stopped = Progress.load(tools).events
    assert isinstance(predicted, Predicted)
    assert (predicted.question, predicted.answer, predicted.right) == ("sums-of-the-past", "2", False)
    assert isinstance(stopped, PartStopped)
    again = Reading()
    shown = again.until("q+Enter stop")
    assert "w = torch.tril" in shown  # the code of the last question
    assert "What is the first?" in shown
    assert "A model reads three numbers" not in shown
    again.types("q\n")
    assert again.ends() == 0


def test_the_key_to_continue_does_not_skip_a_question(tools: Path) -> None:
    reading = Reading("1.2", rows=60)
    reading.until("q+Enter stop")
    reading.types("  an é lex\x7fak\n")
    reading.until("was yours right?")
    reading.types("y")
    assert reading.ends() == 0
    (answer,) = (event.answer for event in Progress.load(tools).events if isinstance(event, Predicted))
    assert answer == "an é leak"
    reading = Reading("1.1")
    reading.until("q+Enter stop")
    reading.types("  3")
    assert "▸   " not in reading.until("3")
    reading.types("\n")
    assert "right" in reading.until("right")
    reading.types("q")
    assert reading.ends() == 0


def test_a_stopped_reading_goes_on_where_it_was(tools: Path) -> None:
    reading = InShell("lesson", "1.1")
    reading.until("q+Enter stop")
    reading.types("1")
    reading.until("▸ 1")
    reading.stops()
    reading.goes_on()
    assert "What is the first?" in reading.until("q+Enter stop")
    reading.until("▸ 1")
    reading.types("8\n")
    assert "yours: 18" in reading.until("q stop")
    reading.stops()
    reading.goes_on()
    assert "yours: 18" in reading.until("q stop")
    reading.types("q")
    reading.leaves_shell()


def test_a_resized_screen_is_laid_out_again(tools: Path) -> None:
    reading = Reading("1.1", rows=40)
    assert max(map(len, reading.until("q+Enter stop").splitlines())) > 60
    reading.resize(40, 60)
    shown = reading.until("q+Enter stop")
    assert "A model reads three numbers" in shown
    assert max(map(len, shown.splitlines())) <= 60
    reading.types("q\n")
    assert reading.ends() == 0


def test_shows_the_next_steps_at_the_end_of_a_part(tools: Path) -> None:
    reading = Reading("1.2", rows=60)
    reading.until("q+Enter stop")
    reading.types("leak\n")
    reading.until("was yours right?")
    reading.types("y")
    assert "The average of the past" in reading.until("average of the past")
    assert reading.ends() == 0
    assert Progress.load(tools).part_state("tools", "leaks") == "read"
    shown = run("lesson", "1").stdout
    assert "    ▸ 1.1  The average of the past" in shown
    assert "    ✓ 1.2  What leaks" in shown
    assert "0 missed" in run("review", "--list").stdout


def test_a_wrong_prediction_is_due_for_review(tools: Path) -> None:
    tomorrow = now() + timedelta(days=1)
    Progress.load(tools).record(
        Predicted(lesson="tools", slug="averages", question="sums-of-the-past", answer="18", right=False, due=tomorrow)
    )
    assert "1 missed, 0 due" in run("review", "--list").stdout
    assert "1 missed" in run("list").stdout
    result = run("review", input="3\n")
    assert "What is the first?" in result.stdout
    assert "w = torch.tril" in result.stdout
    assert "Right." in result.stdout
    assert "0 missed, 0 due" in run("review", "--list").stdout


def test_a_prediction_in_words_is_reviewed_and_judged_by_the_reader(tools: Path) -> None:
    part = tools / "lessons" / "01-tools" / "2-leaks.md"
    part.write_text(part.read_text("utf-8").replace("answer: leak", "answer: what comes later has leaked"), "utf-8")
    Progress.load(tools).record(
        Predicted(lesson="tools", slug="leaks", question="a-name-for-it", answer="?", right=False, due=now())
    )
    stopped = run("review", input="q\n")
    assert "what comes later" not in stopped.stdout
    result = run("review", input="it reads ahead\nyes\n2\n")
    shown = [line.strip() for line in result.stdout.splitlines()]
    assert "The right answer: what comes later has leaked" in shown
    assert "1  I had it" in shown
    assert "'yes' is not a choice. Give a number from 1 to 2." in shown
    assert "Not right." in shown
    assert "Your answer: I did not have it" in shown
    assert "0 missed, 0 due" in run("review", "--list").stdout
    assert isinstance(Progress.load(tools).events[-1], Reviewed)


def test_output_to_a_pipe_has_the_answers_and_does_not_count_as_read(tools: Path) -> None:
    shown = run("lesson", "averages").stdout
    assert shown == run("lesson", "1.1", "--plain").stdout
    assert "answer: the last one only" in shown
    assert "○ grade exercise toolbox   5 minutes, 31 points" in shown
    assert Progress.load(tools).events == []
    record(tools, "toolbox", 4)
    assert "✓ grade exercise toolbox" in run("lesson", "1.1").stdout


def test_reports_an_invalid_picture_in_one_sentence(tools: Path) -> None:
    (tools / "lessons" / "01-tools" / "pictures" / "sums-of-the-past.json").unlink()
    file = "lessons/01-tools/pictures/sums-of-the-past.json"
    assert error("lesson", "1.1").startswith(f"{file}: there is no such picture")


def test_the_opening_is_read_first(tools: Path) -> None:
    (tools / "lessons" / "opening.md").write_text("---\ntitle: Welcome\n---\n\nRead on.\n", "utf-8")
    assert "Welcome" in run("lesson").stdout
    assert run("lesson", "0").stdout.split("\n")[1] == "  Welcome"
    assert run("list").stdout.splitlines()[-1].split() == ["next", "grade", "lesson", "0", "Welcome"]


def test_the_next_step_follows_the_part_that_was_read(tools: Path) -> None:
    (tools / "lessons" / "opening.md").write_text("---\ntitle: Welcome\n---\n\nRead on.\n", "utf-8")

    def following(name: str) -> list[str]:
        return run("lesson", name, "--plain").stdout.splitlines()[-1].split()[:4]

    assert following("0") == ["next", "grade", "lesson", "1.1"]
    assert following("1.1") == ["next", "grade", "exercise", "toolbox"]
    record(tools, "toolbox", 4)
    assert following("1.1") == ["next", "grade", "lesson", "1.2"]
    assert following("1.2") == ["next", "grade", "lesson", "0"]  # from the beginning: nothing was read


def test_omits_a_title_that_does_not_fit(tools: Path) -> None:
    part = tools / "lessons" / "01-tools" / "2-leaks.md"
    long = "title: A long title of a part that is read after the first one "
    part.write_text(part.read_text("utf-8").replace("title: ", long), "utf-8")
    record(tools, "toolbox", 4)
    assert run("lesson", "1.1").stdout.splitlines()[-1] == "  next      grade lesson 1.2"


def test_shows_minutes_of_reading_and_of_exercises(tools: Path) -> None:
    lines = [" ".join(line.split()) for line in run("lesson", "1").stdout.splitlines()]
    assert "1 Tools read exercises" in lines
    assert "▸ 1.1 The average of the past 2 min 5 min" in lines
    assert "○ 1.2 What leaks 1 min" in lines
    assert "in all 3 min 5 min" in lines


def test_lists_lessons_in_parts(tools: Path) -> None:
    assert "0 of 2 parts read" in run("lesson", "--list").stdout


def test_imports_nothing_heavy(tools: Path) -> None:
    command = telling_imports(["lesson", "1.2"], {"torch", "pytest", "numpy", "sqlite3", "prompt_toolkit", "pygments"})
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)})
    assert "What leaks" in done.stdout
    assert done.stderr == "loaded []\n"
