"""QTI 1.2 as Canvas exports and imports it: a quiz, and a question bank for each question that has variants.

What Canvas goes by beyond QTI 1.2: `question_type` and `points_possible` in the metadata, answers whose idents are
numbers, feedback whose ident is that of the answer and `_fb`, `sourcebank_ref` for a group that draws from a bank.
"""

from xml.etree.ElementTree import Element

from grader.base.files import zipped
from grader.base.seeds import derive_seed
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
)
from grader.teach.question_banks.parts import (
    AS_PLACES,
    MISSED,
    NUMBERS,
    PLACES,
    WORDS,
    as_matching,
    bounds,
    decimal,
    document,
    node,
    slip_feedback,
)

_QTI = {
    "xmlns": "http://www.imsglobal.org/xsd/ims_qtiasiv1p2",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsi:schemaLocation": "http://www.imsglobal.org/xsd/ims_qtiasiv1p2 "
    "http://www.imsglobal.org/xsd/ims_qtiasiv1p2p1.xsd",
}
_MANIFEST = {
    "xmlns": "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsi:schemaLocation": "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1 "
    "http://www.imsglobal.org/xsd/imscp_v1p1.xsd",
}
_META = {"xmlns": "http://canvas.instructure.com/xsd/cccv1p0"}
_RESPONSE = "response1"
_FIRST = 1001  # the first number of an answer
_ALL = (
    "The level of a question (recall, apply, analyse) has no place in Canvas",
    "Options stand in a drawn order that is the same for all: Canvas shuffles all questions of a quiz or none",
)
_MARKS = "A right side of a matching is shown without its marks (code, bold): Canvas has plain text there"
_SEVERAL = "Several right options are scored by a rule of Canvas's own"
_SLIPS = "What is said of a typical slip stands in the comment on every wrong answer"


def export(bank: Bank) -> Exported:
    """The zip file."""
    losses = Losses()
    quiz = _ident("quiz", bank.slug)
    files = {f"{quiz}/{quiz}.xml": _quiz(bank, quiz, losses)}
    for entry in bank.entries:
        if entry.drawn:
            files[f"{_bank_ident(bank, entry)}/{_bank_ident(bank, entry)}.xml"] = _question_bank(bank, entry, losses)
    found = losses.found(*_ALL)
    files[f"{quiz}/assessment_meta.xml"] = _meta(bank, quiz)
    head = {"imsmanifest.xml": document(_manifest(bank, quiz), found)}
    return Exported(zipped(head | files), found)


def _ident(*parts: str) -> str:
    return f"g{derive_seed('canvas', *parts):016x}"


def _bank_ident(bank: Bank, entry: Entry) -> str:
    return _ident("bank", bank.slug, entry.id)


def _manifest(bank: Bank, quiz: str) -> Element:
    root = Element("manifest", {"identifier": _ident("manifest", bank.slug), **_MANIFEST})
    metadata = node(root, "metadata")
    node(metadata, "schema", "IMS Content")
    node(metadata, "schemaversion", "1.1.3")
    node(root, "organizations")
    resources = node(root, "resources")
    meta = _ident("meta", bank.slug)
    resource = node(resources, "resource", identifier=quiz, type="imsqti_xmlv1p2")
    node(resource, "file", href=f"{quiz}/{quiz}.xml")
    node(resource, "dependency", identifierref=meta)
    path = f"{quiz}/assessment_meta.xml"
    kind = "associatedcontent/imscc_xmlv1p1/learning-application-resource"
    resource = node(resources, "resource", identifier=meta, type=kind, href=path)
    node(resource, "file", href=path)
    for entry in bank.entries:
        if entry.drawn:
            ident = _bank_ident(bank, entry)
            resource = node(resources, "resource", identifier=ident, type="imsqti_xmlv1p2")
            node(resource, "file", href=f"{ident}/{ident}.xml")
    return root


