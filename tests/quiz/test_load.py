"""Each mistake in quiz.yaml is one sentence with its line and question."""

from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from grader.base.errors import UsageError
from grader.quiz.load import load_quiz, read_quiz
from tests.quiz.questions import LINE, MATCH, NUMERIC, SINGLE, TEXT


@pytest.fixture
def mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Return a function that loads questions and returns their mistakes without the file name."""
    monkeypatch.chdir(tmp_path)

    def of(questions: str) -> list[str]:
        (tmp_path / "quiz.yaml").write_text("title: T\nquestions:\n" + indent(questions, "  "), "utf-8")
        found = read_quiz(tmp_path / "quiz.yaml")[1]
        assert all(str(each).startswith("quiz.yaml:") for each in found)
        return [str(each).removeprefix("quiz.yaml:") for each in found]

    return of


def test_good_questions_have_no_mistakes(mistakes: Callable[[str], list[str]]) -> None:
    assert mistakes(SINGLE + NUMERIC + MATCH + LINE + TEXT) == []


@pytest.mark.parametrize(
    ("base", "old", "new", "sentence"),
    [
        (SINGLE, "id: one", "id: One right", "3: question 'One right': the id 'One right' must be lower-case words"),
        (SINGLE, "  type: single\n", "", "3: question 'one': 'type' is missing; it is one of single, multiple, numeri"),
        (SINGLE, "type: single", "type: singel", "4: question 'one': there is no type of question 'singel'. Did you m"),
        (SINGLE, "level: recall", "level: recal", "5: question 'one': 'level' must be recall, apply or analyse, not '"),
        (SINGLE, "explanation", "explantion", "12: question 'one': unknown key 'explantion'. Did you mean 'explanatio"),
        (SINGLE, "  level: recall\n", "", "3: question 'one': 'level' is missing."),
        (SINGLE, ", feedback: no", "", "10: question 'one': 'feedback' is missing from 'options[1]'."),
        (SINGLE, "correct: true", "corect: true", "9: question 'one': unknown key 'corect' in 'options[0]'. Did you m"),
        (SINGLE, "correct: true", "correct: 3", "'options[0].correct' must be true or false, not '3'."),
        (SINGLE, "correct: true, ", "", "8: question 'one': exactly one option of a single choice has correct: true,"),
        (SINGLE, "text: b", "text: A", "10: question 'one': this option is the same as option 1: 'A'."),
        (SINGLE, "    - {text: c, feedback: no}\n", "", "'options' must be a list of at least 3, not a list."),
        (SINGLE, "question: Which?", "question:", "7: question 'one': 'question' must be text, not empty."),
        (SINGLE, "type: single", "type: multiple", ""),
        (SINGLE.replace("single", "multiple"), "correct: true, ", "", "no option has correct: true; at least one must"),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * m\n", "10: question 'two': the formula '2 * m' cannot be used: ther"),
        (NUMERIC, "answer: 2 * n\n", "answer: sqr(n)\n", "there is no function 'sqr'. Did you mean 'sqrt'?."),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 *\n", "the formula '2 *' cannot be used: it is not an arithmetic expr"),
        (NUMERIC, "answer: 2 * n\n", "answer: n.real\n", "only arithmetic is allowed, not 'n.real'"),
        (NUMERIC, "answer: 2 * n\n", "answer: __import__('os')\n", "cannot be used: there is no function '__import__'"),
        (NUMERIC, "{answer: n,", "{answer: k,", "12: question 'two': the formula 'k' cannot be used: there is no para"),
        (NUMERIC, "for {n}", "for {m}", "7: question 'two': '{m}' names no parameter. There are n."),
        (NUMERIC, "for {n}", "for {n.real}", "'{n.real}' names no parameter."),
        (NUMERIC, "for {n}", "for {", "unmatched brace; write {{ or }} for a literal one."),
        (NUMERIC, "for {n}", "for {n:q}", "a field cannot be filled in"),
        (NUMERIC, "to: 3", "to: three", "9: question 'two': 'to' must be a number, not 'three'."),
        (NUMERIC, "to: 3", "too: 3", "9: question 'two': unknown key 'too'. Did you mean 'to'?"),
        (NUMERIC, "from: 1", "from: 5", "'n' must go from a smaller number to a larger one in steps above 0."),
        (NUMERIC, "to: 3}", "to: .inf}", "'to' must be a number, not '.inf'."),
        (NUMERIC, "to: 3}", "to: nan}", "'n' has a number that is not finite."),
        (NUMERIC, "    n: {", "    log: {", "'log' cannot be a name"),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  tolerance: {}\n", "'tolerance' is either relative or absolute."),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  tolerance: {relative: 5}\n", "'tolerance.relative' must be a n"),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  configs: {A: {n: 2}}\n", "'n' is a parameter too."),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  configs: {A: {k: x}}\n", "'k' must be a number, not 'x'."),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  configs: {A: {k: 1}, B: {l: 1}}\n", "every config must have th"),
        (MATCH, "[z]", "[x]", "11: question 'three': 'x' is the match of a left side, so it is not extra."),
        (MATCH, "left: b", "left: a", "this left side is the same as left side 1: 'a'."),
        (LINE, "answer: 2\n", "answer: 3\n", "11: question 'four': line 3 is not in the code, which has 2 lines."),
        (LINE, "answer: 1,", "answer: 2,", "line 2 is the right answer."),
        (LINE, "answer: 1,", "answer: x,", "'x' is not a line of the code, which has lines 1 to 2."),
        (LINE, "  code: |\n    a = 1\n    b = 2\n", "", "3: question 'four': 'code' is missing"),
        (TEXT, "[router]", "[b]", "'b' cannot be an answer: typed alone it is a command of the quiz."),
        (TEXT, "[router]", "['?']", "'?' has neither letters nor digits."),
        (TEXT, "answers: [router]", "answers: router", "'answers' must be a list, not 'router'."),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_its_line(
    mistakes: Callable[[str], list[str]], base: str, old: str, new: str, sentence: str
) -> None:
    assert old in base
    found = mistakes(base.replace(old, new, 1))
    assert [sentence in each for each in found] == ([True] if sentence else []), found


def test_reports_a_mistake_of_each_question(mistakes: Callable[[str], list[str]]) -> None:
    found = mistakes(SINGLE.replace("level: recall", "level: x") + NUMERIC.replace("answer: 2 * n", "answer: m"))
    assert [each.split(": ")[1] for each in found] == ["question 'one'", "question 'two'"]


def test_rejects_a_duplicate_id(mistakes: Callable[[str], list[str]]) -> None:
    (found,) = mistakes(SINGLE + TEXT.replace("id: five", "id: one"))
    assert found == "14: question 'one': duplicate id; it is used in line 3 already."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "quiz.yaml:1: the file is empty."),
        ("title: T\nquestions: [", "quiz.yaml:3: not valid YAML"),
        ("title: T\nquestions:\n", "quiz.yaml:2: 'questions' must be a list, not empty."),
        ("title: T\nquestons: []\n", "quiz.yaml:2: unknown key 'questons'. Did you mean 'questions'?"),
        ("title: T\nquestions: [one]\n", "quiz.yaml:2: question 1: a question consists of lines of the form key: valu"),
        ("- title: T\n", "quiz.yaml:1: expected lines of the form key: value."),
    ],
)
def test_rejects_a_malformed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quiz.yaml").write_text(text)
    with pytest.raises(UsageError) as error:
        load_quiz(tmp_path / "quiz.yaml")
    assert str(error.value).startswith(sentence)
