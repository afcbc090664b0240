"""grade quiz, grade review and the quizzes in grade list, through the real commands on a small course."""

import json
import os
import pty
import select
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from grader.cli import grade
from grader.progress import Answered, Progress, QuizFinished, QuizStarted, Reviewed
from grader.quiz import history
from grader.quiz.draw import ask
from grader.quiz.history import Key, student_salt
from grader.quiz.load import load_quiz
from grader.quiz.review import due_after
from grader.quiz.score import right_answer

QUIZ_FILE = Path(__file__).parent / "quizzes" / "every-type.yaml"
QUIZ = load_quiz(QUIZ_FILE)
COUNT = len(QUIZ.questions)
COURSE = """\
title: Small course
lessons:
  - {number: 1, slug: all-things, title: All things, short: all}
  - {number: 2, slug: other-things, title: Other things, short: other}
"""
LESSON = "# 1. All things\n\n## Routing\n\ntext\n\n## Counting\n\ntext\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of two lessons, the first with a quiz, and the working directory in it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "lessons" / "01-all-things"
    folder.mkdir(parents=True)
    (tmp_path / "course.yaml").write_text(COURSE)
    (folder / "lesson.md").write_text(LESSON)
    (folder / "quiz.yaml").write_bytes(QUIZ_FILE.read_bytes())
    return tmp_path


def run(*args: str, **options: Any) -> Result:
    return CliRunner().invoke(grade, list(args), prog_name="grade", **options)


def error(*args: str) -> str:
    """The one line that a command with bad input writes."""
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").rstrip("\n")


def right(root: Path, attempt: int = 1, salt: str | None = None) -> list[str]:
    """The right answers of an attempt, as they are typed."""
    salt = student_salt(root) if salt is None else salt
    return [right_answer(ask(question, salt, attempt)) for question in QUIZ.questions]


def lines(answers: list[str]) -> str:
    return "".join(f"{answer}\n" for answer in answers)


def answered(root: Path) -> list[Answered]:
    return [event for event in Progress.load(root).events if isinstance(event, Answered)]


# ------------------------------------------------------------ taking a quiz in plain lines


def test_all_right(root: Path) -> None:
    result = run("quiz", "all", input=lines(right(root)))
    assert result.exit_code == 0, result.output
    assert f"Question {COUNT} of {COUNT}" in result.stdout
    assert result.stdout.count("  Right.") == COUNT
    assert "9 of 9" in result.stdout
    assert "read again" not in result.stdout
    events = Progress.load(root).events
    assert [type(event) for event in events] == [QuizStarted, *[Answered] * COUNT, QuizFinished]
    last = events[-1]
    assert isinstance(last, QuizFinished)
    assert (last.quiz, last.attempt, last.score, last.max_score, last.whole) == ("all-things", 1, COUNT, COUNT, True)


def test_wrong_ones_are_named_with_what_to_read_again(root: Path) -> None:
    answers = right(root)
    answers[2] = "8 x 7e9\n56B"  # the first is no answer, and is asked again
    answers[8] = "1"
    result = run("quiz", "all", input=lines(answers))
    assert "'x 7e9' is not understood after the number." in result.stdout
    assert "Only the FFNs are eightfold; attention is shared." in result.stdout
    tail = result.stdout[result.stdout.index("Every type of question   attempt 1") :]
    assert "7 of 9" in tail
    assert "recall     " in tail
    assert "Your answer: 56B" in tail
    assert "The right answer: 46,700,000,000 parameters" in tail
    assert "    grade lesson all-things counting\n    grade lesson all-things routing\n" in tail
    assert "grade quiz all-things --only missed" in tail


def test_it_stops_and_goes_on_at_the_same_place(root: Path) -> None:
    answers = right(root)
    first = run("quiz", "1", input=lines([*answers[:3], "q"]))
    assert first.exit_code == 0
    assert "3 of 9 questions are answered and kept." in " ".join(first.stdout.split())
    assert len(answered(root)) == 3
    second = run("quiz", "1", input=lines(answers[3:]))
    assert "Question 4 of 9" in second.stdout
    assert "Question 3 of 9" not in second.stdout
    assert "9 of 9" in second.stdout
    assert [event.attempt for event in answered(root)] == [1] * COUNT


