"""Tests of `grade quiz` in plain lines, with a form and in a terminal."""

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from grader.course.progress import Answered, Progress, QuizFinished, QuizStarted
from grader.quiz import history
from grader.quiz.model import Match
from tests.cli.quizzes import COUNT, answered, lines, right
from tests.cli.terminals import InShell
from tests.command_line import error, run, telling_imports
from tests.paths import ROOT
from tests.quiz.every_type import QUIZ

ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")

# ------------------------------------------------------------ taking a quiz in plain lines


def test_right_answers_get_all_points(quiz_course: Path) -> None:
    result = run("quiz", "all", input=lines(right(quiz_course)))
    assert result.exit_code == 0, result.output
    assert f"Question {COUNT} of {COUNT}" in result.stdout
    assert result.stdout.count("  Right.") == COUNT
    assert "9 of 9" in result.stdout
    assert "reread" not in result.stdout
    events = Progress.load(quiz_course).events
    assert [type(event) for event in events] == [QuizStarted, *[Answered] * COUNT, QuizFinished]
    last = events[-1]
    assert isinstance(last, QuizFinished)
    assert (last.quiz, last.attempt, last.score, last.max_score, last.whole) == ("all-things", 1, COUNT, COUNT, True)


def test_shows_wrong_answers_and_what_to_read_again(quiz_course: Path) -> None:
    counting = "\n## Counting\n\ntext\n"
    part = quiz_course / "lessons" / "01-all-things" / "1-all.md"
    part.write_text(part.read_text().replace(counting, ""))
    part.with_name("2-counting.md").write_text(f"---\ntitle: Counting\n---\n{counting}")
    answers = right(quiz_course)
    answers[2] = "8 x 7e9\n56B"  # the first is no answer, and is asked again
    answers[8] = "1"
    result = run("quiz", "all", input=lines(answers))
    assert "'8 x 7e9' is not one number." in result.stdout
    assert "Only the FFNs are eightfold; attention is shared." in result.stdout
    tail = result.stdout[result.stdout.index("Every type of question   quiz, attempt 1") :]
    assert "7 of 9" in tail
    assert "recall     " in tail
    assert "Your answer: 56B" in tail
    assert "The right answer: 46,700,000,000 parameters" in tail
    first, second, _ = tail.split("reread")[1].split("\n", 2)
    assert first.split() == ["grade", "lesson", "1.2", "Counting"]
    assert second.split() == ["grade", "lesson", "1.1", "All", "things"]
    assert "grade quiz all-things --only missed" in tail


def test_names_each_part_to_read_again_once(quiz_course: Path) -> None:
    shown = run("quiz", "all", input="s\n" * COUNT).stdout
    assert shown.count("grade lesson") == 1


def test_shows_a_wrong_matching_as_a_list_like_the_right_one(quiz_course: Path) -> None:
    answers = right(quiz_course)
    place = next(i for i, question in enumerate(QUIZ.questions) if isinstance(question, Match))
    answers[place] = answers[place].replace(answers[place][0], answers[place][-1])
    shown = run("quiz", "all", input=lines(answers)).stdout
    given, asked = shown.split("    Your answer:\n")[1].split("    The right answer:\n")
    pairs = QUIZ.questions[place].pairs  # type: ignore[union-attr]
    for rows in (given, asked):
        assert [row for row in rows.split("\n") if row.startswith("      - ")] != []
    assert asked.count("      - ") == given.count("      - ") == len(pairs)


def test_continues_a_stopped_quiz(quiz_course: Path) -> None:
    answers = right(quiz_course)
    first = run("quiz", "1", input=lines([*answers[:3], "q"]))
    assert first.exit_code == 0
    assert "3 of 9 questions are answered and saved." in " ".join(first.stdout.split())
    assert len(answered(quiz_course)) == 3
    second = run("quiz", "1", input=lines(answers[3:]))
    assert "Question 4 of 9" in second.stdout
    assert "Question 3 of 9" not in second.stdout
    assert "9 of 9" in second.stdout
    assert [event.attempt for event in answered(quiz_course)] == [1] * COUNT


