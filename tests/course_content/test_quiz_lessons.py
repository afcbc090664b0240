"""All quizzes of the course: they load, lint finds nothing, and every draw of every question is marked rightly."""

import json

import jsonschema
import pytest
import yaml

from grader.course import Lesson, load_lessons
from grader.course.lesson.files import PartFile, lesson_folder, quiz_path
from grader.course.lesson.find import find_lesson_or_part
from grader.quiz.draw import DrawnQuestion, draw_question, draws, with_values
from grader.quiz.lint import lint, wrong_answers
from grader.quiz.load import load_quiz
from grader.quiz.model import Numeric, Question
from grader.quiz.plain_mode import question_lines
from grader.quiz.score import describe_right_answer, mark, right_answer
from tests.paths import ROOT

SCHEMA = ROOT / "docs" / "reference" / "quiz.schema.json"
COURSE = load_lessons(ROOT)
LESSONS = [lesson for lesson in COURSE.lessons if quiz_path(COURSE, lesson).is_file()]
SALTS = 30  # students for whom each question is asked
MOST_DRAWS = 3000  # of one question, all of which are asked

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)


@each_lesson
def test_lint_finds_nothing(lesson: Lesson) -> None:
    verdict = lint(lesson.slug, lesson_folder(COURSE, lesson), COURSE.standards)
    assert verdict.problems == ()


@each_lesson
def test_the_section_of_a_missed_question_opens(lesson: Lesson) -> None:
    """Run the command that the quiz prints, whichever part it is in."""
    for question in load_quiz(quiz_path(COURSE, lesson)).questions:
        words = [lesson.slug, *question.section.lower().split()]
        assert isinstance(find_lesson_or_part(COURSE, words), PartFile)


def variants(question: Question) -> list[DrawnQuestion]:
    """Return the question as many students see it, with all that can be drawn."""
    asked = [draw_question(question, f"student {i}", 1 + i % 3) for i in range(SALTS)]
    if isinstance(question, Numeric) and (question.parameters or question.configs):
        asked += [with_values(question, values) for values, _ in zip(draws(question), range(MOST_DRAWS), strict=False)]
    return asked


@each_lesson
def test_right_answers_score_full_and_wrong_ones_do_not(lesson: Lesson) -> None:
    for question in load_quiz(quiz_path(COURSE, lesson)).questions:
        for asked in variants(question):
            assert mark(asked, right_answer(asked)).score == 1, question.id
            assert describe_right_answer(asked)
            for typed in wrong_answers(asked):
                assert mark(asked, typed).score < 1, (question.id, typed)


@each_lesson
def test_what_is_drawn_is_shown_in_full(lesson: Lesson) -> None:
    for question in load_quiz(quiz_path(COURSE, lesson)).questions:
        if isinstance(question, Numeric) and (question.parameters or question.configs):
            assert len({draw_question(question, f"student {i}", 1).question.question for i in range(SALTS)}) > 1, (
                question.id
            )
            for asked in variants(question):
                shown = " ".join(question_lines(asked, 77)) + asked.question.explanation
                assert "{" not in shown
                assert ".000000" not in shown
                assert "99999" not in shown, question.id


@each_lesson
def test_the_schema_accepts_it(lesson: Lesson) -> None:
    data = yaml.safe_load(quiz_path(COURSE, lesson).read_text("utf-8"))
    assert list(jsonschema.Draft7Validator(json.loads(SCHEMA.read_text("utf-8"))).iter_errors(data)) == []