def _meta(bank: Bank, quiz: str) -> bytes:
    """Canvas's own settings: a quiz that is not published yet."""
    root = Element("quiz", {"identifier": quiz, **_META})
    for name, value in {
        "title": bank.title,
        "description": "",
        "shuffle_answers": "false",
        "scoring_policy": "keep_highest",
        "quiz_type": "assignment",
        "points_possible": f"{len(bank.entries):.1f}",
        "show_correct_answers": "true",
        "allowed_attempts": "1",
        "one_question_at_a_time": "false",
        "cant_go_back": "false",
        "available": "false",
    }.items():
        node(root, name, value)
    return document(root)


def _quiz(bank: Bank, quiz: str, losses: Losses) -> bytes:
    root = Element("questestinterop", _QTI)
    assessment = node(root, "assessment", ident=quiz, title=bank.title)
    _fields(assessment, {"cc_maxattempts": "1"})
    section = node(assessment, "section", ident="root_section")
    for entry in bank.entries:
        if entry.drawn:
            _group(section, bank, entry)
        else:
            _item(section, bank, entry, entry.items[0], losses)
    return document(root)


def _group(section: Element, bank: Bank, entry: Entry) -> None:
    """One question that is drawn from a bank."""
    group = node(section, "section", ident=_ident("group", bank.slug, entry.id), title=entry.id)
    selection = node(node(group, "selection_ordering"), "selection")
    node(selection, "sourcebank_ref", _bank_ident(bank, entry))
    node(selection, "selection_number", "1")
    node(node(selection, "selection_extension"), "points_per_item", "1.0")


def _question_bank(bank: Bank, entry: Entry, losses: Losses) -> bytes:
    root = Element("questestinterop", _QTI)
    objects = node(root, "objectbank", ident=_bank_ident(bank, entry))
    _fields(objects, {"bank_title": f"{bank.title}: {entry.id}"})
    for item in entry.items:
        _item(objects, bank, entry, item, losses)
    return document(root)


def _fields(parent: Element, fields: dict[str, str]) -> None:
    metadata = node(parent, "qtimetadata")
    for label, value in fields.items():
        field = node(metadata, "qtimetadatafield")
        node(field, "fieldlabel", label)
        node(field, "fieldentry", value)


# ------------------------------------------------------------ a question


def _item(parent: Element, bank: Bank, entry: Entry, item: Item, losses: Losses) -> None:
    element = node(parent, "item", ident=_ident("item", bank.slug, item.id), title=item.id)
    asked, answer = item.html, item.answer
    if isinstance(answer, Ordering):
        losses.add(AS_PLACES, entry.id)
        asked, answer = asked + PLACES, as_matching(answer)
    metadata = node(element, "itemmetadata")
    presentation = node(element, "presentation")
    _material(presentation, f"<div>{asked}</div>")
    processing = node(element, "resprocessing")
    outcomes = node(processing, "outcomes")
    node(outcomes, "decvar", maxvalue="100", minvalue="0", varname="SCORE", vartype="Decimal")
    _show(_condition(processing, "Yes", "other"), "general_fb")
    feedback = {"general_fb": item.explanation}
    match answer:
        case Choice():
            if answer.several:
                losses.add(MISSED, entry.id)
                losses.add(_SEVERAL, entry.id)
            kind, count = ("multiple_answers" if answer.several else "multiple_choice"), len(answer.options)
            _choice(presentation, processing, feedback, answer)
        case Numbers():
            losses.add(NUMBERS, entry.id)
            kind, count = "numerical", 1
            _numbers(presentation, processing, answer)
        case Words():
            losses.add(WORDS, entry.id)
            kind, count = "short_answer", len(answer.answers)
            _words(presentation, processing, answer)
        case Matching():
            if answer.rights != answer.plain:
                losses.add(_MARKS, entry.id)
            kind, count = "matching", len(answer.pairs)
            _matching(presentation, processing, feedback, answer)
    if isinstance(answer, Numbers | Words) and answer.slips:
        losses.add(_SLIPS, entry.id)
        feedback["general_incorrect_fb"] = slip_feedback(answer)
        _show(_condition(processing, "Yes", "other"), "general_incorrect_fb")
    ids = ",".join(str(_FIRST + place) for place in range(count))
    _fields(metadata, {"question_type": f"{kind}_question", "points_possible": "1.0", "original_answer_ids": ids})
    for ident, html in feedback.items():
        _material(node(node(element, "itemfeedback", ident=ident), "flow_mat"), html)


