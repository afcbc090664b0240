"""Problems of questions that load but are unsound."""

from pathlib import Path
from textwrap import dedent, indent

import pytest

from grader.course.model import Standards
from grader.quiz.lint import lint, longest_share
from grader.quiz.load import read_quiz
from grader.quiz.model import Quiz
from tests.quiz.every_type import FILE
from tests.quiz.questions import NUMERIC, SINGLE, TEXT

PART = "1-text.md"
LESSON = "---\ntitle: T\n---\n\n## Routing\n\ntext\n\n## Counting\n\ntext\n"


def problems(tmp_path: Path, questions: str, lesson: str = "## Here\n") -> list[str]:
    (tmp_path / "quiz.yaml").write_text("title: T\nquestions:\n" + indent(dedent(questions), "  "), "utf-8")
    (tmp_path / PART).write_text(lesson)
    return list(lint("t", tmp_path, Standards()).problems)


def test_the_quiz_of_all_types_lacks_only_questions(tmp_path: Path) -> None:
    (tmp_path / "quiz.yaml").write_bytes(FILE.read_bytes())
    (tmp_path / PART).write_text(LESSON)
    verdict = lint("every-type", tmp_path, Standards())
    assert verdict.problems == ("9 questions; at least 14 are required.",)
    assert (verdict.questions, verdict.draws) == (9, 1 + 24 + 2)
    assert lint("every-type", tmp_path, Standards(questions=9)).problems == ()


@pytest.mark.parametrize(
    ("base", "old", "new", "sentence"),
    [
        (NUMERIC, "answer: 2 * n", "answer: 2 / (n - 2)", "two: the answer 2 / (n - 2) cannot be computed: it divides"),
        (NUMERIC, "{answer: n,", "{answer: n * n,", "two: the wrong answer n * n is 4, which counts as right for n ="),
        (NUMERIC, "{answer: n,", "{answer: 1 // (n - 3),", "the wrong answer 1 // (n - 3) cannot be computed: it divi"),
        (NUMERIC, "answer: 2 * n", "answer: 6", "two: all 3 draws have the answer 6, so its parameters change nothi"),
        (NUMERIC, "answer: 2 * n", "answer: 10 + n // 3", "two: 2 of 3 draws have the answer 10; choose parameters th"),
        (NUMERIC, '"{answer}"', '"{answer:d}"', ""),
        (NUMERIC.replace("2 * n", "2.5 * n"), '"{answer}"', '"{answer:d}"', "two: its texts cannot be filled in"),
        (NUMERIC, "section: here", "section: there", "two: the lesson has no section 'there'."),
        (NUMERIC, "answer: 2 * n", "answer: 2 * n\n  unit: B", "two: the unit B can be bytes or billions"),
        (NUMERIC, "source: calculation", 'code: "print({n})"', "two: {n} is shown as it is"),
        (NUMERIC, "source: calculation", "source: 'torch.ones({n})'", ""),
        (TEXT, "source: calculation", "source: 'it is {answer}'", "five: {answer} is shown as it is"),
        (TEXT, "source: calculation", "source: 'a set {a}'", ""),
        (TEXT, "answers: [router]", "answers: [router]\n  wrong: [{answer: The Router, feedback: x}]", "is read as a"),
    ],
)  # fmt: skip
def test_reports_an_unsound_question(tmp_path: Path, base: str, old: str, new: str, sentence: str) -> None:
    assert old in base
    found = [each for each in problems(tmp_path, base.replace(old, new, 1)) if each.startswith(("two: ", "five: "))]
    assert [sentence in each for each in found[:1]] == ([True] if sentence else []), found


def test_a_section_may_be_in_any_part_of_the_lesson(tmp_path: Path) -> None:
    parts = {"2-second.md": "## Here", "10-last.md": "## There"}
    for name, heading in parts.items():
        (tmp_path / name).write_text(f"---\ntitle: T\n---\n\n{heading}\n")
    here, there = SINGLE, NUMERIC.replace("section: here", "section: there")
    assert not any("section" in each for each in problems(tmp_path, here + there, lesson="## Counting\n"))
    gone = problems(tmp_path, NUMERIC.replace("section: here", "section: elsewhere"), lesson="## Counting\n")
    assert any("the lesson has no section 'elsewhere'" in each for each in gone)


def test_a_lesson_without_text_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "quiz.yaml").write_bytes(FILE.read_bytes())
    found = lint("t", tmp_path, Standards()).problems
    assert "the lesson has no text, so no section can be read again." in found


def test_requires_all_levels_and_distinct_texts(tmp_path: Path) -> None:
    found = problems(tmp_path, SINGLE + TEXT)
    assert "no question has the level apply." in found
    assert "no question has the level analyse." in found
    assert "2 questions have the text 'Which?...'." in found


def test_reports_right_options_that_are_the_longest(tmp_path: Path) -> None:
    longer = SINGLE.replace("text: a", "text: a much longer one")
    found = problems(tmp_path, longer)
    assert "in 100 % of the single choices the right option is the longest; lengthen the others." in found
    quiz, _ = read_quiz(tmp_path / "quiz.yaml")
    assert isinstance(quiz, Quiz)
    assert longest_share(quiz) == 1


def test_reports_every_malformed_question(tmp_path: Path) -> None:
    broken = SINGLE.replace("level: recall", "level: x") + NUMERIC.replace("answer: 2 * n", "answer: m")
    found = problems(tmp_path, broken)
    assert len(found) == 2


def test_a_sample_of_many_draws_is_checked(tmp_path: Path) -> None:
    (tmp_path / "quiz.yaml").write_text(
        "title: T\nquestions:\n"
        + indent(NUMERIC.replace("n: {from: 1, to: 3}", "n: {from: 1, to: 300}\n    k: {from: 1, to: 300}"), "  ")
    )
    (tmp_path / PART).write_text("## here\n")
    assert lint("t", tmp_path, Standards()).draws == 10_000
