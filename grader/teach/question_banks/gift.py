"""GIFT: Moodle's text format, which other platforms import too."""

from collections.abc import Iterator

from grader.teach.question_banks.common import (
    MISSED,
    NUMBERS,
    ORDER_AS_MATCHING,
    PAIRS,
    PLACES,
    TEXTS,
    as_matching,
    decimal,
    margin,
    pair_feedback,
    unmatched_rights,
)
from grader.teach.question_banks.model import (
    BankItem,
    BankQuestion,
    Choice,
    ExportedBank,
    LossCollector,
    Matching,
    Numerical,
    Ordering,
    QuestionBank,
    ShortAnswer,
    loss_sentences,
)
from grader.teach.question_banks.moodle import fraction, literal, right_side

_GENERAL = ("Time, attempts and points of the quiz are set on the platform: GIFT holds only questions",)
_PLAIN_RIGHTS = "A right side of a matching loses its formatting (code, bold): GIFT has plain text there"
_FIXED = "Options are shuffled as the platform decides: GIFT cannot keep one in its place"
_ARROW = (
    "A text with an arrow (->) is left out, and so is a question that has no other answer: GIFT would read a matching"
)

_ESCAPES = str.maketrans({char: f"\\{char}" for char in "\\#={}~:"} | {"\n": "\\n", "\r": None})


def export(bank: QuestionBank) -> ExportedBank:
    """Write a bank as a text file in UTF-8."""
    losses = LossCollector()
    top = f"$course$/top/{bank.title.replace('/', '//')}"
    parts = [f"$CATEGORY: {top}"]
    for question in bank.questions:
        if not question.has_variants:
            parts += _question(question, question.items[0], losses)
    for question in bank.questions:
        if question.has_variants:
            parts.append(f"$CATEGORY: {top}/{question.id}")
            for item in question.items:
                parts += _question(question, item, losses)
    collected = losses.collected(*_GENERAL)
    lines = (f"// - {sentence}" for sentence in loss_sentences(collected))
    head = "\n".join(["// Not carried over from the course as it is:", *lines])
    return ExportedBank("\n\n".join([head, *parts, ""]).encode(), collected)


def _question(question: BankQuestion, item: BankItem, losses: LossCollector) -> list[str]:
    """Return the text of a question in a list, or an empty list if GIFT cannot express the question."""
    asked, explanation, answer = item.html, item.explanation, item.answer
    if isinstance(answer, Ordering):
        losses.add(ORDER_AS_MATCHING, question.id)
        asked, answer = asked + PLACES, as_matching(answer)
    elif isinstance(answer, Matching) and (feedback := pair_feedback(answer)):
        losses.add(PAIRS, question.id)
        explanation += feedback
    if isinstance(answer, ShortAnswer):
        answer = _without_arrows(question, answer, losses)
        if not answer.answers:
            return []
    tags = " ".join(f"[tag:{tag.replace(']', chr(92) + ']')}]" for tag in (item.level, item.section))
    rows = "".join(f"\t{row}\n" for row in _answer(question, answer, losses))
    start = "#" if isinstance(answer, Numerical) else ""
    return [f"// {tags}\n::{_text(item.id)}::[html]{_text(asked)}{{{start}\n{rows}\t####{_text(explanation)}\n}}"]


def _without_arrows(question: BankQuestion, answer: ShortAnswer, losses: LossCollector) -> ShortAnswer:
    answers = tuple(text for text in answer.answers if "->" not in text)
    wrong = tuple(each for each in answer.wrong if "->" not in each.text)
    if (answers, wrong) != (answer.answers, answer.wrong):
        losses.add(_ARROW, question.id)
    return ShortAnswer(answers=answers, wrong=wrong)


def _answer(
    question: BankQuestion, answer: Choice | Numerical | ShortAnswer | Matching, losses: LossCollector
) -> Iterator[str]:
    """Return the lines of an answer, and record what they cannot express."""
    match answer:
        case Choice():
            if not answer.is_shuffled:
                losses.add(_FIXED, question.id)
            if answer.several:
                losses.add(MISSED, question.id)
            return _choice(answer)
        case Numerical():
            losses.add(NUMBERS, question.id)
            return _numerical(answer)
        case ShortAnswer():
            losses.add(TEXTS, question.id)
            return _short_answer(answer)
        case Matching():
            if answer.rights != answer.plain:
                losses.add(_PLAIN_RIGHTS, question.id)
            return _matching(answer)


def _choice(answer: Choice) -> Iterator[str]:
    for option in answer.options:
        weight = fraction(answer, correct=option.correct)
        sign = f"~%{weight}%" if answer.several else "=" if option.correct else "~"
        yield f"{sign}{_text(option.html)}{_feedback(option.feedback)}"


def _numerical(answer: Numerical) -> Iterator[str]:
    for each in (answer.right, *answer.wrong):
        weight = "100" if each is answer.right else "0"
        yield f"=%{weight}%{decimal(each.number)}:{margin(each)}{_feedback(each.feedback)}"


def _short_answer(answer: ShortAnswer) -> Iterator[str]:
    for text in answer.answers:
        yield f"=%100%{_text(literal(text))}"
    for each in answer.wrong:
        yield f"=%0%{_text(literal(each.text))}{_feedback(each.feedback)}"


def _matching(answer: Matching) -> Iterator[str]:
    for pair in answer.pairs:
        yield f"={_text(pair.html)} -> {_text(right_side(answer, pair.right))}"
    for index in unmatched_rights(answer):  # Moodle's way to add a wrong right side is an empty left side
        yield f"= -> {_text(right_side(answer, index))}"


def _feedback(html: str | None) -> str:
    return "" if html is None else f"#{_text(html)}"


def _text(text: str) -> str:
    """Escape text for GIFT and put it on one line."""
    return text.translate(_ESCAPES)