def test_the_input_ends(root: Path) -> None:
    result = run("quiz", "1", input=right(root)[0])  # without a line feed
    assert result.exit_code == 1
    assert "The input ended. 1 of 9 questions are answered and kept." in result.stdout
    assert len(answered(root)) == 1


def test_standard_input_that_is_closed(root: Path) -> None:
    command = f"{sys.executable} -m grader.cli quiz all <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stderr) == (1, "")
    assert "The input ended. 0 of 9" in done.stdout


def test_bytes_that_are_no_text(root: Path) -> None:
    result = run("quiz", "all", input=b"\xff\xfe\n\x00\nq\n")
    assert result.exit_code == 0
    assert result.stdout.count("is not a choice.") == 2


@pytest.mark.parametrize("typed", ["twelve", "1e999", "nan", "1,5", "", "-"])
def test_bad_answers_are_asked_again(root: Path, typed: str) -> None:
    answers = right(root)
    answers[2] = f"{typed}\n46.7B"
    result = run("quiz", "all", input=lines(answers))
    assert result.exit_code == 0
    assert result.stdout.count("  Right.") == COUNT
    assert any(said in result.stdout for said in ("not a number", "too large", "Type a number, such as"))


def test_skip_and_back(root: Path) -> None:
    answers = right(root)
    result = run("quiz", "all", input=lines([answers[0], "s", "b", *answers[1:]]))
    assert "9 of 9" in result.stdout
    assert [event.answer for event in answered(root)][:3] == [answers[0], None, answers[1]]
    result = run("quiz", "all", input=lines(["s"] * COUNT))
    assert "0 of 9" in result.stdout
    assert "Your answer: skipped" in result.stdout


def test_an_answer_that_was_explained_is_not_changed(root: Path) -> None:
    answers = right(root)
    result = run("quiz", "all", input=lines(["9", answers[0], "b", "2", *answers[1:]]))
    assert "Enter goes on." in result.stdout
    assert "9 of 9" in result.stdout


def test_exam_says_nothing_until_the_end_and_lets_answers_change(root: Path) -> None:
    answers = right(root)
    wrong = "1" if answers[0] != "1" else "2"
    result = run("quiz", "all", "--exam", input=lines([wrong, "b", answers[0], wrong, *answers[2:]]))
    during, after = result.stdout.split("attempt 1")
    assert "Right." not in during
    assert "The selection is in" not in during
    assert "The selection is in Δ, B and C." in after
    assert "✗ Over what" not in after


def test_a_seed_makes_the_quiz_anew(root: Path) -> None:
    result = run("quiz", "all", "--seed", "class of 2026", input=lines(right(root, 1, "class of 2026")))
    assert "9 of 9" in result.stdout


def test_the_number_of_questions(root: Path) -> None:
    result = run("quiz", "all", "--n", "3", input="q\n")
    started = Progress.load(root).events[0]
    assert isinstance(started, QuizStarted)
    assert (len(started.questions), started.whole) == (3, False)
    assert "Question 1 of 3" in result.stdout
    order = [question.id for question in QUIZ.questions]
    assert sorted(started.questions, key=order.index) == list(started.questions)
    assert "Question 1 of 3" in run("quiz", "all", input="q\n").stdout  # and goes on with these
    assert "Question 1 of 9" in run("quiz", "all", "--new", input="q\n").stdout
    assert "Question 1 of 9" in run("quiz", "all", "--n", "50", input="q\n").stdout


def test_only_missed(root: Path) -> None:
    assert "Nothing of the quiz all-things was answered yet" in error("quiz", "all", "--only", "missed")
    answers = right(root)
    answers[3], answers[8] = "7", "1"
    run("quiz", "all", input=lines(answers))
    again = right(root, attempt=2)
    result = run("quiz", "all", "--only", "missed", input=lines([again[3], again[8]]))
    assert "2 of 2" in result.stdout
    assert "No question of the quiz all-things was missed" in error("quiz", "all", "--only", "missed")


