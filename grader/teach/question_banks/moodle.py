"""Moodle XML: a category for the quiz, with a subcategory for each question that has variants."""

from html import escape
from xml.etree.ElementTree import Element

from grader.teach.question_banks.common import (
    MISSED,
    PAIRS,
    TEXTS,
    add_element,
    decimal,
    margin,
    pair_feedback,
    unmatched_rights,
    xml_file,
)
from grader.teach.question_banks.model import (
    BankItem,
    BankQuestion,
    Choice,
    ExportedBank,
    LossCollector,
    Matching,
    NumberAnswer,
    Numerical,
    Ordering,
    QuestionBank,
    ShortAnswer,
)

_GENERAL = ("Time, attempts and points of the quiz are set in Moodle: Moodle XML holds only questions",)
_ORDER = (
    "An ordering has the type 'ordering', which needs a plugin before Moodle 4.4, and is scored by the items that "
    "directly precede the right next one"
)
_PLAIN_RIGHTS = "A right side of a matching loses its formatting (code, bold): Moodle shows plain text there"
_NUMBERS = (
    "A number can be typed with or without its unit, but without a prefix (not 46.7B or 320 KiB), and nobody is told "
    "that it is close"
)


def export(bank: QuestionBank) -> ExportedBank:
    """Write a bank as an XML file."""
    losses = LossCollector()
    root = Element("quiz")
    top = f"$course$/top/{bank.title.replace('/', '//')}"
    _category(root, top)
    for question in bank.questions:
        if not question.has_variants:
            _question(root, question, question.items[0], losses)
    for question in bank.questions:
        if question.has_variants:
            _category(root, f"{top}/{question.id}")
            for item in question.items:
                _question(root, question, item, losses)
    collected = losses.collected(*_GENERAL)
    return ExportedBank(xml_file(root, collected), collected)


def _category(root: Element, path: str) -> None:
    element = add_element(root, "question", type="category")
    add_element(add_element(element, "category"), "text", path)


def _question(root: Element, question: BankQuestion, item: BankItem, losses: LossCollector) -> None:
    element = add_element(root, "question")
    add_element(add_element(element, "name"), "text", item.id)
    _html(element, "questiontext", item.html)
    explanation = item.explanation
    if isinstance(item.answer, Matching) and (feedback := pair_feedback(item.answer)):
        losses.add(PAIRS, question.id)
        explanation += feedback
    _html(element, "generalfeedback", explanation)
    add_element(element, "defaultgrade", "1")
    match item.answer:
        case Choice():
            if item.answer.several:
                losses.add(MISSED, question.id)
            element.set("type", "multichoice")
            _choice(element, item.answer)
        case Numerical():
            losses.add(_NUMBERS, question.id)
            element.set("type", "numerical")
            _numerical(element, item.answer)
        case ShortAnswer():
            losses.add(TEXTS, question.id)
            element.set("type", "shortanswer")
            _short_answer(element, item.answer)
        case Ordering():
            losses.add(_ORDER, question.id)
            element.set("type", "ordering")
            _ordering(element, item.answer)
        case Matching():
            if item.answer.rights != item.answer.plain:
                losses.add(_PLAIN_RIGHTS, question.id)
            element.set("type", "matching")
            _matching(element, item.answer)
    tags = add_element(element, "tags")
    for tag in (item.level, item.section):
        add_element(add_element(tags, "tag"), "text", tag)


def _html(parent: Element, tag: str, html: str, **attributes: str) -> Element:
    element = add_element(parent, tag, **attributes, format="html")
    add_element(element, "text", html)
    return element


def _choice(question: Element, answer: Choice) -> None:
    add_element(question, "single", str(not answer.several).lower())
    add_element(question, "shuffleanswers", str(answer.is_shuffled).lower())
    add_element(question, "answernumbering", "abc" if answer.is_shuffled else "none")
    for option in answer.options:
        element = _html(question, "answer", option.html, fraction=fraction(answer, correct=option.correct))
        if option.feedback is not None:
            _html(element, "feedback", option.feedback)


def fraction(answer: Choice, *, correct: bool) -> str:
    """Return the weight of an option in percent, as Moodle writes it. Several options are scored as in the course."""
    if not answer.several:
        return "100" if correct else "0"
    share = f"{100 / sum(option.correct for option in answer.options):.5f}".rstrip("0").rstrip(".")
    return share if correct else f"-{share}"


def _numerical(question: Element, answer: Numerical) -> None:
    _number(question, answer.right, "100")
    for each in answer.wrong:
        _number(question, each, "0")
    if answer.unit:
        unit = add_element(add_element(question, "units"), "unit")
        add_element(unit, "multiplier", "1")
        add_element(unit, "unit_name", answer.unit)
        add_element(question, "unitgradingtype", "0")
        add_element(question, "showunits", "0")  # one text field for number and unit, and the unit is optional


def _number(question: Element, answer: NumberAnswer, weight: str) -> None:
    element = add_element(question, "answer", fraction=weight, format="moodle_auto_format")
    add_element(element, "text", decimal(answer.number))
    if answer.feedback is not None:
        _html(element, "feedback", answer.feedback)
    add_element(element, "tolerance", margin(answer))


def _short_answer(question: Element, answer: ShortAnswer) -> None:
    add_element(question, "usecase", "0")
    for text in answer.answers:
        element = add_element(question, "answer", fraction="100", format="moodle_auto_format")
        add_element(element, "text", literal(text))
    for each in answer.wrong:
        element = add_element(question, "answer", fraction="0", format="moodle_auto_format")
        add_element(element, "text", literal(each.text))
        _html(element, "feedback", each.feedback)


def literal(text: str) -> str:
    """Escape the asterisks of a short answer, which would match anything."""
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
        add_element(question, tag, value)
    for place, item in enumerate(answer.items, start=1):
        _html(question, "answer", item, fraction=str(place))


def _matching(question: Element, answer: Matching) -> None:
    add_element(question, "shuffleanswers", "true")
    for pair in answer.pairs:
        subquestion = _html(question, "subquestion", pair.html)
        add_element(add_element(subquestion, "answer"), "text", right_side(answer, pair.right))
    for index in unmatched_rights(answer):  # Moodle's way to add a wrong right side is an empty left side
        add_element(add_element(_html(question, "subquestion", ""), "answer"), "text", right_side(answer, index))


def right_side(answer: Matching, index: int) -> str:
    """Return a right side as plain text, escaped because Moodle removes anything that looks like a tag."""
    return escape(answer.plain[index], quote=False)
