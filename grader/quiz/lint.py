"""Checks that a quiz is sound: draws have values, wrong answers score less, sections exist, length gives no hint."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from random import Random

import msgspec

from grader.base.errors import UsageError
from grader.base.seeds import derive_seed
from grader.base.text import is_longest
from grader.course.lesson.files import QUIZ_FILE
from grader.course.lesson.headings import Section, find_section, lesson_sections
from grader.course.model import Standards
from grader.quiz.draw import DrawnQuestion, Values, count_draws, draw_question, draws, with_values
from grader.quiz.formula import Formula, FormulaError
from grader.quiz.load import read_quiz
from grader.quiz.model import (
    LEVELS,
    CodeLine,
    Match,
    Multiple,
    Number,
    Numeric,
    Order,
    OwnWords,
    Question,
    Quiz,
    Single,
    TextAnswer,
)
from grader.quiz.score import accepts, mark, normalize, right_answer

MAX_DRAWS = 10_000  # a question with more draws is checked on a sample of this size
MAX_LONGEST_SHARE = 0.5  # of the single choices whose right option is the longest
MAX_COMMON_SHARE = 0.5  # of the draws that have the same answer


class QuizVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of checking one quiz."""

    name: str  # the lesson's slug
    questions: int = 0
    draws: int = 0  # of numeric questions, checked
    longest: float | None = None  # share of single choices whose right option is the longest
    problems: tuple[str, ...] = ()


def lint(name: str, folder: Path, standards: Standards) -> QuizVerdict:
    """Check the quiz in the folder of a lesson against the parts beside it."""
    quiz, mistakes = read_quiz(folder / QUIZ_FILE)
    if quiz is None:
        return QuizVerdict(name=name, problems=tuple(str(each) for each in mistakes))
    problems = [*_problems_of_quiz(quiz, standards.questions)]
    readable = lesson_sections(folder)
    if readable is None:
        problems.append("the lesson has no text, so no section can be read again.")
    tried = 0
    for question in quiz.questions:
        found = [] if readable is None else [*_problems_of_section(question, readable)]
        if isinstance(question, Numeric):
            tried += min(count_draws(question), MAX_DRAWS)
            found += _problems_of_numeric(question)
        elif isinstance(question, TextAnswer):
            found += _problems_of_text(question)
        if not found:  # otherwise a draw may have no value
            found += [*_problems_of_scoring(question), *_problems_of_fields(question)]
        problems += [f"{question.id}: {sentence}" for sentence in found]
    return QuizVerdict(
        name=name,
        questions=len(quiz.questions),
        draws=tried,
        longest=longest_share(quiz),
        problems=tuple(problems),
    )


def longest_share(quiz: Quiz) -> float | None:
    """Return the share of single choices whose right option is the longest, None without single choices."""
    singles = [question for question in quiz.questions if isinstance(question, Single)]
    if not singles:
        return None
    longest = 0
    for question in singles:
        right = next(option.text for option in question.options if option.correct)
        longest += is_longest(right, (option.text for option in question.options if not option.correct))
    return longest / len(singles)


def _problems_of_quiz(quiz: Quiz, fewest: int) -> Iterator[str]:
    if len(quiz.questions) < fewest:
        yield f"{len(quiz.questions)} questions; at least {fewest} are required."
    for level in LEVELS:
        if all(question.level != level for question in quiz.questions):
            yield f"no question has the level {level}."
    texts = Counter(question.question for question in quiz.questions)
    for text, count in texts.items():
        code = {question.code for question in quiz.questions if question.question == text}
        if count > len(code):
            yield f"{count} questions have the text '{text.strip()[:40]}...'."
    share = longest_share(quiz)
    if share is not None and share > MAX_LONGEST_SHARE:
        yield f"in {100 * share:.0f} % of the single choices the right option is the longest; lengthen the others."


def _problems_of_section(question: Question, among: Sequence[Section]) -> Iterator[str]:
    try:
        find_section(among, question.section)
    except UsageError as error:
        yield str(error)


def _problems_of_text(question: TextAnswer) -> Iterator[str]:
    for slip in question.wrong:
        if normalize(slip.answer) in {normalize(answer) for answer in question.answers}:
            yield f"the wrong answer '{slip.answer}' is read as a right one."


def _problems_of_scoring(question: Question) -> Iterator[str]:
    """Report a right answer that does not score 1, and wrong answers that do."""
    drawn = draw_question(question, "lint", 1)
    score = mark(drawn, right_answer(drawn)).score
    if score != 1:
        yield f"its right answer, {right_answer(drawn)}, scores {score:g}."
    for typed in wrong_answers(drawn):
        if mark(drawn, typed).score >= 1:
            yield f"the wrong answer {typed} gets full marks."


