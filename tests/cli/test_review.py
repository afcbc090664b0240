"""Tests of `grade review`."""

from pathlib import Path

from grader.course.progress import Progress
from grader.quiz import history
from grader.quiz.draw import draw_question
from grader.quiz.history import QuestionKey, student_salt
from grader.quiz.score import right_answer
from tests.cli.quizzes import COUNT, later, lines, right
from tests.command_line import error, run
from tests.quiz.every_type import QUIZ


def test_says_that_nothing_is_due(quiz_course: Path) -> None:
    result = run("review")
    assert "Nothing is due, because you have not answered a quiz yet." in result.stdout


def test_asks_what_was_missed_and_later_what_is_due(quiz_course: Path) -> None:
    run("quiz", "all", input=lines(["s", *right(quiz_course)[1:]]))
    assert "1 missed, 0 due" in run("review", "--list").stdout
    wrong = run("review", input="q\n")
    assert "Question 1 of 1" in wrong.stdout
    again = right_answer(draw_question(QUIZ.questions[0], student_salt(quiz_course), 2))
    result = run("review", input=f"{again}\n")
    assert "Right." in result.stdout
    assert "1 of 1" in result.stdout
    assert "Nothing is due now. Next: " in result.stdout
    assert "tomorrow, on " in result.stdout or "in 2 days, on " in result.stdout
    later(quiz_course, days=30)
    assert "0 missed, 9 due" in run("review", "--list").stdout
    assert "Question 1 of 4" in run("review", "--n", "4", input="q\n").stdout
    asked = history.past_answers(Progress.load(quiz_course).events)
    assert asked[QuestionKey("all-things", "one-right")][-1].reviewed


def test_lists_failed_questions_with_their_date(quiz_course: Path) -> None:
    run("quiz", "all", input=lines(["s", *right(quiz_course)[1:]]))
    assert "      1  all-things   missed, to be asked now" in run("review", "--list").stdout
    result = run("review", input="s\ns\n")
    assert "Question 2 of 2" in result.stdout  # the one that was skipped, once more
    assert "0 of 1" in result.stdout
    listed = run("review", "--list").stdout
    assert "0 missed, 0 due" in listed
    assert "      1  all-things   failed or skipped, back tomorrow, on" in listed
    assert max(map(len, listed.splitlines())) <= 77


def test_a_review_that_was_stopped_or_left_unanswered_shows_no_score(quiz_course: Path) -> None:
    run("quiz", "all", input=lines(["s", *right(quiz_course)[1:]]))
    assert " 0 of 0" not in run("review", input="q\n").stdout
    assert " 0 of 0" not in run("review", input="").stdout


def test_asks_again_after_a_wrong_answer(quiz_course: Path) -> None:
    run("quiz", "all", input=lines(["s", *right(quiz_course)[1:]]))
    salt = student_salt(quiz_course)
    first = right_answer(draw_question(QUIZ.questions[0], salt, 2))
    wrong = "1" if first != "1" else "2"
    result = run("review", input=lines([wrong, right_answer(draw_question(QUIZ.questions[0], salt, 3))]))
    assert "Not right." in result.stdout
    assert "Question 2 of 2" in result.stdout
    assert "Right." in result.stdout.split("Question 2 of 2")[1]
    assert "0 of 1" in result.stdout
    assert "failed or skipped" not in run("review", "--list").stdout


def test_answers_can_be_taken_back_and_appealed(quiz_course: Path) -> None:
    (quiz_course / "lessons" / "glossary.yaml").write_text(GLOSSARY, "utf-8")
    run("quiz", "all", input=lines(right(quiz_course)))
    result = run("review", input=lines(["experts", "a", "router"]))
    assert "a claims that it was right" in " ".join(result.stdout.split())
    assert "It counts as right." in result.stdout
    assert "2 of 2" in result.stdout
    events = history.past_answers(Progress.load(quiz_course).events)
    assert [once.score for once in events[QuestionKey("glossary", "mixture-of-experts")]] == [1.0]


def test_a_new_term_that_is_skipped_stays_new(quiz_course: Path) -> None:
    (quiz_course / "lessons" / "glossary.yaml").write_text(GLOSSARY, "utf-8")
    run("quiz", "all", input=lines(right(quiz_course)))
    run("review", input=lines(["s", "s", "s", "s"]))
    listed = run("review", "--list").stdout
    assert "2 new terms" in listed
    assert "failed" not in listed


def test_ignores_questions_that_no_longer_exist(quiz_course: Path) -> None:
    run("quiz", "all", input=lines(["s"] * COUNT))
    file = quiz_course / "lessons" / "01-all-things" / "quiz.yaml"
    file.write_text(file.read_text("utf-8").replace("id: one-right", "id: renamed"), "utf-8")
    assert "8 missed" in run("review", "--list").stdout
    file.unlink()
    assert run("review", "--list").exit_code == 0


GLOSSARY = """\
- {term: mixture of experts, also: [MoE], uk: суміш експертів (MoE), lesson: 1,
   definition: "A mixture of experts has many FFNs, few for each token."}
- {term: router, also: [gate], definition: Scores the experts for a token., lesson: 1}
- {term: state, definition: What a recurrence carries on., lesson: 2}
"""


def test_reviews_terms_of_the_glossary(quiz_course: Path) -> None:
    (quiz_course / "lessons" / "glossary.yaml").write_text(GLOSSARY, "utf-8")
    assert "0 new terms" in run("review", "--list").stdout  # no lesson was begun
    run("quiz", "all", input=lines(right(quiz_course)))
    result = run("review", input="moe\nrooster\n")
    assert "2 new terms" in result.stdout  # lesson 2 was not begun
    assert "Which term is this? A ... has many FFNs" in result.stdout
    assert "1 of 2" in result.stdout
    assert "The right answer: router" in result.stdout
    assert "0 new terms" in run("review", "--list").stdout
    later(quiz_course, days=60)
    assert "    2  glossary" in run("review", "--list").stdout


def test_rejects_an_invalid_glossary(quiz_course: Path) -> None:
    (quiz_course / "lessons" / "glossary.yaml").write_text(GLOSSARY.replace("uk:", "uks:"), "utf-8")
    assert error("review").startswith("lessons/glossary.yaml:1: unknown key 'uks'. Did you mean 'uk'?")
    (quiz_course / "lessons" / "glossary.yaml").write_text(GLOSSARY + GLOSSARY, "utf-8")
    assert "is given twice, first in line 1." in error("review")