def test_keeps_the_answers_if_the_input_ends(quiz_course: Path) -> None:
    result = run("quiz", "1", input=right(quiz_course)[0])  # without a line feed
    assert result.exit_code == 1
    assert "The input ended. 1 of 9 questions are answered and saved." in result.stdout
    assert len(answered(quiz_course)) == 1


def test_treats_a_closed_standard_input_as_ended(quiz_course: Path) -> None:
    command = f"{sys.executable} -m grader.cli quiz all <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stderr) == (1, "")
    assert "The input ended. 0 of 9" in done.stdout


def test_accepts_bytes_that_are_not_utf_8(quiz_course: Path) -> None:
    result = run("quiz", "all", input=b"\xff\xfe\n\x00\nq\n")
    assert result.exit_code == 0
    assert result.stdout.count("is not a choice.") == 2


@pytest.mark.parametrize("typed", ["twelve", "1e999", "nan", "1,5", "", "-"])
def test_asks_again_after_an_invalid_answer(quiz_course: Path, typed: str) -> None:
    answers = right(quiz_course)
    answers[2] = f"{typed}\n46.7B"
    result = run("quiz", "all", input=lines(answers))
    assert result.exit_code == 0
    assert result.stdout.count("  Right.") == COUNT
    assert any(said in result.stdout for said in ("not a number", "too large", "Type a number, such as"))


def test_can_skip_and_go_back(quiz_course: Path) -> None:
    answers = right(quiz_course)
    result = run("quiz", "all", input=lines([answers[0], "s", "b", *answers[1:]]))
    assert "9 of 9" in result.stdout
    assert [event.answer for event in answered(quiz_course)][:3] == [answers[0], None, answers[1]]
    result = run("quiz", "all", input=lines(["s"] * COUNT))
    assert "0 of 9" in result.stdout
    assert f"  {COUNT} skipped\n" in result.stdout
    assert "The right answer" not in result.stdout


def test_an_explained_answer_cannot_be_changed(quiz_course: Path) -> None:
    answers = right(quiz_course)
    result = run("quiz", "all", input=lines(["9", answers[0], "b", "2", *answers[1:]]))
    assert "Enter continues." in result.stdout
    assert "9 of 9" in result.stdout


def test_an_exam_gives_no_feedback_and_answers_can_be_changed(quiz_course: Path) -> None:
    answers = right(quiz_course)
    wrong = "1" if answers[0] != "1" else "2"
    result = run("quiz", "all", "--exam", input=lines([wrong, "b", answers[0], wrong, *answers[2:]]))
    during, after = result.stdout.split("exam, attempt 1")
    assert "This is an exam: the right answers are shown at the end." in during
    assert "Right." not in during
    assert "The selection is in" not in during
    assert "The selection is in Δ, B and C." in after
    assert "✗ Over what" not in after


def test_a_seed_starts_a_new_attempt(quiz_course: Path) -> None:
    result = run("quiz", "all", "--seed", "class of 2026", input=lines(right(quiz_course, 1, "class of 2026")))
    assert "9 of 9" in result.stdout


def test_asks_the_given_number_of_questions(quiz_course: Path) -> None:
    result = run("quiz", "all", "--n", "3", input="q\n")
    started = Progress.load(quiz_course).events[0]
    assert isinstance(started, QuizStarted)
    assert (len(started.questions), started.whole) == (3, False)
    assert "Question 1 of 3" in result.stdout
    order = [question.id for question in QUIZ.questions]
    assert sorted(started.questions, key=order.index) == list(started.questions)
    assert "Question 1 of 3" in run("quiz", "all", input="q\n").stdout  # and goes on with these
    assert "Question 1 of 9" in run("quiz", "all", "--new", input="q\n").stdout
    assert "Question 1 of 9" in run("quiz", "all", "--n", "50", input="q\n").stdout


