"""Quizzes as data: what is wrong in a file, what is drawn, how an answer is read, and what it is worth."""

import contextlib
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, permutations
from pathlib import Path
from textwrap import dedent, indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.quiz.draw import Asked, ask, count_draws, draws, with_values
from grader.quiz.formula import BadFormula, Formula
from grader.quiz.lint import lint, longest_share, wrong_answers
from grader.quiz.load import load_quiz, read_quiz
from grader.quiz.model import Numeric, Order, Quiz
from grader.quiz.numbers import NotANumber, parse_number, written
from grader.quiz.score import NotAnAnswer, in_words, mark, right_answer, right_in_words

# the same examples every time, however busy the machine
settings.register_profile("still", deadline=None, derandomize=True, database=None)
settings.load_profile("still")

FILE = Path(__file__).parent / "quizzes" / "every-type.yaml"
QUIZ = load_quiz(FILE)
IDS = [question.id for question in QUIZ.questions]


def asked(question_id: str, salt: str = "s", attempt: int = 1) -> Asked:
    question = QUIZ.question(question_id)
    assert question is not None
    return ask(question, salt, attempt)


def digit(of: Asked, text: str) -> str:
    """The digit before a text as it is shown."""
    return str(of.shown.index(text) + 1)


# ------------------------------------------------------------ what is wrong in a file

SINGLE = """\
- id: one
  type: single
  level: recall
  section: here
  question: Which?
  options:
    - {text: a, correct: true, feedback: yes}
    - {text: b, feedback: no}
    - {text: c, feedback: no}
  explanation: because
  source: calculation
"""
NUMERIC = """\
- id: two
  type: numeric
  level: apply
  section: here
  question: "How many for {n}?"
  parameters:
    n: {from: 1, to: 3}
  answer: 2 * n
  wrong:
    - {answer: n, feedback: "twice {n}"}
  explanation: "{answer}"
  source: calculation
"""
MATCH = """\
- id: three
  type: match
  level: recall
  section: here
  question: Which?
  pairs:
    - {left: a, right: x}
    - {left: b, right: y}
  extra: [z]
  explanation: because
  source: calculation
"""
LINE = """\
- id: four
  type: line
  level: recall
  section: here
  question: Which?
  code: |
    a = 1
    b = 2
  answer: 2
  wrong: [{answer: 1, feedback: no}]
  explanation: because
  source: calculation
"""
TEXT = """\
- id: five
  type: text
  level: recall
  section: here
  question: Which?
  answers: [router]
  explanation: because
  source: calculation
"""


