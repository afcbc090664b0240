"""Moodle XML: a category for the quiz, and one within it for each question that has variants."""

from html import escape
from xml.etree.ElementTree import Element

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
    Value,
    Words,
)
from grader.teach.question_banks.parts import (
    MISSED,
    PAIRS,
    WORDS,
    decimal,
    document,
    margin,
    node,
    pair_feedback,
    unused,
)

_ALL = ("Time, attempts and points of the quiz are set in Moodle: Moodle XML holds questions",)
_ORDER = (
    "An order is of the type 'ordering', which a Moodle before 4.4 has only as a plugin, and scored by the items that "
    "stand right before the next one"
)
_MARKS = "A right side of a matching is shown without its marks (code, bold): Moodle has plain text there"
_NUMBERS = (
    "A number is typed with its unit or without, but without a prefix (not 46.7B or 320 KiB), and nobody is told that "
    "it is close"
)


def export(bank: Bank) -> Exported:
    """The XML file."""
    losses = Losses()
    root = Element("quiz")
    top = f"$course$/top/{bank.title.replace('/', '//')}"
    _category(root, top)
    for entry in bank.entries:
        if not entry.drawn:
            _question(root, entry, entry.items[0], losses)
    for entry in bank.entries:
        if entry.drawn:
            _category(root, f"{top}/{entry.id}")
            for item in entry.items:
                _question(root, entry, item, losses)
    found = losses.found(*_ALL)
    return Exported(document(root, found), found)


def _category(root: Element, path: str) -> None:
    question = node(root, "question", type="category")
    node(node(question, "category"), "text", path)


def _question(root: Element, entry: Entry, item: Item, losses: Losses) -> None:
    question = node(root, "question")
    node(node(question, "name"), "text", item.id)
    _html(question, "questiontext", item.html)
    explanation = item.explanation
    if isinstance(item.answer, Matching) and (said := pair_feedback(item.answer)):
        losses.add(PAIRS, entry.id)
        explanation += said
    _html(question, "generalfeedback", explanation)
    node(question, "defaultgrade", "1")
    match item.answer:
        case Choice():
            if item.answer.several:
                losses.add(MISSED, entry.id)
            question.set("type", "multichoice")
            _choice(question, item.answer)
        case Numbers():
            losses.add(_NUMBERS, entry.id)
            question.set("type", "numerical")
            _numbers(question, item.answer)
        case Words():
            losses.add(WORDS, entry.id)
            question.set("type", "shortanswer")
            _words(question, item.answer)
        case Ordering():
            losses.add(_ORDER, entry.id)
            question.set("type", "ordering")
            _ordering(question, item.answer)
        case Matching():
            if item.answer.rights != item.answer.plain:
                losses.add(_MARKS, entry.id)
            question.set("type", "matching")
            _matching(question, item.answer)
    tags = node(question, "tags")
    for tag in (item.level, item.section):
        node(node(tags, "tag"), "text", tag)


def _html(parent: Element, tag: str, html: str, **attributes: str) -> Element:
    element = node(parent, tag, **attributes, format="html")
    node(element, "text", html)
    return element


def _choice(question: Element, answer: Choice) -> None:
    node(question, "single", str(not answer.several).lower())
    node(question, "shuffleanswers", str(answer.shuffled).lower())
    node(question, "answernumbering", "abc" if answer.shuffled else "none")
    for option in answer.options:
        element = _html(question, "answer", option.html, fraction=fraction(answer, correct=option.correct))
        if option.feedback is not None:
            _html(element, "feedback", option.feedback)


def fraction(answer: Choice, *, correct: bool) -> str:
    """What an option is worth, in the per cent that Moodle knows. Several are scored as in the course."""
    if not answer.several:
        return "100" if correct else "0"
    share = f"{100 / sum(option.correct for option in answer.options):.5f}".rstrip("0").rstrip(".")
    return share if correct else f"-{share}"


def _numbers(question: Element, answer: Numbers) -> None:
    def value(each: Value, worth: str) -> None:
        element = node(question, "answer", fraction=worth, format="moodle_auto_format")
        node(element, "text", decimal(each.number))
        if each.feedback is not None:
            _html(element, "feedback", each.feedback)
        node(element, "tolerance", margin(each))

    value(answer.right, "100")
    for slip in answer.slips:
        value(slip, "0")
    if answer.unit:
        unit = node(node(question, "units"), "unit")
        node(unit, "multiplier", "1")
        node(unit, "unit_name", answer.unit)
        node(question, "unitgradingtype", "0")
        node(question, "showunits", "0")  # a field for both, in which the unit may be left out


def _words(question: Element, answer: Words) -> None:
    node(question, "usecase", "0")
    for text in answer.answers:
        element = node(question, "answer", fraction="100", format="moodle_auto_format")
        node(element, "text", literal(text))
    for slip in answer.slips:
        element = node(question, "answer", fraction="0", format="moodle_auto_format")
        node(element, "text", literal(slip.text))
        _html(element, "feedback", slip.feedback)


def literal(text: str) -> str:
    """A word to compare with: an asterisk in it would stand for anything."""
    return text.replace("*", "\\*")


def _ordering(question: Element, answer: Ordering) -> None:
    for tag, value in {
        "layouttype": "VERTICAL",
        "selecttype": "ALL",
        "selectcount": "0",
        "gradingtype": "RELATIVE_NEXT_EXCLUDE_LAST",
        "showgrading": "SHOW",
        "numberingstyle": "none",
    }.items():
        node(question, tag, value)
    for place, item in enumerate(answer.items, start=1):
        _html(question, "answer", item, fraction=str(place))


def _matching(question: Element, answer: Matching) -> None:
    node(question, "shuffleanswers", "true")
    for pair in answer.pairs:
        subquestion = _html(question, "subquestion", pair.html)
        node(node(subquestion, "answer"), "text", right_side(answer, pair.right))
    for place in unused(answer):  # a right side to an empty left one belongs to nothing
        node(node(_html(question, "subquestion", ""), "answer"), "text", right_side(answer, place))


def right_side(answer: Matching, place: int) -> str:
    """A right side, which has no marks. What looks like a tag would be stripped from it all the same."""
    return escape(answer.plain[place], quote=False)