def test_asks_only_missed_questions(quiz_course: Path) -> None:
    assert "No question of the quiz all-things has been answered yet" in error("quiz", "all", "--only", "missed")
    answers = right(quiz_course)
    answers[3], answers[8] = "7", "1"
    run("quiz", "all", input=lines(answers))
    again = right(quiz_course, attempt=2)
    result = run("quiz", "all", "--only", "missed", input=lines([again[3], again[8]]))
    assert "2 of 2" in result.stdout
    assert "No question of the quiz all-things was missed" in error("quiz", "all", "--only", "missed")


def test_answers_belong_to_question_ids(quiz_course: Path) -> None:
    run("quiz", "all", input=lines([*right(quiz_course)[:4], "q"]))
    file = quiz_course / "lessons" / "01-all-things" / "quiz.yaml"
    data = yaml.safe_load(file.read_text("utf-8"))
    renamed = data["questions"].pop(1)
    data["questions"] = [*reversed(data["questions"]), {**renamed, "id": "new-name"}]
    file.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    result = run("quiz", "all", input="q\n")
    assert "Question 4 of 8" in result.stdout  # the renamed one is gone from this attempt, three are answered
    assert "3 of 8 questions are answered" in " ".join(result.stdout.split())


def test_prints_json(quiz_course: Path) -> None:
    answers = right(quiz_course)
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


def test_skips_a_question_whose_formula_has_no_value(quiz_course: Path) -> None:
    file = quiz_course / "lessons" / "01-all-things" / "quiz.yaml"
    file.write_text(file.read_text("utf-8").replace("answer: k / E", "answer: k / (E - E)"), "utf-8")
    result = run("quiz", "all", input="q\n")
    assert "Question 1 of 8" in result.stdout
    assert "warning: question 'chosen-of-all' is left out because of the numbers drawn for it: it" in result.stderr


def test_warns_if_progress_cannot_be_saved(quiz_course: Path) -> None:
    (quiz_course / ".archgrade").touch()  # a file where the folder should be: quiz_course could write into any folder
    result = run("quiz", "all", input=lines(["s"] * COUNT))
    assert result.exit_code == 0
    assert "warning: progress is not" in result.stderr
    assert "0 of 9" in result.stdout


def test_rejects_lessons_without_a_quiz(quiz_course: Path) -> None:
    assert "Question 1 of 9" in run("quiz", "01-all-things", input="q\n").stdout
    assert error("quiz", "al-thongs") == "No lesson 'al-thongs' in this course. Did you mean 'all-things'?"
    assert "'things' can be 'all-things' (1) or 'other-things' (2)" in error("quiz", "things")
    assert "Lesson 2, Other things, has no quiz" in error("quiz", "other")
    assert "These lessons have one: all-things." in error("quiz", "other")
    (quiz_course / "lessons" / "01-all-things" / "quiz.yaml").unlink()
    assert "No lesson of this course has one yet." in error("quiz", "all")


def test_reports_an_invalid_quiz_in_one_sentence(quiz_course: Path) -> None:
    file = quiz_course / "lessons" / "01-all-things" / "quiz.yaml"
    file.write_text(file.read_text("utf-8").replace("type: single", "type: singel"), "utf-8")
    assert error("quiz", "all").startswith("lessons/01-all-things/quiz.yaml:5: question 'one-right': there is no type")
    assert "there is no type of question 'singel'" in " ".join(run("check", "all").stdout.split())


# ------------------------------------------------------------ forms


def test_scores_a_form(quiz_course: Path) -> None:
    result = run("quiz", "all", "--export-form", "form.yaml")
    assert "grade quiz all-things --answers form.yaml" in result.stdout
    text = (quiz_course / "form.yaml").read_text("utf-8")
    data = yaml.safe_load(text)
    assert list(data["answers"]) == [question.id for question in QUIZ.questions]
    assert set(data["answers"].values()) == {None}
    for question, answer in zip(QUIZ.questions, right(quiz_course), strict=True):
        text = text.replace(f"  {question.id}:", f"  {question.id}: {answer}")
    (quiz_course / "form.yaml").write_text(text, "utf-8")
    result = run("quiz", "all", "--answers", "form.yaml")
    assert "9 of 9" in result.stdout
    assert isinstance(Progress.load(quiz_course).events[-1], QuizFinished)
    before = len(Progress.load(quiz_course).events)
    assert "9 of 9" in run("quiz", "all", "--answers", "form.yaml").stdout
    assert len(Progress.load(quiz_course).events) == before  # an attempt is counted once