def test_answers_follow_ids_and_not_places(root: Path) -> None:
    run("quiz", "all", input=lines([*right(root)[:4], "q"]))
    file = root / "lessons" / "01-all-things" / "quiz.yaml"
    data = yaml.safe_load(file.read_text("utf-8"))
    renamed = data["questions"].pop(1)
    data["questions"] = [*reversed(data["questions"]), {**renamed, "id": "new-name"}]
    file.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    result = run("quiz", "all", input="q\n")
    assert "Question 4 of 8" in result.stdout  # the renamed one is gone from this attempt, three are answered
    assert "3 of 8 questions are answered" in " ".join(result.stdout.split())


def test_json(root: Path) -> None:
    answers = right(root)
    answers[0] = "s"
    result = run("quiz", "all", "--json", input=lines(answers))
    data = json.loads(result.stdout)
    assert "Question 1 of 9" in result.stderr
    assert (data["quiz"], data["attempt"], data["finished"], data["score"], data["max_score"]) == (
        "all-things",
        1,
        True,
        8.0,
        9.0,
    )
    first = data["questions"][0]
    assert [first[key] for key in ("id", "type", "level", "section")] == ["one-right", "single", "recall", "Routing"]
    assert (first["score"], first["answer"]) == (0.0, None)
    half = run("quiz", "all", "--json", input="q\n")
    assert json.loads(half.stdout)["finished"] is False


def test_a_question_whose_formula_has_no_value_is_left_out(root: Path) -> None:
    file = root / "lessons" / "01-all-things" / "quiz.yaml"
    file.write_text(file.read_text("utf-8").replace("answer: k / E", "answer: k / (E - E)"), "utf-8")
    result = run("quiz", "all", input="q\n")
    assert "Question 1 of 8" in result.stdout
    assert "warning: question 'chosen-of-all' is left out, since with what was drawn it divides" in result.stderr


def test_progress_that_cannot_be_kept_is_a_warning(root: Path) -> None:
    (root / ".archgrade").touch()  # a file where the folder should be: root could write into any folder
    result = run("quiz", "all", input=lines(["s"] * COUNT))
    assert result.exit_code == 0
    assert "warning: progress is not" in result.stderr
    assert "0 of 9" in result.stdout


def test_which_quiz_is_meant(root: Path) -> None:
    assert "Question 1 of 9" in run("quiz", "01-all-things", input="q\n").stdout
    assert error("quiz", "al-things") == "No lesson 'al-things' in this course. Did you mean 'all-things'?"
    assert "'things' can be 'all-things' (1) or 'other-things' (2)" in error("quiz", "things")
    assert "Lesson 2, Other things, has no quiz" in error("quiz", "other")
    assert "Quizzes there are of all-things." in error("quiz", "other")
    (root / "lessons" / "01-all-things" / "quiz.yaml").unlink()
    assert "No lesson of this course has one yet." in error("quiz", "all")


def test_a_broken_quiz_is_a_sentence(root: Path) -> None:
    file = root / "lessons" / "01-all-things" / "quiz.yaml"
    file.write_text(file.read_text("utf-8").replace("type: single", "type: singel"), "utf-8")
    assert error("quiz", "all").startswith("lessons/01-all-things/quiz.yaml:5: question 'one-right': there is no type")
    assert "there is no type of question 'singel'" in " ".join(run("check", "all").stdout.split())


# ------------------------------------------------------------ forms


def test_a_form_comes_back_with_full_marks(root: Path) -> None:
    result = run("quiz", "all", "--export-form", "form.yaml")
    assert "grade quiz all-things --answers form.yaml" in result.stdout
    text = (root / "form.yaml").read_text("utf-8")
    data = yaml.safe_load(text)
    assert list(data["answers"]) == [question.id for question in QUIZ.questions]
    assert set(data["answers"].values()) == {None}
    for question, answer in zip(QUIZ.questions, right(root), strict=True):
        text = text.replace(f"  {question.id}:", f"  {question.id}: {answer}")
    (root / "form.yaml").write_text(text, "utf-8")
    result = run("quiz", "all", "--answers", "form.yaml")
    assert "9 of 9" in result.stdout
    assert isinstance(Progress.load(root).events[-1], QuizFinished)
    before = len(Progress.load(root).events)
    assert "9 of 9" in run("quiz", "all", "--answers", "form.yaml").stdout
    assert len(Progress.load(root).events) == before  # an attempt is counted once


