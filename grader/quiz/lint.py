"""Proves that a quiz is good: every draw has an answer, no slip is right, sections exist, length tells nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from random import Random

import msgspec

from grader.base.errors import UsageError
from grader.base.seeds import derive_seed
from grader.course.lesson.files import QUIZ_FILE
from grader.course.lesson.headings import Section, find_section, lesson_sections
from grader.course.model import Standards
from grader.quiz.draw import Asked, Values, ask, count_draws, draws, with_values
from grader.quiz.formula import BadFormula, Formula
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
from grader.quiz.score import accepts, mark, plain, right_answer

MOST_DRAWS = 10_000  # that are tried; of more, so many by chance
LONGEST_IS_RIGHT = 0.5  # the share of single choices above which length tells the answer
COMMONEST = 0.5  # the share of draws above which they give one answer too often


class QuizVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was proved of one quiz."""

    name: str  # the lesson's slug
    questions: int = 0
    draws: int = 0  # of numeric questions, all of them tried
    longest: float | None = None  # share of single choices whose right option is the longest
    problems: tuple[str, ...] = ()


def lint(name: str, folder: Path, standards: Standards) -> QuizVerdict:
    """Check the quiz in the folder of a lesson against the parts beside it."""
    quiz, mistakes = read_quiz(folder / QUIZ_FILE)
    if quiz is None:
        return QuizVerdict(name=name, problems=tuple(str(each) for each in mistakes))
    problems = [*_of_the_whole(quiz, standards.questions)]
    readable = lesson_sections(folder)
    if readable is None:
        problems.append("the lesson has no text, so no section can be read again.")
    tried = 0
    for question in quiz.questions:
        found = [] if readable is None else [*_section(question, readable)]
        if isinstance(question, Numeric):
            tried += min(count_draws(question), MOST_DRAWS)
            found += _numeric(question)
        elif isinstance(question, TextAnswer):
            found += _text(question)
        if not found:  # else a draw may have no value
            found += _scoring(question)
        problems += [f"{question.id}: {sentence}" for sentence in found]
    return QuizVerdict(
        name=name,
        questions=len(quiz.questions),
        draws=tried,
        longest=longest_share(quiz),
        problems=tuple(problems),
    )


def longest_share(quiz: Quiz) -> float | None:
    """The share of single choices whose right option is longer than all others; None where there are none."""
    singles = [question for question in quiz.questions if isinstance(question, Single)]
    if not singles:
        return None
    longest = 0
    for question in singles:
        right = next(len(option.text) for option in question.options if option.correct)
        longest += right > max(len(option.text) for option in question.options if not option.correct)
    return longest / len(singles)


def _of_the_whole(quiz: Quiz, fewest: int) -> Iterator[str]:
    if len(quiz.questions) < fewest:
        yield f"{len(quiz.questions)} questions; at least {fewest} are wanted."
    for level in LEVELS:
        if all(question.level != level for question in quiz.questions):
            yield f"no question has the level {level}."
    texts = Counter(question.question for question in quiz.questions)
    for text, count in texts.items():
        code = {question.code for question in quiz.questions if question.question == text}
        if count > len(code):
            yield f"{count} questions have the text '{text.strip()[:40]}...'."
    share = longest_share(quiz)
    if share is not None and share > LONGEST_IS_RIGHT:
        yield f"in {100 * share:.0f} % of the single choices the right option is the longest; lengthen others."


def _section(question: Question, among: Sequence[Section]) -> Iterator[str]:
    try:
        find_section(among, question.section)
    except UsageError as error:
        yield str(error)


def _text(question: TextAnswer) -> Iterator[str]:
    for slip in question.wrong:
        if plain(slip.answer) in {plain(answer) for answer in question.answers}:
            yield f"the wrong answer '{slip.answer}' is read as a right one."


def _scoring(question: Question) -> Iterator[str]:
    """What is right must get full marks and what is wrong must not, as they are asked."""
    asked = ask(question, "lint", 1)
    score = mark(asked, right_answer(asked)).score
    if score != 1:
        yield f"its right answer, {right_answer(asked)}, scores {score:g}."
    for typed in wrong_answers(asked):
        if mark(asked, typed).score >= 1:
            yield f"the wrong answer {typed} gets full marks."


def wrong_answers(asked: Asked) -> list[str]:
    """Answers that are not right, as they would be typed: every distractor, alone and in the right company."""
    question = asked.question
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
            places = right_answer(asked).split()
            return [_swapped(places, i) for i in range(len(places) - 1)]
        case Match():
            right = right_answer(asked).split()
            count = len(asked.shown)
            return [" ".join([*right[:i], str(int(each) % count + 1), *right[i + 1 :]]) for i, each in enumerate(right)]


def _swapped(places: list[str], i: int) -> str:
    return " ".join([*places[:i], places[i + 1], places[i], *places[i + 2 :]])


# ------------------------------------------------------------ draws


def _numeric(question: Numeric) -> Iterator[str]:
    """All draws have a value, differ, and are no slip. Each thing is said once, with the draw that shows it."""
    if question.unit in ("B", "b"):
        yield f"the unit {question.unit} can be bytes or billions; write bytes, or billion parameters."
    said: set[str] = set()
    answers: Counter[Number] = Counter()
    slips = [Formula(slip.answer, _names(question)) for slip in question.wrong]
    right = Formula(question.answer, _names(question))
    for values in _some_draws(question):
        for kind, problem in _of_draw(question, right, slips, values, answers):
            if kind not in said:
                said.add(kind)
                yield problem + _for(values)
    total = sum(answers.values())
    if total > 1:
        answer, count = answers.most_common(1)[0]
        if len(answers) == 1:
            yield f"all {total} draws have the answer {answer:g}, so nothing need be drawn."
        elif count > COMMONEST * total and total > 2:
            yield f"{count} of {total} draws have the answer {answer:g}; let the parameters change it more."


def _of_draw(
    question: Numeric, right: Formula, slips: list[Formula], values: Values, answers: Counter[Number]
) -> Iterator[tuple[str, str]]:
    try:
        answer = right.value(values)
    except BadFormula as error:
        yield "answer", f"the answer {question.answer} cannot be computed: {error}"
        return
    answers[answer] += 1
    if question.tolerance and question.tolerance.relative and answer == 0:
        yield "zero", "the answer is 0, of which no share is a tolerance; make it absolute"
    for formula in slips:
        try:
            wrong = formula.value(values)
        except BadFormula as error:
            yield formula.text, f"the wrong answer {formula.text} cannot be computed: {error}"
            continue
        if accepts(question, answer, Fraction(wrong)):
            yield formula.text, f"the wrong answer {formula.text} is {wrong:g}, which counts as right"
    try:
        with_values(question, values)
    except (ValueError, TypeError) as error:
        yield "text", f"its texts cannot be filled in: {error}"


def _some_draws(question: Numeric) -> Iterator[Values]:
    """All draws, or as many of them as are tried."""
    count = count_draws(question)
    if not (question.parameters or question.configs):
        yield {}
    elif count <= MOST_DRAWS:
        yield from draws(question)
    else:
        step = count / MOST_DRAWS
        offset = Random(derive_seed("lint", question.id)).random() * step
        kept = {int(offset + i * step) for i in range(MOST_DRAWS)}
        yield from (values for i, values in enumerate(islice(draws(question), count)) if i in kept)


def _names(question: Numeric) -> list[str]:
    return [*question.parameters, *next(iter(question.configs.values()), {})]


def _for(values: Values) -> str:
    told = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f" for {told}." if told else "."