def test_does_not_record_the_form_of_another_student(quiz_course: Path) -> None:
    run("quiz", "all", "--export-form", "form.yaml", "--seed", "someone else")
    text = (quiz_course / "form.yaml").read_text("utf-8")
    for question, answer in zip(QUIZ.questions, right(quiz_course, 1, "someone else"), strict=True):
        text = text.replace(f"  {question.id}:", f"  {question.id}: {answer}")
    (quiz_course / "form.yaml").write_text(text, "utf-8")
    data = json.loads(run("quiz", "all", "--answers", "form.yaml", "--json").stdout)
    assert (data["score"], data["seed"]) == (9.0, "someone else")
    assert Progress.load(quiz_course).events == []


def test_an_empty_form_gets_no_points(quiz_course: Path) -> None:
    run("quiz", "all", "--export-form", "form.yaml")
    assert "0 of 9" in run("quiz", "all", "--answers", "form.yaml").stdout


def test_a_form_may_contain_lists(quiz_course: Path) -> None:
    run("quiz", "all", "--export-form", "form.yaml")
    text = (quiz_course / "form.yaml").read_text("utf-8")
    places = ", ".join(right(quiz_course)[1].split())
    (quiz_course / "form.yaml").write_text(text.replace("  several-right:", f"  several-right: [{places}]"), "utf-8")
    assert "1 of 9" in run("quiz", "all", "--answers", "form.yaml").stdout


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("  total-size:", "  total-size: twelve", "the answer to 'total-size' cannot be marked. 'twelve' is not a"),
        ("  one-right:", "  one-right: 7", "the answer to 'one-right' cannot be marked. There is no number 7 here."),
        ("  one-right:", "  one-rigth: 1", "the quiz has no question 'one-rigth'. Did you mean 'one-right'?"),
        ("  one-right:", "  one-right: {a: 1}", "the answer to 'one-right' must be one line, or a list of numbers."),
        ("quiz: all-things", "quiz: none", "these are answers to the quiz 'none', not to 'all-things'."),
        ("attempt: 1", "attempt: x", "'attempt' must be a whole number, not 'x'."),
        ("answers:", "anwsers:", "unknown key 'anwsers'. Did you mean 'answers'?"),
    ],
)
def test_reports_an_invalid_form_with_its_line(quiz_course: Path, old: str, new: str, sentence: str) -> None:
    run("quiz", "all", "--export-form", "form.yaml")
    text = (quiz_course / "form.yaml").read_text("utf-8")
    assert old in text
    (quiz_course / "form.yaml").write_text(text.replace(f"\n{old}", f"\n{new}", 1), "utf-8")
    told = error("quiz", "all", "--answers", "form.yaml")
    assert told.startswith("form.yaml:")
    assert sentence in told
    assert Progress.load(quiz_course).events == []


def test_does_not_overwrite_a_form(quiz_course: Path) -> None:
    (quiz_course / "form.yaml").write_text("mine")
    assert "form.yaml exists already" in error("quiz", "all", "--export-form", "form.yaml")
    assert "does not exist" in error("quiz", "all", "--answers", "none.yaml")
    assert "cannot be written" in error("quiz", "all", "--export-form", "no/folder/form.yaml")


# ------------------------------------------------------------ what is imported


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "TERM": "xterm-256color"}