def _material(parent: Element, html: str) -> None:
    node(node(parent, "material"), "mattext", html, texttype="text/html")


def _condition(processing: Element, goes_on: str, *tests: str) -> Element:
    """A condition, and in it a test that has no value."""
    condition = node(processing, "respcondition", **{"continue": goes_on})
    variables = node(condition, "conditionvar")
    for test in tests:
        node(variables, test)
    return condition


def _test(parent: Element, kind: str, value: str, response: str = _RESPONSE) -> None:
    node(parent, kind, value, respident=response)


def _right(condition: Element, points: str = "100", action: str = "Set") -> None:
    node(condition, "setvar", points, action=action, varname="SCORE")


def _show(condition: Element, feedback: str) -> None:
    node(condition, "displayfeedback", feedbacktype="Response", linkrefid=feedback)


def _choice(presentation: Element, processing: Element, feedback: dict[str, str], answer: Choice) -> None:
    cardinality = "Multiple" if answer.several else "Single"
    response = node(presentation, "response_lid", ident=_RESPONSE, rcardinality=cardinality)
    choices = node(response, "render_choice")
    options = {str(_FIRST + place): option for place, option in enumerate(answer.options)}
    for ident, option in options.items():
        _material(node(choices, "response_label", ident=ident), option.html)
        if option.feedback is not None:
            feedback[f"{ident}_fb"] = option.feedback
            condition = _condition(processing, "Yes")
            _test(condition[0], "varequal", ident)
            _show(condition, f"{ident}_fb")
    condition = _condition(processing, "No")
    if answer.several:
        wanted = node(condition[0], "and")
        for ident, option in options.items():
            _test(wanted if option.correct else node(wanted, "not"), "varequal", ident)
    else:
        _test(condition[0], "varequal", next(ident for ident, option in options.items() if option.correct))
    _right(condition)


def _typed(presentation: Element, **attributes: str) -> None:
    response = node(presentation, "response_str", ident=_RESPONSE, rcardinality="Single")
    node(node(response, "render_fib", **attributes), "response_label", ident="answer1")


def _numbers(presentation: Element, processing: Element, answer: Numbers) -> None:
    _typed(presentation, fibtype="Decimal")
    condition = _condition(processing, "No")
    either = node(condition[0], "or")
    _test(either, "varequal", decimal(answer.right.number))
    if answer.right.margin:
        least, most = bounds(answer.right)
        between = node(either, "and")
        _test(between, "vargte", least)
        _test(between, "varlte", most)
    _right(condition)


def _words(presentation: Element, processing: Element, answer: Words) -> None:
    _typed(presentation)
    condition = _condition(processing, "No")
    for text in answer.answers:
        _test(condition[0], "varequal", text)
    _right(condition)


def _matching(presentation: Element, processing: Element, feedback: dict[str, str], answer: Matching) -> None:
    points = f"{100 / len(answer.pairs):.2f}"
    for place, pair in enumerate(answer.pairs):
        ident, right = str(_FIRST + place), _right_ident(pair.right)
        response = node(presentation, "response_lid", ident=f"response_{ident}")
        _material(response, pair.html)
        choices = node(response, "render_choice")
        for number, text in enumerate(answer.plain):
            label = node(choices, "response_label", ident=_right_ident(number))
            node(node(label, "material"), "mattext", text)
        condition = _condition(processing, "Yes")
        _test(condition[0], "varequal", right, f"response_{ident}")
        _right(condition, points, "Add")
        if pair.feedback is not None:
            feedback[f"{ident}_fb"] = pair.feedback
            condition = _condition(processing, "Yes")
            _test(node(condition[0], "not"), "varequal", right, f"response_{ident}")
            _show(condition, f"{ident}_fb")


def _right_ident(place: int) -> str:
    return str(2 * _FIRST + place)