def _problems_of_fields(question: Question) -> Iterator[str]:
    """Report fields such as `{T}` that are shown as they are, since they are in a text that is not filled in."""
    names = ["answer", *(["config", *_names(question)] if isinstance(question, Numeric) else [])]
    field = re.compile(rf"\{{(?:{'|'.join(names)})(?:[:!][^{{}}]*)?\}}")
    for found in dict.fromkeys(field.findall(_all_text(draw_question(question, "lint", 1).question))):
        yield f"{found} is shown as it is; only texts of a question with parameters are filled in, and no code."


def _all_text(value: object) -> str:
    """Return all strings in a struct, at any depth."""
    if isinstance(value, msgspec.Struct):
        return _all_text([getattr(value, name) for name in value.__struct_fields__])
    if isinstance(value, list | tuple):
        return "\n".join(map(_all_text, value))
    return value if isinstance(value, str) else ""


def wrong_answers(drawn: DrawnQuestion) -> list[str]:
    """Return wrong answers as they would be typed: each distractor alone, and added to the right options."""
    question = drawn.question
    match question:
        case Single():
            return [str(i) for i, option in enumerate(question.options, start=1) if not option.correct]
        case Multiple():
            right = [str(i) for i, option in enumerate(question.options, start=1) if option.correct]
            wrong = [str(i) for i, option in enumerate(question.options, start=1) if not option.correct]
            fewer = [" ".join(right[:i] + right[i + 1 :]) for i in range(len(right)) if len(right) > 1]
            return [*wrong, *(" ".join([*right, each]) for each in wrong), *fewer]
        case Numeric() | TextAnswer() | CodeLine():
            return [slip.answer for slip in question.wrong]
        case OwnWords():
            return ["2"]
        case Order():
            positions = right_answer(drawn).split()
            return [_swapped(positions, i) for i in range(len(positions) - 1)]
        case Match():
            right = right_answer(drawn).split()
            count = len(drawn.shown)
            return [" ".join([*right[:i], str(int(each) % count + 1), *right[i + 1 :]]) for i, each in enumerate(right)]


def _swapped(positions: list[str], i: int) -> str:
    return " ".join([*positions[:i], positions[i + 1], positions[i], *positions[i + 2 :]])


# ------------------------------------------------------------ draws


def _problems_of_numeric(question: Numeric) -> Iterator[str]:
    """Check all draws; report each kind of problem once, with the first draw that shows it."""
    if question.unit in ("B", "b"):
        yield f"the unit {question.unit} can be bytes or billions; write bytes, or billion parameters."
    reported: set[str] = set()
    answers: Counter[Number] = Counter()
    slips = [Formula(slip.answer, _names(question)) for slip in question.wrong]
    right = Formula(question.answer, _names(question))
    for values in _sampled_draws(question):
        for key, problem in _problems_of_draw(question, right, slips, values, answers):
            if key not in reported:
                reported.add(key)
                yield problem + _for_values(values)
    total = sum(answers.values())
    if total > 1:
        answer, count = answers.most_common(1)[0]
        if len(answers) == 1:
            yield f"all {total} draws have the answer {answer:g}, so its parameters change nothing."
        elif count > MAX_COMMON_SHARE * total and total > 2:
            yield f"{count} of {total} draws have the answer {answer:g}; choose parameters that change it more."


def _problems_of_draw(
    question: Numeric, right: Formula, slips: list[Formula], values: Values, answers: Counter[Number]
) -> Iterator[tuple[str, str]]:
    """Yield the problems of one draw, each with a key for its kind, and count its answer in `answers`."""
    try:
        answer = right.value(values)
    except FormulaError as error:
        yield "answer", f"the answer {question.answer} cannot be computed: {error}"
        return
    answers[answer] += 1
    if question.tolerance and question.tolerance.relative and answer == 0:
        yield "zero", "the answer is 0, so a relative tolerance allows nothing; make it absolute"
    for formula in slips:
        try:
            wrong = formula.value(values)
        except FormulaError as error:
            yield formula.text, f"the wrong answer {formula.text} cannot be computed: {error}"
            continue
        if accepts(question, answer, Fraction(wrong)):
            yield formula.text, f"the wrong answer {formula.text} is {wrong:g}, which counts as right"
    try:
        with_values(question, values)
    except (ValueError, TypeError) as error:
        yield "text", f"its texts cannot be filled in: {error}"


def _sampled_draws(question: Numeric) -> Iterator[Values]:
    """Yield all draws, or a sample of MAX_DRAWS of them."""
    count = count_draws(question)
    if not (question.parameters or question.configs):
        yield {}
    elif count <= MAX_DRAWS:
        yield from draws(question)
    else:
        step = count / MAX_DRAWS
        offset = Random(derive_seed("lint", question.id)).random() * step
        kept = {int(offset + i * step) for i in range(MAX_DRAWS)}
        yield from (values for i, values in enumerate(islice(draws(question), count)) if i in kept)


def _names(question: Numeric) -> list[str]:
    return [*question.parameters, *next(iter(question.configs.values()), {})]


def _for_values(values: Values) -> str:
    draw = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f" for {draw}." if draw else "."
