"""GIFT: Moodle's text format, which other platforms read too."""

from collections.abc import Iterator

from grader.teach.question_banks.model import (
    Bank,
    Choice,
    Entry,
    Exported,
    Item,
    Losses,
    Matching,
    Numbers,
    Ordering,
    Words,
    told,
)
from grader.teach.question_banks.moodle import fraction, literal, right_side
from grader.teach.question_banks.parts import (
    AS_PLACES,
    MISSED,
    NUMBERS,
    PAIRS,
    PLACES,
    WORDS,
    as_matching,
    decimal,
    margin,
    pair_feedback,
    unused,
)

_ALL = ("Time, attempts and points of the quiz are set on the platform: GIFT holds questions",)
_MARKS = "A right side of a matching is shown without its marks (code, bold): GIFT has plain text there"
_PINS = "Options are shuffled as the platform does it: GIFT cannot say that one keeps its place"
_ARROW = "A word with an arrow (->) is left out, and a question that accepts no other: GIFT would read a matching"

_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\#={}~:"} | {"\n": "\\n", "\r": None})


def export(bank: Bank) -> Exported:
    """The text file, in UTF-8."""
    losses = Losses()
    top = f"$course$/top/{bank.title.replace('/', '//')}"
    parts = [f"$CATEGORY: {top}"]
    for entry in bank.entries:
        if not entry.drawn:
            parts += _question(entry, entry.items[0], losses)
    for entry in bank.entries:
        if entry.drawn:
            parts.append(f"$CATEGORY: {top}/{entry.id}")
            for item in entry.items:
                parts += _question(entry, item, losses)
    found = losses.found(*_ALL)
    head = "\n".join(["// Not carried as it is in the course:", *(f"// - {line}" for line in told(found))])
    return Exported("\n\n".join([head, *parts, ""]).encode(), found)


def _question(entry: Entry, item: Item, losses: Losses) -> list[str]:
    """The question; nothing if GIFT cannot ask it."""
    asked, explanation, answer = item.html, item.explanation, item.answer
    if isinstance(answer, Ordering):
        losses.add(AS_PLACES, entry.id)
        asked, answer = asked + PLACES, as_matching(answer)
    elif isinstance(answer, Matching) and (said := pair_feedback(answer)):
        losses.add(PAIRS, entry.id)
        explanation += said
    tags = " ".join(f"[tag:{tag.replace(']', chr(92) + ']')}]" for tag in (item.level, item.section))
    if isinstance(answer, Words):
        answer = _without_arrows(entry, answer, losses)
        if not answer.answers:
            return []
    rows = "".join(f"\t{row}\n" for row in _answer(entry, answer, losses))
    start = "#" if isinstance(answer, Numbers) else ""
    return [f"// {tags}\n::{_text(item.id)}::[html]{_text(asked)}{{{start}\n{rows}\t####{_text(explanation)}\n}}"]


def _without_arrows(entry: Entry, answer: Words, losses: Losses) -> Words:
    answers = tuple(text for text in answer.answers if "->" not in text)
    slips = tuple(slip for slip in answer.slips if "->" not in slip.text)
    if (answers, slips) != (answer.answers, answer.slips):
        losses.add(_ARROW, entry.id)
    return Words(answers=answers, slips=slips)


def _answer(entry: Entry, answer: Choice | Numbers | Words | Matching, losses: Losses) -> Iterator[str]:
    match answer:
        case Choice():
            if not answer.shuffled:
                losses.add(_PINS, entry.id)
            if answer.several:
                losses.add(MISSED, entry.id)
            for option in answer.options:
                worth = fraction(answer, correct=option.correct)
                sign = f"~%{worth}%" if answer.several else "=" if option.correct else "~"
                yield f"{sign}{_text(option.html)}{_feedback(option.feedback)}"
        case Numbers():
            losses.add(NUMBERS, entry.id)
            for value in (answer.right, *answer.slips):
                worth = "100" if value is answer.right else "0"
                yield f"=%{worth}%{decimal(value.number)}:{margin(value)}{_feedback(value.feedback)}"
        case Words():
            losses.add(WORDS, entry.id)
            for text in answer.answers:
                yield f"=%100%{_text(literal(text))}"
            for slip in answer.slips:
                yield f"=%0%{_text(literal(slip.text))}{_feedback(slip.feedback)}"
        case Matching():
            if answer.rights != answer.plain:
                losses.add(_MARKS, entry.id)
            for pair in answer.pairs:
                yield f"={_text(pair.html)} -> {_text(right_side(answer, pair.right))}"
            for place in unused(answer):  # a right side to an empty left one belongs to nothing
                yield f"= -> {_text(right_side(answer, place))}"


def _feedback(html: str | None) -> str:
    return "" if html is None else f"#{_text(html)}"


def _text(text: str) -> str:
    """Text in which nothing has a meaning for GIFT, on one line."""
    return text.translate(_ESCAPED)