def test_the_form_of_another_student_is_scored_and_not_kept(root: Path) -> None:
    run("quiz", "all", "--export-form", "form.yaml", "--seed", "someone else")
    text = (root / "form.yaml").read_text("utf-8")
    for question, answer in zip(QUIZ.questions, right(root, 1, "someone else"), strict=True):
        text = text.replace(f"  {question.id}:", f"  {question.id}: {answer}")
    (root / "form.yaml").write_text(text, "utf-8")
    data = json.loads(run("quiz", "all", "--answers", "form.yaml", "--json").stdout)
    assert (data["score"], data["seed"]) == (9.0, "someone else")
    assert Progress.load(root).events == []


def test_an_empty_form_scores_nothing(root: Path) -> None:
    run("quiz", "all", "--export-form", "form.yaml")
    assert "0 of 9" in run("quiz", "all", "--answers", "form.yaml").stdout


def test_lists_in_a_form(root: Path) -> None:
    run("quiz", "all", "--export-form", "form.yaml")
    text = (root / "form.yaml").read_text("utf-8")
    places = ", ".join(right(root)[1].split())
    (root / "form.yaml").write_text(text.replace("  several-right:", f"  several-right: [{places}]"), "utf-8")
    assert "1 of 9" in run("quiz", "all", "--answers", "form.yaml").stdout


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("  total-size:", "  total-size: twelve", "the answer to 'total-size' cannot be marked. 'twelve' is not a"),
        ("  one-right:", "  one-right: 7", "the answer to 'one-right' cannot be marked. There is no number 7 here."),
        ("  one-right:", "  one-rigth: 1", "the quiz asks no question 'one-rigth'. Did you mean 'one-right'?"),
        ("  one-right:", "  one-right: {a: 1}", "the answer to 'one-right' must be one line, or a list of numbers."),
        ("quiz: all-things", "quiz: none", "these are answers to the quiz 'none', not to 'all-things'."),
        ("attempt: 1", "attempt: x", "'attempt' must be a whole number, not 'x'."),
        ("answers:", "anwsers:", "unknown key 'anwsers'. Did you mean 'answers'?"),
    ],
)
def test_a_form_with_a_mistake(root: Path, old: str, new: str, sentence: str) -> None:
    run("quiz", "all", "--export-form", "form.yaml")
    text = (root / "form.yaml").read_text("utf-8")
    assert old in text
    (root / "form.yaml").write_text(text.replace(f"\n{old}", f"\n{new}", 1), "utf-8")
    told = error("quiz", "all", "--answers", "form.yaml")
    assert told.startswith("form.yaml:")
    assert sentence in told
    assert Progress.load(root).events == []


def test_a_form_overwrites_nothing(root: Path) -> None:
    (root / "form.yaml").write_text("mine")
    assert "form.yaml exists already" in error("quiz", "all", "--export-form", "form.yaml")
    assert "there is no such file" in error("quiz", "all", "--answers", "none.yaml")
    assert "cannot be written" in error("quiz", "all", "--export-form", "no/folder/form.yaml")


# ------------------------------------------------------------ the map


def test_list_shows_quizzes(root: Path) -> None:
    def row() -> str:
        return next(line for line in run("list").stdout.splitlines() if " 1 all" in line)

    assert row().endswith("   ○")
    assert run("list").stdout.splitlines()[-1].endswith("grade quiz all-things")
    run("quiz", "all", input=lines([*right(root)[:2], "q"]))
    assert row().endswith("   2 of 9")
    run("quiz", "all", input=lines(["s"] * 7))
    assert row().endswith("   ✗ 2/9")
    assert "grade review" in run("list").stdout
    assert "7 missed" in run("list").stdout
    run("quiz", "all", input=lines(right(root, attempt=2)))
    assert row().endswith("   ✓ 9/9")
    assert all(len(line) <= 77 for line in run("list").stdout.splitlines())