@pytest.fixture
def mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What is wrong with these questions, without the name of the file."""
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
        (SINGLE, "  source: calculation\n", "", "3: question 'one': 'source' is missing."),
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
        (NUMERIC, "answer: 2 * n\n", "answer: 2 *\n", "the formula '2 *' cannot be used: it is no arithmetic expressi"),
        (NUMERIC, "answer: 2 * n\n", "answer: n.real\n", "only arithmetic is allowed, not 'n.real'"),
        (NUMERIC, "answer: 2 * n\n", "answer: __import__('os')\n", "cannot be used: there is no function '__import__'"),
        (NUMERIC, "{answer: n,", "{answer: k,", "12: question 'two': the formula 'k' cannot be used: there is no para"),
        (NUMERIC, "for {n}", "for {m}", "7: question 'two': '{m}' names no parameter. There are n."),
        (NUMERIC, "for {n}", "for {n.real}", "'{n.real}' names no parameter."),
        (NUMERIC, "for {n}", "for {", "a brace stands alone; write {{ or }} for one that is meant as such."),
        (NUMERIC, "for {n}", "for {n:q}", "a field cannot be filled in"),
        (NUMERIC, "to: 3", "to: three", "9: question 'two': 'to' must be a number, not 'three'."),
        (NUMERIC, "to: 3", "too: 3", "9: question 'two': unknown key 'too'. Did you mean 'to'?"),
        (NUMERIC, "from: 1", "from: 5", "'n' goes from a smaller number to a larger one in steps above 0."),
        (NUMERIC, "to: 3}", "to: .inf}", "'to' must be a number, not '.inf'."),
        (NUMERIC, "to: 3}", "to: nan}", "'n' has a number that is not finite."),
        (NUMERIC, "    n: {", "    log: {", "'log' cannot name a number"),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  tolerance: {}\n", "'tolerance' is either relative or absolute."),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  tolerance: {relative: 5}\n", "'tolerance.relative' must be a n"),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  configs: {A: {n: 2}}\n", "'n' is a parameter too."),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  configs: {A: {k: x}}\n", "'k' must be a number, not 'x'."),
        (NUMERIC, "answer: 2 * n\n", "answer: 2 * n\n  configs: {A: {k: 1}, B: {l: 1}}\n", "every config has the same"),
        (MATCH, "[z]", "[x]", "11: question 'three': 'x' belongs to a left side, so it is not extra."),
        (MATCH, "left: b", "left: a", "this left side is the same as left side 1: 'a'."),
        (LINE, "answer: 2\n", "answer: 3\n", "11: question 'four': line 3 is not in the code, which has 2 lines."),
        (LINE, "answer: 1,", "answer: 2,", "line 2 is the right answer."),
        (LINE, "answer: 1,", "answer: x,", "'x' is no line of the code, which has lines 1 to 2."),
        (LINE, "  code: |\n    a = 1\n    b = 2\n", "", "3: question 'four': 'code' is missing"),
        (TEXT, "[router]", "[b]", "'b' cannot be an answer: typed alone it is a command of the quiz."),
        (TEXT, "[router]", "['?']", "'?' has neither letters nor digits."),
        (TEXT, "answers: [router]", "answers: router", "'answers' must be a list, not 'router'."),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(
    mistakes: Callable[[str], list[str]], base: str, old: str, new: str, sentence: str
) -> None:
    assert old in base
    found = mistakes(base.replace(old, new, 1))
    assert [sentence in each for each in found] == ([True] if sentence else []), found


def test_all_questions_with_a_mistake_are_told(mistakes: Callable[[str], list[str]]) -> None:
    found = mistakes(SINGLE.replace("level: recall", "level: x") + NUMERIC.replace("answer: 2 * n", "answer: m"))
    assert [each.split(": ")[1] for each in found] == ["question 'one'", "question 'two'"]


def test_an_id_that_is_given_twice(mistakes: Callable[[str], list[str]]) -> None:
    (found,) = mistakes(SINGLE + TEXT.replace("id: five", "id: one"))
    assert found == "14: question 'one': this id is given twice; it stands in line 3 already."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "quiz.yaml:1: the file is empty."),
        ("title: T\nquestions: [", "quiz.yaml:3: not valid YAML"),
        ("title: T\nquestions:\n", "quiz.yaml:2: 'questions' must be a list, not empty."),
        ("title: T\nquestons: []\n", "quiz.yaml:2: unknown key 'questons'. Did you mean 'questions'?"),
        ("title: T\nquestions: [one]\n", "quiz.yaml:2: question 1: a question is written as lines of the form key: va"),
        ("- title: T\n", "quiz.yaml:1: expected lines of the form key: value."),
    ],
)
def test_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quiz.yaml").write_text(text)
    with pytest.raises(UsageError) as error:
        load_quiz(tmp_path / "quiz.yaml")
    assert str(error.value).startswith(sentence)


# ------------------------------------------------------------ formulas


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("46.7e9", 46_700_000_000),
        ("0.1", 0.1),
        ("-3", -3),
        ("2 * n + 1", 15),
        ("n // 2 * 10 ** 2 % 7", 300 % 7),
        ("ceil(n / 2) + floor(n / 2) + round(2.6)", 10),
        ("min(n, 3) * max(n, 3)", 21),
        ("log2(8) + sqrt(16) + abs(-1)", 8.0),
        ("(n > 3) + (n < 3)", 1),
        ("comb(16, 2)", 120),
        ("2 if n > 5 else 3", 2),
    ],
)
def test_formulas(formula: str, value: float) -> None:
    assert Formula(formula, ["n"]).value({"n": 7}) == value


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("1 / (n - 7)", "it divides by zero"),
        ("log(0 * n)", "it has no value"),
        ("(0 - n) ** 0.5", "is no real number"),
        ("10 ** (n * 1000)", "an exponent of 7000 is too large"),
        ("exp(n * 1000)", "its value is too large"),
        ("10.0 ** 301 * n", "its value is too large"),
        ("comb(n * 10 ** 9, 3)", "is too large"),
    ],
)
def test_formulas_without_a_value(formula: str, why: str) -> None:
    with pytest.raises(BadFormula, match=why):
        Formula(formula, ["n"]).value({"n": 7})


# ------------------------------------------------------------ what is drawn


@pytest.mark.parametrize("question_id", IDS)
def test_a_draw_depends_on_id_salt_and_attempt_only(question_id: str) -> None:
    assert asked(question_id, "a", 1) == asked(question_id, "a", 1)


def test_students_and_attempts_differ() -> None:
    for change in ("salt", "attempt"):
        drawn = [
            asked("cache-bytes", f"s{i}" if change == "salt" else "s", i if change == "attempt" else 1).question
            for i in range(30)
        ]
        assert len({each.question for each in drawn}) > 10
    assert len({asked("one-right", f"s{i}").shown for i in range(60)}) == 6  # the pinned option keeps its place


def test_pinned_options_keep_their_place_and_items_never_stand_in_order() -> None:
    for i in range(60):
        assert asked("one-right", str(i)).shown[-1] == "over all of these"
        order = asked("layer-order", str(i))
        assert isinstance(order.question, Order)
        assert order.shown != order.question.items


def test_parameters_reach_every_text() -> None:
    question = QUIZ.question("cache-bytes")
    assert isinstance(question, Numeric)
    assert count_draws(question) == len(list(draws(question))) == 24
    drawn = with_values(question, {"layers": 24, "tokens": 1000}).question
    assert isinstance(drawn, Numeric)
    assert drawn.question.startswith("A cache of 24 layers over 1,000 tokens")
    assert drawn.answer == "98304000"
    assert drawn.explanation.endswith("= 98,304,000")
    assert drawn.wrong[0].answer == "49152000"
    assert drawn.wrong[0].feedback == "24 layers keep keys and values: twice that, 98,304,000."


def test_steps_of_a_range_are_the_decimals_that_are_meant(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(
        "title: T\nquestions:\n" + indent(NUMERIC.replace("{from: 1, to: 3}", "{from: 0.1, to: 0.9, step: 0.1}"), "  ")
    )
    (question,) = load_quiz(tmp_path / "q.yaml").questions
    assert isinstance(question, Numeric)
    assert [values["n"] for values in draws(question)] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


# ------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("typed", "unit", "value"),
    [
        ("46.7B", "parameters", 46_700_000_000),
        ("46.7 billion parameters", "parameters", 46_700_000_000),
        ("51.6B", "billion parameters", Fraction("51.6")),
        ("51.6", "billion parameters", Fraction("51.6")),
        ("1.2e9", None, 1_200_000_000),
        ("3x10^5", None, 300_000),
        ("3 · 10**5", None, 300_000),
        ("320 KiB", "bytes", 327_680),
        ("320 KiB", "KiB", 320),
        ("4096 MiB", "GiB", 4),
        ("8 B", "bytes", 8),
        ("8B", "tokens", 8_000_000_000),
        ("1,000", None, 1000),
        ("1 000 000", None, 1_000_000),
        ("1_000", None, 1000),
        ("12 %", None, Fraction("0.12")),
        ("12 %", "%", 12),
        ("12", "%", 12),
        ("−3.5", None, Fraction("-3.5")),
        ("+.5", None, Fraction("0.5")),
        ("0.0077 s", "ms", Fraction("7.7")),
        ("7700 µs", "ms", Fraction("7.7")),
        ("3.35 TB/s", "GB/s", 3350),
        ("3.35 TB", "GB/s", 3350),
        ("128 KiB per token", "KiB/token", 128),
        ("2 TFLOPs", "FLOPs per token", 2_000_000_000_000),
        ("8 KV heads", "KV heads", 8),
        ("8k", "tokens", 8000),
        ("~7", None, 7),
    ],
)
def test_numbers_as_people_write_them(typed: str, unit: str | None, value: Fraction) -> None:
    assert parse_number(typed, unit) == value


@pytest.mark.parametrize(
    "typed",
    ["twelve", "1e999", "1e-999999999", "nan", "inf", "", "-", "1,5", "12,34,567", "1..2", "8 apples", "5 GB",
     "9" * 400, "1e", "3 4", "0x10", "1e" + "9" * 6000, "٣"],
)  # fmt: skip
def test_what_is_no_number_is_said_in_a_sentence(typed: str) -> None:
    with pytest.raises(NotANumber) as error:
        parse_number(typed, "tokens")
    assert len(str(error.value)) < 140


@given(st.floats(min_value=1e-6, max_value=1e18), st.sampled_from(["", "k", "M", "B", "T"]))
def test_any_number_with_a_prefix(number: float, prefix: str) -> None:
    scale = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}[prefix]
    assert parse_number(f"{number!r}{prefix}", "parameters") == Fraction(repr(number)) * scale


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_a_number_is_read_as_it_is_written(number: int) -> None:
    assert parse_number(written(number), None) == number


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_sentence(typed: str) -> None:
    with contextlib.suppress(NotANumber):
        assert isinstance(parse_number(typed, "GiB"), Fraction)


# ------------------------------------------------------------ scores


@pytest.mark.parametrize("question_id", IDS)
@given(salt=st.text(max_size=6), attempt=st.integers(min_value=1, max_value=10**6))
def test_the_right_answer_of_every_draw_scores_full_and_no_wrong_one_does(
    question_id: str, salt: str, attempt: int
) -> None:
    drawn = asked(question_id, salt, attempt)
    assert mark(drawn, right_answer(drawn)).score == 1
    assert right_in_words(drawn)
    for typed in wrong_answers(drawn):
        assert 0 <= mark(drawn, typed).score < 1, typed


@pytest.mark.parametrize("question_id", IDS)
@given(typed=st.text(max_size=20) | st.text("0123456789 ,.;-", max_size=12))
def test_anything_typed_is_marked_or_answered_by_a_sentence(question_id: str, typed: str) -> None:
    drawn = asked(question_id)
    with contextlib.suppress(NotAnAnswer):
        assert 0 <= mark(drawn, typed).score <= 1
        assert in_words(drawn, typed)


def test_single() -> None:
    drawn = asked("one-right")
    assert mark(drawn, digit(drawn, "over the tokens of a batch")).feedback == ("That would couple the tokens.",)


@pytest.mark.parametrize(
    ("chosen", "score"),
    [("ΔBC", 1), ("ΔB", 2 / 3), ("Δ", 1 / 3), ("ΔA", 0), ("ΔBA", 1 / 3), ("ΔBCA", 2 / 3), ("ΔBCAD", 1 / 3), ("AD", 0)],
)
def test_multiple_gives_partial_credit(chosen: str, score: float) -> None:
    drawn = asked("several-right")
    given = mark(drawn, " ".join(digit(drawn, each) for each in chosen))
    assert given.score == pytest.approx(score)
    missing = [reason for reason in given.feedback if reason.startswith("Missed")]
    assert len(missing) == len(set("ΔBC") - set(chosen))


def test_order_counts_neighbours() -> None:
    drawn = asked("layer-order")
    assert isinstance(drawn.question, Order)
    items = drawn.question.items
    for placed in permutations(items):
        right = sum(items.index(a) < items.index(b) for a, b in pairwise(placed))
        score = mark(drawn, " ".join(digit(drawn, item) for item in placed)).score
        assert score == right / 3
        assert (score == 1) == (placed == items)


def test_match_counts_pairs() -> None:
    drawn = asked("heads-and-names")
    rights = [digit(drawn, text) for text in ("as many as query heads", "one", "none at all")]
    given = mark(drawn, " ".join(rights))
    assert given.score == pytest.approx(1 / 3)
    assert given.feedback == ("GQA: one for each group. Between the two.", "MQA: one. All share it.")
    assert mark(drawn, "".join(rights)) == given  # digits need no spaces between them


@pytest.mark.parametrize(
    ("typed", "score", "feedback"),
    [
        ("46.7B", 1, ()),
        ("46,702,792,704", 1, ()),
        ("47e9", 1, ()),
        ("56 billion", 0, ("Only the FFNs are eightfold; attention is shared.",)),
        ("46.7", 0, ()),
        ("47.4B", 0, ("Close; within 1 % is asked for.",)),
    ],
)
def test_numeric(typed: str, score: float, feedback: tuple[str, ...]) -> None:
    given = mark(asked("total-size"), typed)
    assert (given.score, given.feedback) == (score, feedback)


def test_a_whole_number_without_tolerance_is_exact() -> None:
    question = QUIZ.question("cache-bytes")
    assert isinstance(question, Numeric)
    drawn = with_values(question, {"layers": 24, "tokens": 1000})
    assert mark(drawn, "98,304,000 bytes").score == mark(drawn, "96000 KiB").score == 1
    assert mark(drawn, "98304001").feedback == ("Close; the exact number is asked for.",)
    assert mark(drawn, "49152000").feedback == ("24 layers keep keys and values: twice that, 98,304,000.",)


@pytest.mark.parametrize(
    ("typed", "score"),
    [
        ("router", 1),
        ("The Router!", 1),
        ("rotuer", 1),
        ("routr", 1),
        ("gatting network", 1),
        ("gating-network", 1),
        ("gate", 1),
        ("gat", 0),
        ("expert", 0),
        ("rooster", 0),
        ("ruoetr", 0),
    ],
)
def test_text_reads_over_close_misspellings(typed: str, score: float) -> None:
    assert mark(asked("name-of-it"), typed).score == score


def test_text_tells_the_spelling_and_the_mistake() -> None:
    assert mark(asked("name-of-it"), "rotuer").feedback == ("It is spelt: router.",)
    assert mark(asked("name-of-it"), "Expert").feedback == ("An expert is what is chosen.",)


def test_line() -> None:
    drawn = asked("wrong-line")
    assert mark(drawn, "line 3").score == 1
    assert mark(drawn, "4").feedback == ("The fill is right; look at what is filled.",)


# ------------------------------------------------------------ lint

LESSON = "# 1. T\n\n## Routing\n\ntext\n\n## Counting\n\ntext\n"


def problems(tmp_path: Path, questions: str, lesson: str = "# T\n\n## Here\n") -> list[str]:
    (tmp_path / "quiz.yaml").write_text("title: T\nquestions:\n" + indent(dedent(questions), "  "), "utf-8")
    (tmp_path / "lesson.md").write_text(lesson)
    return list(lint("t", tmp_path / "quiz.yaml", tmp_path / "lesson.md").problems)


def test_lint_of_the_quiz_of_all_types(tmp_path: Path) -> None:
    (tmp_path / "lesson.md").write_text(LESSON)
    verdict = lint("every-type", FILE, tmp_path / "lesson.md")
    assert verdict.problems == ("9 questions; at least 14 are wanted.",)
    assert (verdict.questions, verdict.draws) == (9, 1 + 24 + 2)


@pytest.mark.parametrize(
    ("base", "old", "new", "sentence"),
    [
        (NUMERIC, "answer: 2 * n", "answer: 2 / (n - 2)", "two: the answer 2 / (n - 2) cannot be computed: it divides"),
        (NUMERIC, "{answer: n,", "{answer: n * n,", "two: the wrong answer n * n is 4, which counts as right for n ="),
        (NUMERIC, "{answer: n,", "{answer: 1 // (n - 3),", "the wrong answer 1 // (n - 3) cannot be computed: it divi"),
        (NUMERIC, "answer: 2 * n", "answer: 6", "two: all 3 draws have the answer 6, so nothing need be drawn."),
        (NUMERIC, "answer: 2 * n", "answer: 10 + n // 3", "two: 2 of 3 draws have the answer 10; let the parameters c"),
        (NUMERIC, '"{answer}"', '"{answer:d}"', ""),
        (NUMERIC.replace("2 * n", "2.5 * n"), '"{answer}"', '"{answer:d}"', "two: its texts cannot be filled in"),
        (NUMERIC, "section: here", "section: there", "two: lesson.md has no section 'there'."),
        (NUMERIC, "answer: 2 * n", "answer: 2 * n\n  unit: B", "two: the unit B can be bytes or billions"),
        (TEXT, "answers: [router]", "answers: [router]\n  wrong: [{answer: The Router, feedback: x}]", "is read as a"),
    ],
)  # fmt: skip
def test_lint_finds(tmp_path: Path, base: str, old: str, new: str, sentence: str) -> None:
    assert old in base
    found = [each for each in problems(tmp_path, base.replace(old, new, 1)) if each.startswith(("two: ", "five: "))]
    assert [sentence in each for each in found[:1]] == ([True] if sentence else []), found


def test_lint_wants_all_levels_and_different_texts(tmp_path: Path) -> None:
    found = problems(tmp_path, SINGLE + TEXT)
    assert "no question has the level apply." in found
    assert "no question has the level analyse." in found
    assert "2 questions have the text 'Which?...'." in found


def test_lint_measures_length(tmp_path: Path) -> None:
    longer = SINGLE.replace("text: a", "text: a much longer one")
    found = problems(tmp_path, longer)
    assert "in 100 % of the single choices the right option is the longest; lengthen others." in found
    quiz, _ = read_quiz(tmp_path / "quiz.yaml")
    assert isinstance(quiz, Quiz)
    assert longest_share(quiz) == 1


def test_lint_tells_every_question_that_cannot_be_read(tmp_path: Path) -> None:
    broken = SINGLE.replace("level: recall", "level: x") + NUMERIC.replace("answer: 2 * n", "answer: m")
    found = problems(tmp_path, broken)
    assert len(found) == 2


def test_many_draws_are_tried_in_part(tmp_path: Path) -> None:
    (tmp_path / "quiz.yaml").write_text(
        "title: T\nquestions:\n"
        + indent(NUMERIC.replace("n: {from: 1, to: 3}", "n: {from: 1, to: 300}\n    k: {from: 1, to: 300}"), "  ")
    )
    (tmp_path / "lesson.md").write_text("## here\n")
    assert lint("t", tmp_path / "quiz.yaml", tmp_path / "lesson.md").draws == 10_000
