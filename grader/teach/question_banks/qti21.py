"""QTI 2.1: a package of a test and its items, each in an XML file of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never
from xml.etree.ElementTree import Element, fromstring

from grader.base.files import zipped
from grader.teach.question_banks.common import MISSED, NUMBERS, TEXTS, decimal, margin, xml_file
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

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_XSD = "http://www.imsglobal.org/xsd/"


def _namespace(name: str, file: str) -> dict[str, str]:
    return {"xmlns": _XSD + name, "xmlns:xsi": _XSI, "xsi:schemaLocation": f"{_XSD}{name} {_XSD}{file}"}


_QTI = _namespace("imsqti_v2p1", "qti/qtiv2p1/imsqti_v2p1.xsd")
_PACKAGE = _namespace("imscp_v1p1", "qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd")
_TEST = "test.xml"
_RESPONSE = "RESPONSE"
_EXPLANATION = "explanation"  # the identifier of the feedback that everybody gets
_GENERAL = ("The level of a question (recall, apply, analyse) is not in the package",)
_ORDER = "An ordering is right as a whole or not at all: QTI 2.1 cannot score neighbours"
_LISTS = "A numbered list begins at 1: QTI 2.1 cannot begin it at another number"


def export(bank: QuestionBank) -> ExportedBank:
    """Write a bank as a ZIP file."""
    losses = LossCollector()
    items = {item.id: _item(question, item, losses) for question in bank.questions for item in question.items}
    collected = losses.collected(*_GENERAL)
    files = {"imsmanifest.xml": xml_file(_manifest(bank), collected), _TEST: xml_file(_test(bank))}
    return ExportedBank(zipped(files | {_path(name): data for name, data in items.items()}), collected)


def _identifier(name: str) -> str:
    """Return the QTI identifier of an item, which must begin with a letter."""
    return f"q-{name}"


def _path(name: str) -> str:
    return f"items/{name}.xml"


def _manifest(bank: QuestionBank) -> Element:
    items = {_identifier(item.id): _path(item.id) for item in bank.items}
    dependencies = (_new("dependency", identifierref=name) for name in items)
    return _new(
        "manifest",
        _new("metadata", _new("schema", text="QTIv2.1 Package"), _new("schemaversion", text="1.0.0")),
        _new("organizations"),
        _new(
            "resources",
            _resource("test", "imsqti_test_xmlv2p1", _TEST, *dependencies),
            *(_resource(name, "imsqti_item_xmlv2p1", path) for name, path in items.items()),
        ),
        identifier=f"quiz-{bank.slug}",
        **_PACKAGE,
    )


def _resource(identifier: str, kind: str, path: str, *dependencies: Element) -> Element:
    return _new("resource", _new("file", href=path), *dependencies, identifier=identifier, type=kind, href=path)


def _test(bank: QuestionBank) -> Element:
    """Return the test: one section, with a subsection that selects one variant for each question that has variants."""
    parts = (part for question in bank.questions for part in _references(question))
    score = _new("sum", _new("testVariables", variableIdentifier="SCORE"))
    return _new(
        "assessmentTest",
        _new("outcomeDeclaration", identifier="SCORE", cardinality="single", baseType="float"),
        _new(
            "testPart",
            _new("itemSessionControl", showFeedback="true"),
            _new("assessmentSection", *parts, identifier="questions", title=bank.title, visible="true"),
            identifier="part",
            navigationMode="nonlinear",
            submissionMode="individual",
        ),
        _new("outcomeProcessing", _set_score(score)),
        identifier=f"quiz-{bank.slug}",
        title=bank.title,
        **_QTI,
    )


def _references(question: BankQuestion) -> list[Element]:
    items = [_new("assessmentItemRef", identifier=_identifier(each.id), href=_path(each.id)) for each in question.items]
    if not question.has_variants:
        return items
    selection, name = _new("selection", select="1"), f"variants-{question.id}"
    return [_new("assessmentSection", selection, *items, identifier=name, title=question.id, visible="true")]


# ------------------------------------------------------------ a question


@dataclass(frozen=True)
class _Parts:
    """The parts of an item that depend on the type of its answer."""

    response: Element  # the declaration
    interaction: Element
    rules: list[Element]  # which set SCORE and FEEDBACK
    feedback: dict[str, str]  # HTML by identifier


def _item(question: BankQuestion, item: BankItem, losses: LossCollector) -> bytes:
    parts = _parts(question, item.answer, losses)
    feedback = {_EXPLANATION: item.explanation, **parts.feedback}
    root = _new(
        "assessmentItem",
        parts.response,
        _new("outcomeDeclaration", identifier="SCORE", cardinality="single", baseType="float"),
        _new("outcomeDeclaration", identifier="FEEDBACK", cardinality="multiple", baseType="identifier"),
        _new("itemBody", *_blocks(item.html), parts.interaction),
        _new("responseProcessing", _show_feedback(_EXPLANATION), *parts.rules),
        *(
            _new("modalFeedback", *_blocks(html), outcomeIdentifier="FEEDBACK", identifier=name, showHide="show")
            for name, html in feedback.items()
        ),
        identifier=_identifier(item.id),
        title=item.id,
        adaptive="false",
        timeDependent="false",
        **_QTI,
    )
    for element in root.iter("ol"):
        if element.attrib.pop("start", None) is not None:
            losses.add(_LISTS, question.id)
    return xml_file(root, indented=False)  # since whitespace in texts matters


def _parts(
    question: BankQuestion, answer: Choice | Numerical | ShortAnswer | Ordering | Matching, losses: LossCollector
) -> _Parts:
    match answer:
        case Choice():
            if answer.several:
                losses.add(MISSED, question.id)
            return _choice(answer)
        case Numerical():
            losses.add(NUMBERS, question.id)
            return _numerical(answer)
        case ShortAnswer():
            losses.add(TEXTS, question.id)
            return _short_answer(answer)
        case Ordering():
            losses.add(_ORDER, question.id)
            return _ordering(answer)
        case Matching():
            return _matching(answer)
        case _:
            assert_never(answer)


def _new(tag: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.text = text
    element.extend(children)
    return element


def _blocks(html: str) -> list[Element]:
    """Parse HTML to block elements. A line of text becomes one block."""
    fragment = fromstring(f"<div>{html}</div>")
    return [fragment] if fragment.text or any(element.tail for element in fragment) else list(fragment)


def _response(cardinality: str, base: str, correct: Iterable[str], mapping: Element | None = None) -> Element:
    values = _new("correctResponse", *(_new("value", text=value) for value in correct))
    parts = [values] if mapping is None else [values, mapping]
    return _new("responseDeclaration", *parts, identifier=_RESPONSE, cardinality=cardinality, baseType=base)


def _mapping(entries: Mapping[str, float], **attributes: str) -> Element:
    """Return the mapping of response values to what each adds to the score, which is kept between 0 and 1."""
    rows = (_new("mapEntry", mapKey=key, mappedValue=repr(value), **attributes) for key, value in entries.items())
    return _new("mapping", *rows, lowerBound="0", upperBound="1", defaultValue="0")


def _response_value() -> Element:
    return _new("variable", identifier=_RESPONSE)


def _constant(base: str, value: str) -> Element:
    return _new("baseValue", text=value, baseType=base)


def _set_score(value: Element) -> Element:
    return _new("setOutcomeValue", value, identifier="SCORE")


def _score_by_mapping() -> Element:
    return _set_score(_new("mapResponse", identifier=_RESPONSE))


def _full_score() -> Element:
    return _set_score(_constant("float", "1"))


def _add_feedback(value: Element) -> Element:
    """Return a rule that adds identifiers to the feedback that is shown."""
    so_far = _new("variable", identifier="FEEDBACK")
    return _new("setOutcomeValue", _new("multiple", so_far, value), identifier="FEEDBACK")


def _show_feedback(identifier: str) -> Element:
    return _add_feedback(_constant("identifier", identifier))


def _score_if_right() -> Element:
    """Return a rule that scores 1 for the right response and 0 for any other."""
    matched = _new("match", _response_value(), _new("correct", identifier=_RESPONSE))
    return _new("responseCondition", _new("responseIf", matched, _full_score()))


def _choice(answer: Choice) -> _Parts:
    options = {f"option-{number}": option for number, option in enumerate(answer.options, start=1)}
    right = [name for name, option in options.items() if option.correct]
    weights = {name: (1 if option.correct else -1) / len(right) for name, option in options.items()}
    choices = (
        _new("simpleChoice", *_blocks(option.html), identifier=name, fixed=str(option.fixed).lower())
        for name, option in options.items()
    )
    return _Parts(
        response=_response("multiple", "identifier", right, _mapping(weights))
        if answer.several
        else _response("single", "identifier", right),
        interaction=_new(
            "choiceInteraction",
            *choices,
            responseIdentifier=_RESPONSE,
            shuffle=str(not all(option.fixed for option in answer.options)).lower(),
            maxChoices="0" if answer.several else "1",
        ),
        rules=[_score_by_mapping() if answer.several else _score_if_right(), _add_feedback(_response_value())],
        feedback={name: option.feedback for name, option in options.items() if option.feedback is not None},
    )


def _text_field() -> Element:
    return _new("p", _new("textEntryInteraction", responseIdentifier=_RESPONSE))


def _numerical(answer: Numerical) -> _Parts:
    wrong = {f"slip-{number}": each for number, each in enumerate(answer.wrong, start=1)}
    first = _new("responseIf", _number_equals(answer.right, _new("correct", identifier=_RESPONSE)), _full_score())
    others = (
        _new("responseElseIf", _number_equals(each, _constant("float", decimal(each.number))), _show_feedback(name))
        for name, each in wrong.items()
    )
    return _Parts(
        response=_response("single", "float", [decimal(answer.right.number)]),
        interaction=_text_field(),
        rules=[_new("responseCondition", first, *others)],
        feedback={name: each.feedback for name, each in wrong.items() if each.feedback is not None},
    )


def _number_equals(answer: NumberAnswer, number: Element) -> Element:
    if not answer.margin:
        return _new("equal", _response_value(), number, toleranceMode="exact")
    tolerance = f"{margin(answer)} {margin(answer)}"  # below and above
    return _new("equal", _response_value(), number, toleranceMode="absolute", tolerance=tolerance)


def _short_answer(answer: ShortAnswer) -> _Parts:
    wrong = {f"slip-{number}": each for number, each in enumerate(answer.wrong, start=1)}
    conditions = [
        _new("responseCondition", _new("responseIf", _text_equals(each.text), _show_feedback(name)))
        for name, each in wrong.items()
    ]
    mapping = _mapping(dict.fromkeys(answer.answers, 1.0), caseSensitive="false")
    return _Parts(
        response=_response("single", "string", answer.answers[:1], mapping),
        interaction=_text_field(),
        rules=[_score_by_mapping(), *conditions],
        feedback={name: each.feedback for name, each in wrong.items()},
    )


def _text_equals(text: str) -> Element:
    return _new("stringMatch", _response_value(), _constant("string", text), caseSensitive="false", substring="false")


def _ordering(answer: Ordering) -> _Parts:
    names = [f"item-{number}" for number in range(1, len(answer.items) + 1)]
    choices = (_new("simpleChoice", *_blocks(answer.items[index]), identifier=names[index]) for index in answer.shown)
    return _Parts(
        response=_response("ordered", "identifier", names),
        interaction=_new("orderInteraction", *choices, responseIdentifier=_RESPONSE, shuffle="false"),
        rules=[_score_if_right()],
        feedback={},
    )


def _matching(answer: Matching) -> _Parts:
    count = len(answer.pairs)
    pairs = {f"pair-{number}": pair for number, pair in enumerate(answer.pairs, start=1)}
    right = {name: f"{name} right-{pair.right + 1}" for name, pair in pairs.items()}
    lefts = (
        _new("simpleAssociableChoice", *_blocks(pair.html), identifier=name, matchMax="1")
        for name, pair in pairs.items()
    )
    rights = (
        _new("simpleAssociableChoice", *_blocks(html), identifier=f"right-{number}", matchMax=str(count))
        for number, html in enumerate(answer.rights, start=1)
    )
    feedback = {name: pair.feedback for name, pair in pairs.items() if pair.feedback is not None}
    conditions = [
        _new("responseCondition", _new("responseIf", _pair_missing(right[name]), _show_feedback(name)))
        for name in feedback
    ]
    mapping = _mapping(dict.fromkeys(right.values(), 1 / count))
    return _Parts(
        response=_response("multiple", "directedPair", right.values(), mapping),
        interaction=_new(
            "matchInteraction",
            _new("simpleMatchSet", *lefts),
            _new("simpleMatchSet", *rights),
            responseIdentifier=_RESPONSE,
            shuffle="false",
            maxAssociations=str(count),
        ),
        rules=[_score_by_mapping(), *conditions],
        feedback=feedback,
    )


def _pair_missing(pair: str) -> Element:
    return _new("not", _new("member", _constant("directedPair", pair), _response_value()))