def test_list_says_what_is_due(root: Path) -> None:
    run("quiz", "all", input=lines(right(root)))
    later(root, days=40)
    assert next(line for line in run("list").stdout.splitlines() if " 1 all" in line).endswith("   due")
    assert "9 due" in run("list").stdout


def later(root: Path, days: int) -> None:
    """Moves all that was recorded into the past."""
    progress = Progress.load(root)
    events = list(progress.events)
    (root / ".archgrade" / "progress.jsonl").unlink()
    moved = Progress.load(root)
    past = timedelta(days=days)
    for event in events:
        due = {"due": event.due - past} if isinstance(event, Answered | Reviewed) else {}
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        moved.record(type(event)(**{**fields, "time": event.time - past, **due}))


# ------------------------------------------------------------ review


def test_review_of_nothing(root: Path) -> None:
    result = run("review")
    assert "Nothing is due, since no quiz was answered yet." in result.stdout


def test_review_brings_back_what_was_missed_and_then_what_is_due(root: Path) -> None:
    run("quiz", "all", input=lines(["s", *right(root)[1:]]))
    assert "1 missed, 0 due" in run("review", "--list").stdout
    wrong = run("review", input="q\n")
    assert "Question 1 of 1" in wrong.stdout
    again = right_answer(ask(QUIZ.questions[0], student_salt(root), 2))
    result = run("review", input=f"{again}\n")
    assert "Right." in result.stdout
    assert "1 of 1" in result.stdout
    assert "Nothing is due now. Next: " in result.stdout
    assert "tomorrow, on " in result.stdout or "in 2 days, on " in result.stdout
    later(root, days=30)
    assert "0 missed, 9 due" in run("review", "--list").stdout
    assert "Question 1 of 4" in run("review", "--n", "4", input="q\n").stdout
    asked = history.asked(Progress.load(root).events)
    assert isinstance(asked[Key("all-things", "one-right")][-1], Reviewed)


def test_review_of_a_question_that_is_gone(root: Path) -> None:
    run("quiz", "all", input=lines(["s"] * COUNT))
    file = root / "lessons" / "01-all-things" / "quiz.yaml"
    file.write_text(file.read_text("utf-8").replace("id: one-right", "id: renamed"), "utf-8")
    assert "8 missed" in run("review", "--list").stdout
    file.unlink()
    assert run("review", "--list").exit_code == 0


def test_what_is_known_comes_back_later_and_later() -> None:
    key = Key("q", "a")
    moment = Progress.load(Path("nowhere")).events or None
    assert moment is None
    events: list[Reviewed] = []
    time = QuizStarted(quiz="q", attempt=1, questions=()).time
    gaps = []
    for score in (1.0, 1.0, 1.0, 0.0, 1.0):
        due = due_after(events, key, score, time)
        gaps.append((due - time).days)
        event = {"quiz": "q", "question": "a", "attempt": 1, "answer": "", "seconds": 0.0}
        events.append(Reviewed(**event, score=score, due=due, time=time))
        time = due
    assert gaps[0] < gaps[1] < gaps[2]
    assert gaps[3] < gaps[2]
    assert all(gap >= 1 for gap in gaps)


GLOSSARY = """\
- {term: mixture of experts, also: [MoE], uk: суміш експертів (MoE), lesson: 1,
   definition: "A mixture of experts has many FFNs, few for each token."}
- {term: router, also: [gate], definition: Scores the experts for a token., lesson: 1}
- {term: state, definition: What a recurrence carries on., lesson: 2}
"""


