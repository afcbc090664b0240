"""QTI 2.1: a package of a test and its items, each an XML file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never
from xml.etree.ElementTree import Element, fromstring

from grader.base.files import zipped
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
from grader.teach.question_banks.parts import MISSED, NUMBERS, WORDS, decimal, document, margin

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_PLACE = "http://www.imsglobal.org/xsd/"


def _space(name: str, file: str) -> dict[str, str]:
    return {"xmlns": _PLACE + name, "xmlns:xsi": _XSI, "xsi:schemaLocation": f"{_PLACE}{name} {_PLACE}{file}"}


_QTI = _space("imsqti_v2p1", "qti/qtiv2p1/imsqti_v2p1.xsd")
_PACKAGE = _space("imscp_v1p1", "qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd")
_TEST = "test.xml"
_RESPONSE = "RESPONSE"
_EXPLANATION = "explanation"  # the identifier of what all are told
_ALL = ("The level of a question (recall, apply, analyse) is not in the package",)
_ORDER = "An order is right as a whole or not at all: QTI 2.1 has no scoring by neighbours"
_LISTS = "A numbered list begins at 1: QTI 2.1 cannot say another number"


def export(bank: Bank) -> Exported:
    """The zip file."""
    losses = Losses()
    items = {item.id: _item(entry, item, losses) for entry in bank.entries for item in entry.items}
    found = losses.found(*_ALL)
    files = {"imsmanifest.xml": document(_manifest(bank), found), _TEST: document(_test(bank))}
    return Exported(zipped(files | {_path(name): data for name, data in items.items()}), found)


def _identifier(name: str) -> str:
    """Identifiers begin with a letter, which an id of ours need not."""
    return f"q-{name}"


def _path(name: str) -> str:
    return f"items/{name}.xml"


def _manifest(bank: Bank) -> Element:
    items = {_identifier(item.id): _path(item.id) for item in bank.items}
    needed = (_new("dependency", identifierref=name) for name in items)
    return _new(
        "manifest",
        _new("metadata", _new("schema", text="QTIv2.1 Package"), _new("schemaversion", text="1.0.0")),
        _new("organizations"),
        _new(
            "resources",
            _resource("test", "imsqti_test_xmlv2p1", _TEST, *needed),
            *(_resource(name, "imsqti_item_xmlv2p1", path) for name, path in items.items()),
        ),
        identifier=f"quiz-{bank.slug}",
        **_PACKAGE,
    )


def _resource(identifier: str, kind: str, path: str, *needed: Element) -> Element:
    return _new("resource", _new("file", href=path), *needed, identifier=identifier, type=kind, href=path)


def _test(bank: Bank) -> Element:
    """One section, in which a question with variants is a section of its own that selects one of them."""
    parts = (part for entry in bank.entries for part in _references(entry))
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
        _new("outcomeProcessing", _scored(score)),
        identifier=f"quiz-{bank.slug}",
        title=bank.title,
        **_QTI,
    )


def _references(entry: Entry) -> list[Element]:
    items = [_new("assessmentItemRef", identifier=_identifier(each.id), href=_path(each.id)) for each in entry.items]
    if not entry.drawn:
        return items
    one, name = _new("selection", select="1"), f"variants-{entry.id}"
    return [_new("assessmentSection", one, *items, identifier=name, title=entry.id, visible="true")]


# ------------------------------------------------------------ a question


@dataclass(frozen=True)
class _Parts:
    """What a type of answer puts into an item."""

    response: Element  # what is declared of it
    interaction: Element
    rules: list[Element]  # how SCORE and FEEDBACK come of it
    feedback: dict[str, str]  # HTML, by identifiers


def _item(entry: Entry, item: Item, losses: Losses) -> bytes:
    parts = _parts(entry, item.answer, losses)
    feedback = {_EXPLANATION: item.explanation, **parts.feedback}
    root = _new(
        "assessmentItem",
        parts.response,
        _new("outcomeDeclaration", identifier="SCORE", cardinality="single", baseType="float"),
        _new("outcomeDeclaration", identifier="FEEDBACK", cardinality="multiple", baseType="identifier"),
        _new("itemBody", *_flow(item.html), parts.interaction),
        _new("responseProcessing", _said(_EXPLANATION), *parts.rules),
        *(
            _new("modalFeedback", *_flow(html), outcomeIdentifier="FEEDBACK", identifier=name, showHide="show")
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
            losses.add(_LISTS, entry.id)
    return document(root, indented=False)  # spaces within a text are part of it


def _parts(entry: Entry, answer: Choice | Numbers | Words | Ordering | Matching, losses: Losses) -> _Parts:
    match answer:
        case Choice():
            if answer.several:
                losses.add(MISSED, entry.id)
            return _choice(answer)
        case Numbers():
            losses.add(NUMBERS, entry.id)
            return _numbers(answer)
        case Words():
            losses.add(WORDS, entry.id)
            return _words(answer)
        case Ordering():
            losses.add(_ORDER, entry.id)
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


def _flow(html: str) -> list[Element]:
    """HTML as elements: blocks stay, and what is a line of text becomes one block."""
    fragment = fromstring(f"<div>{html}</div>")
    return [fragment] if fragment.text or any(element.tail for element in fragment) else list(fragment)


def _response(cardinality: str, base: str, correct: Iterable[str], mapping: Element | None = None) -> Element:
    values = _new("correctResponse", *(_new("value", text=value) for value in correct))
    parts = [values] if mapping is None else [values, mapping]
    return _new("responseDeclaration", *parts, identifier=_RESPONSE, cardinality=cardinality, baseType=base)


def _mapping(entries: Mapping[str, float], **attributes: str) -> Element:
    """What each value of a response adds to the score, which is from 0 to 1."""
    rows = (_new("mapEntry", mapKey=key, mappedValue=repr(value), **attributes) for key, value in entries.items())
    return _new("mapping", *rows, lowerBound="0", upperBound="1", defaultValue="0")


def _given() -> Element:
    return _new("variable", identifier=_RESPONSE)


def _base(base: str, value: str) -> Element:
    return _new("baseValue", text=value, baseType=base)


def _scored(value: Element) -> Element:
    return _new("setOutcomeValue", value, identifier="SCORE")


def _mapped() -> Element:
    return _scored(_new("mapResponse", identifier=_RESPONSE))


def _right() -> Element:
    return _scored(_base("float", "1"))


def _told(value: Element) -> Element:
    """Adds to the feedback that is shown."""
    so_far = _new("variable", identifier="FEEDBACK")
    return _new("setOutcomeValue", _new("multiple", so_far, value), identifier="FEEDBACK")


def _said(identifier: str) -> Element:
    return _told(_base("identifier", identifier))


def _whole() -> Element:
    """1 for the right response, else 0."""
    matched = _new("match", _given(), _new("correct", identifier=_RESPONSE))
    return _new("responseCondition", _new("responseIf", matched, _right()))


def _choice(answer: Choice) -> _Parts:
    options = {f"option-{place}": option for place, option in enumerate(answer.options, start=1)}
    right = [name for name, option in options.items() if option.correct]
    worth = {name: (1 if option.correct else -1) / len(right) for name, option in options.items()}
    choices = (
        _new("simpleChoice", *_flow(option.html), identifier=name, fixed=str(option.fixed).lower())
        for name, option in options.items()
    )
    return _Parts(
        response=_response("multiple", "identifier", right, _mapping(worth))
        if answer.several
        else _response("single", "identifier", right),
        interaction=_new(
            "choiceInteraction",
            *choices,
            responseIdentifier=_RESPONSE,
            shuffle=str(not all(option.fixed for option in answer.options)).lower(),
            maxChoices="0" if answer.several else "1",
        ),
        rules=[_mapped() if answer.several else _whole(), _told(_given())],
        feedback={name: option.feedback for name, option in options.items() if option.feedback is not None},
    )


def _typed() -> Element:
    return _new("p", _new("textEntryInteraction", responseIdentifier=_RESPONSE))


def _numbers(answer: Numbers) -> _Parts:
    def equal(value: Value, number: Element) -> Element:
        if not value.margin:
            return _new("equal", _given(), number, toleranceMode="exact")
        return _new("equal", _given(), number, toleranceMode="absolute", tolerance=f"{margin(value)} {margin(value)}")

    slips = {f"slip-{number}": slip for number, slip in enumerate(answer.slips, start=1)}
    first = _new("responseIf", equal(answer.right, _new("correct", identifier=_RESPONSE)), _right())
    others = (
        _new("responseElseIf", equal(slip, _base("float", decimal(slip.number))), _said(name))
        for name, slip in slips.items()
    )
    return _Parts(
        response=_response("single", "float", [decimal(answer.right.number)]),
        interaction=_typed(),
        rules=[_new("responseCondition", first, *others)],
        feedback={name: slip.feedback for name, slip in slips.items() if slip.feedback is not None},
    )


def _words(answer: Words) -> _Parts:
    slips = {f"slip-{number}": slip for number, slip in enumerate(answer.slips, start=1)}
    conditions = [
        _new("responseCondition", _new("responseIf", _spelt(slip.text), _said(name))) for name, slip in slips.items()
    ]
    mapping = _mapping(dict.fromkeys(answer.answers, 1.0), caseSensitive="false")
    return _Parts(
        response=_response("single", "string", answer.answers[:1], mapping),
        interaction=_typed(),
        rules=[_mapped(), *conditions],
        feedback={name: slip.feedback for name, slip in slips.items()},
    )


def _spelt(text: str) -> Element:
    return _new("stringMatch", _given(), _base("string", text), caseSensitive="false", substring="false")


def _ordering(answer: Ordering) -> _Parts:
    names = [f"item-{place}" for place in range(1, len(answer.items) + 1)]
    choices = (_new("simpleChoice", *_flow(answer.items[place]), identifier=names[place]) for place in answer.shown)
    return _Parts(
        response=_response("ordered", "identifier", names),
        interaction=_new("orderInteraction", *choices, responseIdentifier=_RESPONSE, shuffle="false"),
        rules=[_whole()],
        feedback={},
    )


def _matching(answer: Matching) -> _Parts:
    count = len(answer.pairs)
    pairs = {f"pair-{number}": pair for number, pair in enumerate(answer.pairs, start=1)}
    right = {name: f"{name} right-{pair.right + 1}" for name, pair in pairs.items()}
    lefts = (
        _new("simpleAssociableChoice", *_flow(pair.html), identifier=name, matchMax="1") for name, pair in pairs.items()
    )
    rights = (
        _new("simpleAssociableChoice", *_flow(html), identifier=f"right-{number}", matchMax=str(count))
        for number, html in enumerate(answer.rights, start=1)
    )
    feedback = {name: pair.feedback for name, pair in pairs.items() if pair.feedback is not None}
    conditions = [_new("responseCondition", _new("responseIf", _missed(right[name]), _said(name))) for name in feedback]
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
        rules=[_mapped(), *conditions],
        feedback=feedback,
    )


def _missed(pair: str) -> Element:
    return _new("not", _new("member", _base("directedPair", pair), _given()))