@pytest.mark.parametrize("args", [["quiz", "all"], ["list"], ["review", "--list"]], ids=" ".join)
def test_light_commands_import_nothing_heavy(quiz_course: Path, args: list[str]) -> None:
    heavy = {"torch", "pytest", "numpy", "sqlite3", "prompt_toolkit", "rich.markdown", "hypothesis"}
    done = subprocess.run(telling_imports(args, heavy), input="", capture_output=True, text=True, env=environment())
    assert done.stderr.splitlines()[-1] == "loaded []"


def test_the_first_question_imports_nothing_heavy(quiz_course: Path) -> None:
    heavy = {"torch", "pytest", "numpy", "sqlite3", "fsrs", "rich.markdown"}
    screen = Terminal(telling_imports(["quiz", "all"], heavy), columns=40)
    screen.wait_for("Over what does")
    screen.send("\x03")
    rest = screen.end()
    assert "Stopped. 0 of 9 questions are answered" in rest
    assert "loaded []" in rest


class Terminal:
    """A program that runs in a pseudo-terminal."""

    def __init__(self, command: list[str], columns: int, **more: str):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**environment(), "COLUMNS": str(columns), "LINES": "24", **more})
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
        """Wait for the program to exit and return its remaining output."""
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


def test_continues_in_a_terminal_after_resize_and_interrupt(quiz_course: Path) -> None:
    command = [sys.executable, "-m", "grader.cli", "quiz", "all"]
    answers = right(quiz_course)
    screen = Terminal(command, columns=77)
    screen.wait_for("q stop")
    screen.send(answers[0] + "\r")
    screen.wait_for("Enter next")
    screen.resize(40)
    screen.send("\r")
    screen.wait_for("Which depend")
    screen.send("\x03")
    assert "1 of 9 questions are answered" in screen.end()
    assert [event.answer for event in answered(quiz_course)] == [answers[0]]
    screen = Terminal(command, columns=60)
    screen.wait_for("Which depend")
    screen.send("".join(answers[1].split()) + "\r")
    screen.wait_for("Enter next")
    screen.send("q\r")
    screen.end()
    assert [event.score for event in answered(quiz_course)] == [1, 1]


def test_a_stopped_quiz_goes_on_where_it_was(quiz_course: Path) -> None:
    screen = InShell("quiz", "all")
    screen.until("q stop")
    screen.stops()
    screen.goes_on()
    assert "Over what does" in screen.until("q stop")
    screen.types("\x03")
    screen.until("0 of 9 questions are answered")
    screen.leaves_shell()


def test_says_which_attempt_can_be_continued(quiz_course: Path) -> None:
    stopped = run("quiz", "all", "--exam", "--n", "2", input="q\n").stdout
    assert "the exam, attempt 1" in stopped
    assert "Every type of question, exam" in run("quiz", "all", input="q\n").stdout


def test_an_answer_that_is_taken_back_does_not_count(quiz_course: Path) -> None:
    answers = right(quiz_course)
    wrong = "1" if answers[0] != "1" else "2"
    result = run("quiz", "all", input=lines([wrong, "u", *answers]))
    assert "9 of 9" in result.stdout
    events = Progress.load(quiz_course).events
    asked = history.past_answers(events)[history.QuestionKey("all-things", "one-right")]
    assert [once.score for once in asked] == [1.0]
    assert history.answers(events, "all-things", 1)["one-right"].score == 1.0


def test_the_summary_contains_no_markdown(quiz_course: Path) -> None:
    answers = right(quiz_course)
    answers[0] = "1" if answers[0] != "1" else "2"
    result = run("quiz", "all", input=lines(answers))
    assert "Over what does Mixtral take the softmax of its router?" in result.stdout
    assert "**" not in result.stdout
    assert "`" not in result.stdout


def test_fits_a_terminal_with_ascii_only(quiz_course: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    screen = Terminal([sys.executable, "-m", "grader.cli", "quiz", "all"], columns=77, **plain)
    shown = screen.wait_for("stop")
    screen.send("1")
    screen.wait_for(">")
    screen.send("\x03")
    screen.end()
    assert "^v or digit" in ESCAPES.sub("", shown)
