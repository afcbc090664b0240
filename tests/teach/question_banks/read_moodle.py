"""Read Moodle XML as Moodle's documentation describes it, and reject what Moodle's importer rejects."""

import re
from html import unescape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tests.teach.question_banks.questions import Read, code_in, seen

# what an option may be worth, in per cent
FRACTIONS = {
    100, 90, 83.33333, 80, 75, 70, 66.66667, 60, 50, 40, 33.33333, 30, 25, 20, 16.66667, 14.28571, 12.5, 11.11111, 10,
    5, 0,
}  # fmt: skip


def read_moodle(data: bytes) -> list[tuple[str, list[Read]]]:
    """Return the categories with their questions, in the order of the file."""
    root = ElementTree.fromstring(data)
    assert root.tag == "quiz"
    found: list[tuple[str, list[Read]]] = []
    for question in root:
        assert question.tag == "question"
        if question.get("type") == "category":
            found.append((_text(question, "category/text"), []))
        else:
            found[-1][1].append(_question(question))
    return found


def _text(parent: Element, path: str) -> str:
    element = parent.find(path)
    assert element is not None, path
    return element.text or ""


def _html(parent: Element, tag: str) -> str:
    """Return the HTML of a field."""
    element = parent.find(tag)
    if element is None:
        return ""
    assert element.get("format") == "html"
    return _text(element, "text")


def _question(question: Element) -> Read:
    name = _text(question, "name/text")
    html = _html(question, "questiontext")
    assert name
    assert html
    assert float(_text(question, "defaultgrade")) == 1
    read = Read(name, "", seen(html), seen(_html(question, "generalfeedback")), code=code_in(html))
    read.tags = [_text(tag, "text") for tag in question.findall("tags/tag")]
    match question.get("type"):
        case "multichoice":
            read.kind = {"true": "one", "false": "several"}[_text(question, "single")]
            read.shuffled = {"true": True, "false": False}[_text(question, "shuffleanswers")]
            assert _text(question, "answernumbering") in ("abc", "none")
            worth = [_fraction(answer) for answer in question.findall("answer")]
            assert abs(sum(each for each in worth if each > 0) - 100) < 0.01
            for answer, fraction in zip(question.findall("answer"), worth, strict=True):
                assert answer.get("format") == "html"
                read.options.append((seen(_text(answer, "text")), fraction > 0, seen(_html(answer, "feedback"))))
                assert fraction >= 0 or read.kind == "several"
        case "numerical":
            read.kind = "number"
            for answer in question.findall("answer"):
                number, tolerance = float(_text(answer, "text")), float(_text(answer, "tolerance"))
                read.numbers.append((number, tolerance, _fraction(answer) == 100, seen(_html(answer, "feedback"))))
            read.unit = _text(question, "units/unit/unit_name") if question.find("units") is not None else None
            if read.unit:
                assert (_text(question, "units/unit/multiplier"), _text(question, "showunits")) == ("1", "0")
        case "shortanswer":
            read.kind = "words"
            assert _text(question, "usecase") == "0"
            for answer in question.findall("answer"):
                word = _text(answer, "text").replace("\\*", "\0")
                assert "*" not in word, "it would stand for anything"
                read.words.append((word.replace("\0", "*"), _fraction(answer) == 100, seen(_html(answer, "feedback"))))
        case "matching":
            read.kind = "match"
            for subquestion in question.findall("subquestion"):
                left, right = seen(_text(subquestion, "text")), _text(subquestion, "answer/text")
                assert right
                assert not re.search(r"<|&(?!amp;|lt;|gt;)", right), "Moodle would take it for HTML"
                right = unescape(right)
                if left:
                    read.pairs.append((left, right, ""))
                else:
                    read.extra.add(right)
            assert len(read.pairs) >= 2
        case "ordering":
            read.kind = "order"
            assert _text(question, "layouttype") == "VERTICAL"
            assert _text(question, "selecttype") == "ALL"
            assert _text(question, "gradingtype") == "RELATIVE_NEXT_EXCLUDE_LAST"
            answers = sorted(question.findall("answer"), key=lambda answer: float(answer.get("fraction", "")))
            assert [float(answer.get("fraction", "")) for answer in answers] == [*range(1, len(answers) + 1)]
            read.items = [seen(_text(answer, "text")) for answer in answers]
        case kind:
            raise AssertionError(kind)
    return read


def _fraction(answer: Element) -> float:
    fraction = float(answer.get("fraction", ""))
    assert abs(fraction) in FRACTIONS
    return fraction
