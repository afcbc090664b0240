"""Read a package of QTI 1.2 in Canvas's style, and score responses by its own conditions.

Written from the specification of QTI 1.2 (ASI information model) and Canvas's documented packages.
"""

import io
import zipfile
from itertools import combinations
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tests.teach.question_banks.questions import Read, code_in, seen

QTI = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
PACKAGE = "{http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1}"
Responses = dict[str, set[str]]


def files_of(data: bytes) -> dict[str, bytes]:
    """Return the files of a package by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def read_canvas(data: bytes) -> list[tuple[str, list[Read]]]:
    """Return the entries: "" and a question, or the title of a bank and its questions, one of which is drawn."""
    files = files_of(data)
    manifest = ElementTree.fromstring(files["imsmanifest.xml"])
    listed = [file.get("href") for file in manifest.iter(f"{PACKAGE}file")]
    assert sorted(listed, key=str) == sorted(set(files) - {"imsmanifest.xml"})
    documents = [
        ElementTree.fromstring(files[str(file.get("href"))])
        for resource in manifest.iter(f"{PACKAGE}resource")
        if resource.get("type") == "imsqti_xmlv1p2"
        for file in resource.findall(f"{PACKAGE}file")
    ]
    banks = {bank.get("ident"): bank for each in documents for bank in each.findall(f"{QTI}objectbank")}
    (assessment,) = (found for each in documents for found in each.findall(f"{QTI}assessment"))
    entries: list[tuple[str, list[Read]]] = []
    for part in assessment.findall(f"{QTI}section")[0]:
        if part.tag == f"{QTI}item":
            entries.append(("", [_question(part)]))
            continue
        selection = part.find(f"{QTI}selection_ordering/{QTI}selection")
        assert selection is not None
        assert selection.findtext(f"{QTI}selection_number") == "1"
        bank = banks.pop(selection.findtext(f"{QTI}sourcebank_ref"))
        title = _fields(bank.find(f"{QTI}qtimetadata"))["bank_title"]
        entries.append((title, [_question(item) for item in bank.findall(f"{QTI}item")]))
    assert not banks, "nothing draws from them"
    return entries


def _fields(metadata: Element | None) -> dict[str, str]:
    assert metadata is not None
    return {
        str(field.findtext(f"{QTI}fieldlabel")): str(field.findtext(f"{QTI}fieldentry"))
        for field in metadata.findall(f"{QTI}qtimetadatafield")
    }


def _material(element: Element | None, path: str = "") -> str:
    """Return the HTML or the plain text of a material."""
    assert element is not None
    text = element.find(f"{path}{QTI}material/{QTI}mattext")
    assert text is not None
    return text.text or ""


class Item:
    """A question that can score responses."""

    def __init__(self, item: Element):
        self.item = item
        self.feedback = {
            str(each.get("ident")): seen(_material(each, f"{QTI}flow_mat/")) for each in item.iter(f"{QTI}itemfeedback")
        }

    def mark(self, responses: Responses) -> tuple[float, list[str]]:
        """Return the score, from 0 to 100, and the idents of the feedback that is shown."""
        score, said = 0.0, []
        for condition in self.item.iter(f"{QTI}respcondition"):
            variables = condition.find(f"{QTI}conditionvar")
            assert variables is not None
            tests = [_holds(test, responses) for test in variables]
            words = all(test.tag == f"{QTI}varequal" for test in variables)  # any of them; others hold together
            if not (any(tests) if words else all(tests)):
                continue
            for value in condition.findall(f"{QTI}setvar"):
                score = float(value.text or "") + (score if value.get("action") == "Add" else 0)
            said += [str(each.get("linkrefid")) for each in condition.findall(f"{QTI}displayfeedback")]
            if condition.get("continue") == "No":
                break
        return score, said

    def says(self, responses: Responses, about: str) -> str:
        """Return the feedback on an answer."""
        return " ".join(self.feedback[each] for each in self.mark(responses)[1] if each == f"{about}_fb")


def _holds(test: Element, responses: Responses) -> bool:
    given = responses.get(str(test.get("respident")), set())
    match test.tag.removeprefix(QTI):
        case "other":
            return True
        case "varequal":
            return str(test.text) in given
        case "vargte":
            return any(float(each) >= float(test.text or "") for each in given)
        case "varlte":
            return any(float(each) <= float(test.text or "") for each in given)
        case "not":
            return not _holds(test[0], responses)
        case "and":
            return all(_holds(each, responses) for each in test)
        case "or":
            return any(_holds(each, responses) for each in test)
        case tag:
            raise AssertionError(tag)


def _question(element: Element) -> Read:
    item = Item(element)
    fields = _fields(element.find(f"{QTI}itemmetadata/{QTI}qtimetadata"))
    assert float(fields["points_possible"]) == 1
    presentation = element.find(f"{QTI}presentation")
    assert presentation is not None
    html = _material(presentation)
    read = Read(str(element.get("title")), "", seen(html), item.feedback["general_fb"], code=code_in(html))
    read.when_wrong = item.feedback.get("general_incorrect_fb", "")
    assert "general_fb" in item.mark({})[1]
    fill = {"multiple_choice": _one, "multiple_answers": _several, "numerical": _number, "short_answer": _words}
    kind = fields["question_type"].removesuffix("_question")
    (_match if kind == "matching" else fill[kind])(read, item, presentation)
    return read


def _labels(parent: Element) -> dict[str, str]:
    return {str(label.get("ident")): _material(label) for label in parent.iter(f"{QTI}response_label")}


def _one(read: Read, item: Item, presentation: Element) -> None:
    read.kind = "one"
    for ident, html in _labels(presentation).items():
        assert ident.isdecimal()
        response = {"response1": {ident}}
        score, _ = item.mark(response)
        assert score in (0, 100)
        read.options.append((seen(html), score == 100, item.says(response, ident)))


def _several(read: Read, item: Item, presentation: Element) -> None:
    read.kind = "several"
    labels = _labels(presentation)
    subsets = [set(each) for size in range(len(labels) + 1) for each in combinations(labels, size)]
    (right,) = (each for each in subsets if item.mark({"response1": each})[0] == 100)
    for ident, html in labels.items():
        read.options.append((seen(html), ident in right, item.says({"response1": {ident}}, ident)))


def _number(read: Read, item: Item, presentation: Element) -> None:
    read.kind = "number"
    (fib,) = presentation.iter(f"{QTI}render_fib")
    assert fib.get("fibtype") == "Decimal"
    (equal,) = item.item.iter(f"{QTI}varequal")
    number = float(equal.text or "")
    (most,) = [float(each.text or "") for each in item.item.iter(f"{QTI}varlte")] or [number]
    (least,) = [float(each.text or "") for each in item.item.iter(f"{QTI}vargte")] or [number]
    far = 1 + abs(number) + most - least
    for given, score in ((number, 100), (least, 100), (most, 100), (most + far, 0), (least - far, 0)):
        assert item.mark({"response1": {str(given) if given != number else str(equal.text)}})[0] == score
    read.numbers.append((number, (most - least) / 2, True, ""))


def _words(read: Read, item: Item, presentation: Element) -> None:
    read.kind = "words"
    assert list(presentation.iter(f"{QTI}render_fib"))
    for word in [str(each.text) for each in item.item.iter(f"{QTI}varequal")]:
        read.words.append((word, item.mark({"response1": {word}})[0] == 100, ""))
    assert item.mark({"response1": {"something else"}})[0] == 0


def _match(read: Read, item: Item, presentation: Element) -> None:
    read.kind = "match"
    used = set()
    labels: dict[str, str] = {}
    every: Responses = {}
    for response in presentation.findall(f"{QTI}response_lid"):
        name = str(response.get("ident"))
        labels = _labels(response)
        scores = {ident: item.mark({name: {ident}})[0] for ident in labels}
        (right,) = (ident for ident, score in scores.items() if score)
        wrong = next(ident for ident in labels if ident != right)
        said = item.says({name: {wrong}}, name.removeprefix("response_"))
        assert item.says({name: {right}}, name.removeprefix("response_")) == ""
        read.pairs.append((seen(_material(response)), " ".join(labels[right].split()), said))
        used.add(right)
        every[name] = {right}
    assert abs(item.mark(every)[0] - 100) < 0.1
    read.extra = {" ".join(text.split()) for ident, text in labels.items() if ident not in used}
