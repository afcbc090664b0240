"""What several formats need: questions that are rewritten as another type, numbers and XML."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from xml.etree.ElementTree import Comment, Element, SubElement, indent, tostring

from grader.quiz.model import Number
from grader.quiz.numbers import format_number
from grader.teach.question_banks.html import paragraph
from grader.teach.question_banks.model import Loss, Matching, Numbers, Ordering, Pair, Value, Words, told

# losses of several formats
NUMBERS = "A number is typed without unit and prefix (not 46.7B or 320 KiB), and nobody is told that it is close"
MISSED = "What is said of one of several options is told to who chose it, and not to who missed it"
WORDS = "A word counts as it is spelt, capitals aside: a misspelling, an article or other punctuation is wrong"
PAIRS = "What is said of a single pair stands in the feedback that all get"
AS_PLACES = "An order becomes a matching of items and places, scored by the places that are right"

PLACES = paragraph("Give each its place: 1 is the first.")


def as_matching(order: Ordering) -> Matching:
    """Items, as they are shown first, each of which is matched with its place."""
    places = tuple(str(place) for place in range(1, len(order.items) + 1))
    pairs = tuple(Pair(html=order.items[place], right=place, feedback=None) for place in order.shown)
    return Matching(pairs=pairs, rights=places, plain=places)


def unused(matching: Matching) -> list[int]:
    """The right sides that belong to nothing."""
    used = {pair.right for pair in matching.pairs}
    return [place for place in range(len(matching.rights)) if place not in used]


def pair_feedback(matching: Matching) -> str:
    """What is said of single pairs, as a list for the explanation; empty where nothing is."""
    rows = [
        f"<li>{pair.html}: {matching.rights[pair.right]}{pair.feedback}</li>"
        for pair in matching.pairs
        if pair.feedback is not None
    ]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def slip_feedback(answer: Numbers | Words) -> str:
    """What is said of typical slips, as a list for whoever was wrong; empty where nothing is."""
    if isinstance(answer, Numbers):
        rows = [f"<li>{format_number(slip.number)}: {slip.feedback}</li>" for slip in answer.slips]
    else:
        rows = [f"<li>{escape(slip.text, quote=False)}: {slip.feedback}</li>" for slip in answer.slips]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def decimal(number: Number) -> str:
    """A number as digits, without an exponent and without commas."""
    return f"{Decimal(repr(number)):f}"


def margin(value: Value) -> str:
    """How far from it a number may lie, as digits: twelve are enough, and more would be those of binary arithmetic."""
    return f"{_margin(value):f}"


def bounds(value: Value) -> tuple[str, str]:
    """The least number that counts, and the largest."""
    number = Decimal(repr(value.number))
    return f"{number - _margin(value):f}", f"{number + _margin(value):f}"


def _margin(value: Value) -> Decimal:
    return Decimal(f"{value.margin:.12g}")


def node(parent: Element, tag: str, text: str | None = None, /, **attributes: str) -> Element:
    """A new element in another."""
    element = SubElement(parent, tag, attributes)
    element.text = text
    return element


def document(root: Element, losses: Sequence[Loss] = (), *, indented: bool = True) -> bytes:
    """An XML file, with what it does not carry as a comment at its head."""
    if losses:
        lines = "\n".join(f"  - {line}" for line in told(losses)).replace("--", "- -")
        root.insert(0, Comment(f" Not carried as it is in the course:\n{lines}\n"))
    if indented:
        indent(root)
    text: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text + b"\n"
