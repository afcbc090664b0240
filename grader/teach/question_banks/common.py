"""Shared by several formats: losses, conversions between question types, numbers and XML."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from xml.etree.ElementTree import Comment, Element, SubElement, indent, tostring

from grader.base.numbers import format_number
from grader.quiz.model import Number
from grader.teach.question_banks.html import paragraph
from grader.teach.question_banks.model import (
    Loss,
    Matching,
    MatchingPair,
    NumberAnswer,
    Numerical,
    Ordering,
    ShortAnswer,
    loss_sentences,
)

# Losses of several formats
NUMBERS = "A number must be typed without unit and prefix (not 46.7B or 320 KiB), and nobody is told that it is close"
MISSED = "Feedback on one of several options is shown to students who chose it, not to those who missed it"
TEXTS = "Text must be spelled exactly, except for capitals: a misspelling, an article or other punctuation is wrong"
PAIRS = "Feedback on a single pair is part of the feedback that everybody gets"
ORDER_AS_MATCHING = "An ordering becomes a matching of items and places, scored by the number of right places"

PLACES = paragraph("Give each item its place: 1 is the first.")


def as_matching(order: Ordering) -> Matching:
    """Convert an ordering to a matching of its items, as they are first shown, with their places 1, 2, ..."""
    places = tuple(str(place) for place in range(1, len(order.items) + 1))
    pairs = tuple(MatchingPair(html=order.items[index], right=index, feedback=None) for index in order.shown)
    return Matching(pairs=pairs, rights=places, plain=places)


def unmatched_rights(matching: Matching) -> list[int]:
    """Return the indices of the right sides that match nothing."""
    used = {pair.right for pair in matching.pairs}
    return [index for index in range(len(matching.rights)) if index not in used]


def pair_feedback(matching: Matching) -> str:
    """Return the feedback on single pairs as an HTML list, or "" if there is none."""
    rows = [
        f"<li>{pair.html}: {matching.rights[pair.right]}{pair.feedback}</li>"
        for pair in matching.pairs
        if pair.feedback is not None
    ]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def wrong_feedback(answer: Numerical | ShortAnswer) -> str:
    """Return the feedback on typical wrong answers as an HTML list, or "" if there is none."""
    if isinstance(answer, Numerical):
        rows = [f"<li>{format_number(each.number)}: {each.feedback}</li>" for each in answer.wrong]
    else:
        rows = [f"<li>{escape(each.text, quote=False)}: {each.feedback}</li>" for each in answer.wrong]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def decimal(number: Number) -> str:
    """Format a number without an exponent and without commas."""
    return f"{Decimal(repr(number)):f}"


def margin(answer: NumberAnswer) -> str:
    """Format the margin of an answer with at most twelve significant digits, which hides binary rounding."""
    return f"{_margin(answer):f}"


def bounds(answer: NumberAnswer) -> tuple[str, str]:
    """Return the least and the greatest number that count as this answer."""
    number = Decimal(repr(answer.number))
    return f"{number - _margin(answer):f}", f"{number + _margin(answer):f}"


def _margin(answer: NumberAnswer) -> Decimal:
    return Decimal(f"{answer.margin:.12g}")


def add_element(parent: Element, tag: str, text: str | None = None, /, **attributes: str) -> Element:
    """Append a new element to `parent` and return it."""
    element = SubElement(parent, tag, attributes)
    element.text = text
    return element


def xml_file(root: Element, losses: Sequence[Loss] = (), *, indented: bool = True) -> bytes:
    """Return an XML file, with the losses as a comment at its beginning."""
    if losses:
        lines = "\n".join(f"  - {sentence}" for sentence in loss_sentences(losses)).replace("--", "- -")
        root.insert(0, Comment(f" Not carried over from the course as it is:\n{lines}\n"))
    if indented:
        indent(root)
    text: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text + b"\n"
