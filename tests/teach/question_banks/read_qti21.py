"""Read a package of QTI 2.1, and process responses as its information model says."""

import io
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, tostring

from tests.teach.question_banks.questions import Read, code_in, seen

QTI = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
PACKAGE = "{http://www.imsglobal.org/xsd/imscp_v1p1}"


def read_qti21(data: bytes) -> list[tuple[str, list[Read]]]:
    """Return the entries: "" and a question, or a title and the questions of which the section selects one."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = ElementTree.fromstring(files["imsmanifest.xml"])
    resources = {str(each.get("identifier")): each for each in manifest.iter(f"{PACKAGE}resource")}
    assert sorted(set(files) - {"imsmanifest.xml"}) == sorted(str(each.get("href")) for each in resources.values())
    for resource in resources.values():
        assert [file.get("href") for file in resource.findall(f"{PACKAGE}file")] == [resource.get("href")]
    (test,) = (each for each in resources.values() if each.get("type") == "imsqti_test_xmlv2p1")
    needed = [str(each.get("identifierref")) for each in test.findall(f"{PACKAGE}dependency")]
    assert sorted([*needed, str(test.get("identifier"))]) == sorted(resources)
    root = ElementTree.fromstring(files[str(test.get("href"))])
    (section,) = root.findall(f"{QTI}testPart/{QTI}assessmentSection")
    entries: list[tuple[str, list[Read]]] = []
    for part in section:
        if part.tag == f"{QTI}assessmentItemRef":
            entries.append(("", [_item(files, part)]))
        else:
            selection = part.find(f"{QTI}selection")
            assert selection is not None
            assert selection.get("select") == "1"
            references = part.findall(f"{QTI}assessmentItemRef")
            entries.append((str(part.get("title")), [_item(files, each) for each in references]))
    assert sum(len(reads) for _, reads in entries) == len(needed)
    return entries


def _item(files: dict[str, bytes], reference: Element) -> Read:
    root = ElementTree.fromstring(files[str(reference.get("href"))])
    assert root.get("identifier") == reference.get("identifier")
    return Item(root).read()


class Item:
    """A question that can score responses."""

    def __init__(self, root: Element):
        self.root = root
        (self.declaration,) = root.findall(f"{QTI}responseDeclaration")
        self.cardinality = str(self.declaration.get("cardinality"))
        self.base = str(self.declaration.get("baseType"))
        self.right = [str(each.text) for each in self.declaration.findall(f"{QTI}correctResponse/{QTI}value")]
        self.feedback = {str(each.get("identifier")): seen(_inner(each)) for each in root.iter(f"{QTI}modalFeedback")}
        (self.body,) = root.findall(f"{QTI}itemBody")

    def mark(self, response: Sequence[str]) -> tuple[float, list[str]]:
        """Return the score, from 0 to 1, and the identifiers of the feedback that is shown."""
        outcomes: dict[str, list[str]] = {"SCORE": ["0"], "FEEDBACK": []}
        (processing,) = self.root.findall(f"{QTI}responseProcessing")
        for rule in processing:
            self._run(rule, response, outcomes)
        return float(outcomes["SCORE"][0]), [each for each in outcomes["FEEDBACK"] if each in self.feedback]

    def _run(self, rule: Element, response: Sequence[str], outcomes: dict[str, list[str]]) -> None:
        if rule.tag == f"{QTI}setOutcomeValue":
            outcomes[str(rule.get("identifier"))] = self._value(rule[0], response, outcomes)
            return
        assert rule.tag == f"{QTI}responseCondition"
        for branch in rule:
            condition, *rules = branch
            if self._value(condition, response, outcomes) == ["true"]:
                for each in rules:
                    self._run(each, response, outcomes)
                return

    def _value(self, expression: Element, response: Sequence[str], outcomes: dict[str, list[str]]) -> list[str]:
        """Evaluate an expression to a list; [] is NULL."""
        values = [self._value(each, response, outcomes) for each in expression]
        match expression.tag.removeprefix(QTI):
            case "variable":
                name = str(expression.get("identifier"))
                return list(response) if name == "RESPONSE" else outcomes[name]
            case "correct":
                return self.right
            case "baseValue":
                return [str(expression.text)]
            case "multiple":
                return [each for value in values for each in value]
            case "mapResponse":
                return [str(self._mapped(response))]
            case "match":
                ordered = [value if self.cardinality != "multiple" else sorted(value) for value in values]
                return _bool(ordered[0] == ordered[1]) if all(ordered) else []
            case "equal":
                if not all(values):
                    return []
                given, wanted = (float(value[0]) for value in values)
                below, above = map(float, expression.get("tolerance", "0 0").split())
                assert (expression.get("toleranceMode") == "exact") == (expression.get("tolerance") is None)
                return _bool(wanted - below <= given <= wanted + above)
            case "stringMatch":
                assert expression.get("caseSensitive") == "false"
                return _bool(values[0][0].casefold() == values[1][0].casefold()) if all(values) else []
            case "member":
                return _bool(values[0][0] in values[1]) if all(values) else []
            case "not":
                return _bool(values[0] == ["false"]) if all(values) else []
            case tag:
                raise AssertionError(tag)

    def _mapped(self, response: Sequence[str]) -> float:
        (mapping,) = self.declaration.findall(f"{QTI}mapping")
        worth = {}
        for entry in mapping:
            key = str(entry.get("mapKey"))
            key = key.casefold() if entry.get("caseSensitive") == "false" else key
            worth[key] = float(entry.get("mappedValue", ""))
        fold = any(entry.get("caseSensitive") == "false" for entry in mapping)
        default = float(mapping.get("defaultValue", ""))
        total = sum(worth.get(each.casefold() if fold else each, default) for each in set(response))
        return min(max(total, float(mapping.get("lowerBound", ""))), float(mapping.get("upperBound", "")))

    def read(self) -> Read:
        """Return the question, with the scores and feedback that responses get."""
        html = "".join(_outer(each) for each in self.body)
        read = Read(str(self.root.get("title")), "", "", self.feedback["explanation"], code=code_in(html))
        interactions = [each for each in self.body.iter() if each.tag.endswith("Interaction")]
        (interaction,) = interactions
        fill = {
            "choiceInteraction": self._choice,
            "textEntryInteraction": self._typed,
            "orderInteraction": self._order,
            "matchInteraction": self._match,
        }
        fill[interaction.tag.removeprefix(QTI)](read, interaction)
        interaction.clear()
        read.text = seen("".join(_outer(each) for each in self.body))
        score, said = self.mark(self.right)
        assert abs(score - 1) < 1e-9
        assert "explanation" in said
        assert self.mark([])[0] == 0
        assert "explanation" in self.mark([])[1]
        return read

    def _said(self, response: Sequence[str], name: str) -> str:
        return self.feedback[name] if name in self.mark(response)[1] else ""

    def _choice(self, read: Read, interaction: Element) -> None:
        read.kind = "several" if self.cardinality == "multiple" else "one"
        assert interaction.get("maxChoices") == {"several": "0", "one": "1"}[read.kind]
        choices = interaction.findall(f"{QTI}simpleChoice")
        read.shuffled = all(each.get("fixed") == "false" for each in choices)
        assert interaction.get("shuffle") == "true" or not read.shuffled
        for choice in choices:
            name = str(choice.get("identifier"))
            score, _ = self.mark([name])
            assert (score > 0) == (name in self.right)
            read.options.append((seen(_inner(choice)), score > 0, self._said([name], name)))
            if read.kind == "several" and name not in self.right:
                assert abs(self.mark([*self.right, name])[0] - (1 - 1 / len(self.right))) < 1e-9

    def _typed(self, read: Read, interaction: Element) -> None:
        read.kind = "number" if self.base == "float" else "words"
        if read.kind == "words":
            words = [str(each.get("mapKey")) for each in self.declaration.iter(f"{QTI}mapEntry")]
            words += [str(match[1].text) for match in self.root.iter(f"{QTI}stringMatch")]
            for word in words:
                loud = word.upper()
                score, said = self.mark([loud if loud.casefold() == word.casefold() else word])
                read.words.append((word, score == 1, " ".join(self.feedback[each] for each in said[1:])))
            return
        (condition,) = self.root.findall(f"{QTI}responseProcessing/{QTI}responseCondition")
        for equal, rule in condition:
            number = float(str(equal[1].text) if equal[1].tag == f"{QTI}baseValue" else self.right[0])
            tolerance = float(equal.get("tolerance", "0 0").split()[0])
            score, said = self.mark([repr(number)])
            names = [str(value.text) for value in rule.iter(f"{QTI}baseValue") if value.get("baseType") == "identifier"]
            earlier = any(abs(number - other) <= margin for other, margin, *_ in read.numbers)
            assert said[1:] == names or earlier, "of two slips that come to the same the first counts"
            read.numbers.append((number, tolerance, score == 1, " ".join(self.feedback[each] for each in names)))

    def _order(self, read: Read, interaction: Element) -> None:
        read.kind = "order"
        items = {str(each.get("identifier")): seen(_inner(each)) for each in interaction.findall(f"{QTI}simpleChoice")}
        assert list(items) != self.right, "it is shown in the right order"
        assert self.mark(self.right[::-1])[0] == 0
        read.items = [items[each] for each in self.right]

    def _match(self, read: Read, interaction: Element) -> None:
        read.kind = "match"
        lefts, rights = (
            {str(each.get("identifier")): seen(_inner(each)) for each in side}
            for side in interaction.findall(f"{QTI}simpleMatchSet")
        )
        pairs = dict(pair.split() for pair in self.right)
        assert list(pairs) == list(lefts)
        for left, right in pairs.items():
            assert abs(self.mark([f"{left} {right}"])[0] - 1 / len(pairs)) < 1e-9
            wrong = next(each for each in rights if each != right)
            others = [f"{each} {pairs[each]}" for each in pairs if each != left]
            score, said = self.mark([*others, f"{left} {wrong}"])
            assert abs(score - len(others) / len(pairs)) < 1e-9
            assert left not in self.mark(self.right)[1]
            read.pairs.append((lefts[left], rights[right], " ".join(self.feedback[each] for each in said[1:])))
        read.extra = {text for name, text in rights.items() if name not in pairs.values()}


def _bool(value: bool) -> list[str]:
    return ["true" if value else "false"]


def _outer(element: Element) -> str:
    return tostring(element, encoding="unicode").replace("ns0:", "").replace(":ns0", "")


def _inner(element: Element) -> str:
    return (element.text or "") + "".join(_outer(each) for each in element)
