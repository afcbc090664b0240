"""QTI 1.2 as Canvas exports and imports it: a quiz, and a question bank for each question that has variants.

Canvas extends QTI 1.2: `question_type` and `points_possible` in the metadata, numbers as the idents of answers, the
ident of an answer followed by `_fb` for its feedback, and `sourcebank_ref` for a group that draws from a bank.
"""

from xml.etree.ElementTree import Element

from grader.base.files import zipped
from grader.base.seeds import derive_seed
from grader.teach.question_banks.common import (
    MISSED,
    NUMBERS,
    ORDER_AS_MATCHING,
    PLACES,
    TEXTS,
    add_element,
    as_matching,
    bounds,
    decimal,
    wrong_feedback,
    xml_file,
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
_FIRST_IDENT = 1001  # of an option or a left side; right sides begin at twice as much
_GENERAL = (
    "The level of a question (recall, apply, analyse) is dropped: Canvas has no field for it",
    "Options are in a drawn order that is the same for everybody: Canvas shuffles all questions of a quiz or none",
)
_PLAIN_RIGHTS = "A right side of a matching loses its formatting (code, bold): Canvas shows plain text there"
_SEVERAL = "A question with several right options is scored by Canvas's own rule"
_WRONG = "Feedback on a typical wrong answer is part of the comment on every wrong answer"


def export(bank: QuestionBank) -> ExportedBank:
    """Write a bank as a ZIP file."""
    losses = LossCollector()
    quiz = _ident("quiz", bank.slug)
    files = {f"{quiz}/{quiz}.xml": _quiz(bank, quiz, losses)}
    for question in bank.questions:
        if question.has_variants:
            ident = _bank_ident(bank, question)
            files[f"{ident}/{ident}.xml"] = _question_bank(bank, question, losses)
    collected = losses.collected(*_GENERAL)
    files[f"{quiz}/assessment_meta.xml"] = _meta(bank, quiz)
    head = {"imsmanifest.xml": xml_file(_manifest(bank, quiz), collected)}
    return ExportedBank(zipped(head | files), collected)


def _ident(*parts: str) -> str:
    return f"g{derive_seed('canvas', *parts):016x}"


def _bank_ident(bank: QuestionBank, question: BankQuestion) -> str:
    return _ident("bank", bank.slug, question.id)


def _manifest(bank: QuestionBank, quiz: str) -> Element:
    root = Element("manifest", {"identifier": _ident("manifest", bank.slug), **_MANIFEST})
    metadata = add_element(root, "metadata")
    add_element(metadata, "schema", "IMS Content")
    add_element(metadata, "schemaversion", "1.1.3")
    add_element(root, "organizations")
    resources = add_element(root, "resources")
    meta = _ident("meta", bank.slug)
    resource = add_element(resources, "resource", identifier=quiz, type="imsqti_xmlv1p2")
    add_element(resource, "file", href=f"{quiz}/{quiz}.xml")
    add_element(resource, "dependency", identifierref=meta)
    path = f"{quiz}/assessment_meta.xml"
    kind = "associatedcontent/imscc_xmlv1p1/learning-application-resource"
    resource = add_element(resources, "resource", identifier=meta, type=kind, href=path)
    add_element(resource, "file", href=path)
    for question in bank.questions:
        if question.has_variants:
            ident = _bank_ident(bank, question)
            resource = add_element(resources, "resource", identifier=ident, type="imsqti_xmlv1p2")
            add_element(resource, "file", href=f"{ident}/{ident}.xml")
    return root


def _meta(bank: QuestionBank, quiz: str) -> bytes:
    """Write Canvas's own settings of the quiz, which is not published yet."""
    root = Element("quiz", {"identifier": quiz, **_META})
    for name, value in {
        "title": bank.title,
        "description": "",
        "shuffle_answers": "false",
        "scoring_policy": "keep_highest",
        "quiz_type": "assignment",
        "points_possible": f"{len(bank.questions):.1f}",
        "show_correct_answers": "true",
        "allowed_attempts": "1",
        "one_question_at_a_time": "false",
        "cant_go_back": "false",
        "available": "false",
    }.items():
        add_element(root, name, value)
    return xml_file(root)


def _quiz(bank: QuestionBank, quiz: str, losses: LossCollector) -> bytes:
    root = Element("questestinterop", _QTI)
    assessment = add_element(root, "assessment", ident=quiz, title=bank.title)
    _fields(assessment, {"cc_maxattempts": "1"})
    section = add_element(assessment, "section", ident="root_section")
    for question in bank.questions:
        if question.has_variants:
            _group(section, bank, question)
        else:
            _item(section, bank, question, question.items[0], losses)
    return xml_file(root)


def _group(section: Element, bank: QuestionBank, question: BankQuestion) -> None:
    """Add a group that draws one question from a bank."""
    group = add_element(section, "section", ident=_ident("group", bank.slug, question.id), title=question.id)
    selection = add_element(add_element(group, "selection_ordering"), "selection")
    add_element(selection, "sourcebank_ref", _bank_ident(bank, question))
    add_element(selection, "selection_number", "1")
    add_element(add_element(selection, "selection_extension"), "points_per_item", "1.0")


def _question_bank(bank: QuestionBank, question: BankQuestion, losses: LossCollector) -> bytes:
    root = Element("questestinterop", _QTI)
    objects = add_element(root, "objectbank", ident=_bank_ident(bank, question))
    _fields(objects, {"bank_title": f"{bank.title}: {question.id}"})
    for item in question.items:
        _item(objects, bank, question, item, losses)
    return xml_file(root)


def _fields(parent: Element, fields: dict[str, str]) -> None:
    metadata = add_element(parent, "qtimetadata")
    for label, value in fields.items():
        field = add_element(metadata, "qtimetadatafield")
        add_element(field, "fieldlabel", label)
        add_element(field, "fieldentry", value)


# ------------------------------------------------------------ a question


def _item(parent: Element, bank: QuestionBank, question: BankQuestion, item: BankItem, losses: LossCollector) -> None:
    element = add_element(parent, "item", ident=_ident("item", bank.slug, item.id), title=item.id)
    asked, answer = item.html, item.answer
    if isinstance(answer, Ordering):
        losses.add(ORDER_AS_MATCHING, question.id)
        asked, answer = asked + PLACES, as_matching(answer)
    metadata = add_element(element, "itemmetadata")
    presentation = add_element(element, "presentation")
    _material(presentation, f"<div>{asked}</div>")
    processing = add_element(element, "resprocessing")
    outcomes = add_element(processing, "outcomes")
    add_element(outcomes, "decvar", maxvalue="100", minvalue="0", varname="SCORE", vartype="Decimal")
    _show_feedback(_condition(processing, "Yes", "other"), "general_fb")
    feedback = {"general_fb": item.explanation}
    match answer:
        case Choice():
            if answer.several:
                losses.add(MISSED, question.id)
                losses.add(_SEVERAL, question.id)
            kind, count = ("multiple_answers" if answer.several else "multiple_choice"), len(answer.options)
            _choice(presentation, processing, feedback, answer)
        case Numerical():
            losses.add(NUMBERS, question.id)
            kind, count = "numerical", 1
            _numerical(presentation, processing, answer)
        case ShortAnswer():
            losses.add(TEXTS, question.id)
            kind, count = "short_answer", len(answer.answers)
            _short_answer(presentation, processing, answer)
        case Matching():
            if answer.rights != answer.plain:
                losses.add(_PLAIN_RIGHTS, question.id)
            kind, count = "matching", len(answer.pairs)
            _matching(presentation, processing, feedback, answer)
    if isinstance(answer, Numerical | ShortAnswer) and answer.wrong:
        losses.add(_WRONG, question.id)
        feedback["general_incorrect_fb"] = wrong_feedback(answer)
        _show_feedback(_condition(processing, "Yes", "other"), "general_incorrect_fb")
    ids = ",".join(str(_FIRST_IDENT + index) for index in range(count))
    _fields(metadata, {"question_type": f"{kind}_question", "points_possible": "1.0", "original_answer_ids": ids})
    for ident, html in feedback.items():
        _material(add_element(add_element(element, "itemfeedback", ident=ident), "flow_mat"), html)


def _material(parent: Element, html: str) -> None:
    add_element(add_element(parent, "material"), "mattext", html, texttype="text/html")


def _condition(processing: Element, proceed: str, *tests: str) -> Element:
    """Add a condition with these empty tests; `proceed` says whether later conditions are tried as well: Yes or No."""
    condition = add_element(processing, "respcondition", **{"continue": proceed})
    variables = add_element(condition, "conditionvar")
    for test in tests:
        add_element(variables, test)
    return condition


def _test(parent: Element, kind: str, value: str, response: str = _RESPONSE) -> None:
    add_element(parent, kind, value, respident=response)


def _set_score(condition: Element, points: str = "100", action: str = "Set") -> None:
    add_element(condition, "setvar", points, action=action, varname="SCORE")


def _show_feedback(condition: Element, feedback: str) -> None:
    add_element(condition, "displayfeedback", feedbacktype="Response", linkrefid=feedback)


def _choice(presentation: Element, processing: Element, feedback: dict[str, str], answer: Choice) -> None:
    cardinality = "Multiple" if answer.several else "Single"
    response = add_element(presentation, "response_lid", ident=_RESPONSE, rcardinality=cardinality)
    choices = add_element(response, "render_choice")
    options = {str(_FIRST_IDENT + index): option for index, option in enumerate(answer.options)}
    for ident, option in options.items():
        _material(add_element(choices, "response_label", ident=ident), option.html)
        if option.feedback is not None:
            feedback[f"{ident}_fb"] = option.feedback
            condition = _condition(processing, "Yes")
            _test(condition[0], "varequal", ident)
            _show_feedback(condition, f"{ident}_fb")
    condition = _condition(processing, "No")
    if answer.several:
        all_right = add_element(condition[0], "and")
        for ident, option in options.items():
            _test(all_right if option.correct else add_element(all_right, "not"), "varequal", ident)
    else:
        _test(condition[0], "varequal", next(ident for ident, option in options.items() if option.correct))
    _set_score(condition)


def _text_field(presentation: Element, **attributes: str) -> None:
    response = add_element(presentation, "response_str", ident=_RESPONSE, rcardinality="Single")
    add_element(add_element(response, "render_fib", **attributes), "response_label", ident="answer1")


def _numerical(presentation: Element, processing: Element, answer: Numerical) -> None:
    _text_field(presentation, fibtype="Decimal")
    condition = _condition(processing, "No")
    either = add_element(condition[0], "or")
    _test(either, "varequal", decimal(answer.right.number))
    if answer.right.margin:
        least, most = bounds(answer.right)
        between = add_element(either, "and")
        _test(between, "vargte", least)
        _test(between, "varlte", most)
    _set_score(condition)


def _short_answer(presentation: Element, processing: Element, answer: ShortAnswer) -> None:
    _text_field(presentation)
    condition = _condition(processing, "No")
    for text in answer.answers:
        _test(condition[0], "varequal", text)
    _set_score(condition)


def _matching(presentation: Element, processing: Element, feedback: dict[str, str], answer: Matching) -> None:
    points = f"{100 / len(answer.pairs):.2f}"
    for index, pair in enumerate(answer.pairs):
        ident, right = str(_FIRST_IDENT + index), _right_ident(pair.right)
        response = add_element(presentation, "response_lid", ident=f"response_{ident}")
        _material(response, pair.html)
        choices = add_element(response, "render_choice")
        for number, text in enumerate(answer.plain):
            label = add_element(choices, "response_label", ident=_right_ident(number))
            add_element(add_element(label, "material"), "mattext", text)
        condition = _condition(processing, "Yes")
        _test(condition[0], "varequal", right, f"response_{ident}")
        _set_score(condition, points, "Add")
        if pair.feedback is not None:
            feedback[f"{ident}_fb"] = pair.feedback
            condition = _condition(processing, "Yes")
            _test(add_element(condition[0], "not"), "varequal", right, f"response_{ident}")
            _show_feedback(condition, f"{ident}_fb")


def _right_ident(index: int) -> str:
    return str(2 * _FIRST_IDENT + index)