def test_terms_of_the_glossary_are_reviewed(root: Path) -> None:
    (root / "lessons" / "glossary.yaml").write_text(GLOSSARY, "utf-8")
    assert "0 new terms" in run("review", "--list").stdout  # no lesson was begun
    run("quiz", "all", input=lines(right(root)))
    result = run("review", input="moe\nrooster\n")
    assert "2 new terms" in result.stdout  # lesson 2 was not begun
    assert "Which term is this? A ... has many FFNs" in result.stdout
    assert "1 of 2" in result.stdout
    assert "The right answer: router" in result.stdout
    assert "0 new terms" in run("review", "--list").stdout
    later(root, days=60)
    assert "    2  glossary" in run("review", "--list").stdout


def test_a_glossary_with_a_mistake(root: Path) -> None:
    (root / "lessons" / "glossary.yaml").write_text(GLOSSARY.replace("uk:", "uks:"), "utf-8")
    assert error("review").startswith("lessons/glossary.yaml:1: unknown key 'uks'. Did you mean 'uk'?")
    (root / "lessons" / "glossary.yaml").write_text(GLOSSARY + GLOSSARY, "utf-8")
    assert "is given twice; it stands in line 1 already." in error("review")


# ------------------------------------------------------------ what is imported


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONIOENCODING": "utf-8", "TERM": "xterm-256color"}


def loaded(args: list[str], heavy: set[str]) -> list[str]:
    """The Python command that runs `grade` and then says which of the heavy modules it imported."""
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('loaded', sorted({heavy} & sys.modules.keys())))\n"
        "from grader.cli import grade\n"
        f"grade.main({args}, prog_name='grade')\n"
    )
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("args", [["quiz", "all"], ["list"], ["review", "--list"]], ids=" ".join)
def test_light_commands_stay_light(root: Path, args: list[str]) -> None:
    heavy = {"torch", "pytest", "numpy", "sqlite3", "prompt_toolkit", "rich.markdown", "hypothesis"}
    done = subprocess.run(loaded(args, heavy), input="", capture_output=True, text=True, env=environment())
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_the_first_question_imports_nothing_heavy(root: Path) -> None:
    """in a terminal of 40 columns, which is closed by Ctrl-C after the first answer"""
    heavy = {"torch", "pytest", "numpy", "sqlite3", "fsrs", "rich.markdown"}
    screen = Terminal(loaded(["quiz", "all"], heavy), columns=40)
    screen.wait_for("Over what does")
    screen.send("\x03")
    rest = screen.end()
    assert "Stopped. 0 of 9 questions are answered" in rest
    assert "loaded []" in rest


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, command: list[str], columns: int):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**environment(), "COLUMNS": str(columns), "LINES": "24"})
        self.resize(columns)

    def resize(self, columns: int) -> None:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def send(self, keys: str) -> None:
        os.write(self.descriptor, keys.encode())

    def wait_for(self, text: str) -> str:
        seen = b""
        while text.encode() not in seen:
            ready, _, _ = select.select([self.descriptor], [], [], 30)
            assert ready, seen.decode("utf-8", "replace")
            seen += os.read(self.descriptor, 65536)
        return seen.decode("utf-8", "replace")

    def end(self) -> str:
        """What it writes until it ends."""
        seen = b""
        while True:
            try:
                part = os.read(self.descriptor, 65536)
            except OSError:  # the other side is closed
                part = b""
            if not part:
                os.waitpid(self.pid, 0)
                os.close(self.descriptor)
                return seen.decode("utf-8", "replace")
            seen += part


def test_taken_in_a_terminal_resized_interrupted_and_gone_on_with(root: Path) -> None:
    command = [sys.executable, "-m", "grader.cli", "quiz", "all"]
    answers = right(root)
    screen = Terminal(command, columns=77)
    screen.wait_for("q stop")
    screen.send(answers[0] + "\r")
    screen.wait_for("Enter next")
    screen.resize(40)
    screen.send("\r")
    screen.wait_for("Which depend")
    screen.send("\x03")
    assert "1 of 9 questions are answered" in screen.end()
    assert [event.answer for event in answered(root)] == [answers[0]]
    screen = Terminal(command, columns=60)
    screen.wait_for("Which depend")
    screen.send("".join(answers[1].split()) + "\r")
    screen.wait_for("Enter next")
    screen.send("q")
    screen.end()
    assert [event.score for event in answered(root)] == [1, 1]


