"""Read GIFT as Moodle's documentation describes it.

Escaped characters are put aside first; what is left of `{ } = ~ # ->` has its meaning.
"""

import re
from html import unescape

from tests.teach.question_banks.questions import Read, code_in, seen

ASIDE = {char: chr(0xE000 + number) for number, char in enumerate("\\#={}~:")}
BACK = {value: char for char, value in ASIDE.items()} | {"\ue00f": "\n"}


def read_gift(data: bytes) -> list[tuple[str, list[Read]]]:
    """Return the categories with their questions, in the order of the file."""
    found: list[tuple[str, list[Read]]] = []
    for block in data.decode().split("\n\n"):
        rows = block.split("\n")
        tags = [tag for row in rows if row.startswith("//") for tag in re.findall(r"\[tag:([^\]]*)\]", row)]
        text = "\n".join(row for row in rows if not row.startswith("//")).strip()
        if not text:
            continue
        if text.startswith("$CATEGORY: "):
            found.append((text.removeprefix("$CATEGORY: "), []))
        else:
            read = _question(re.sub(r"\\(.)", lambda match: _aside(match[1]), text))
            read.tags = tags
            found[-1][1].append(read)
    return found


def _aside(char: str) -> str:
    return "\ue00f" if char == "n" else ASIDE[char]


def _back(text: str) -> str:
    return "".join(BACK.get(char, char) for char in text)


def _html(text: str) -> str:
    return seen(_back(text.strip()))


def _question(text: str) -> Read:
    match = re.fullmatch(r"::([^:]+)::\[html\]([^{}]*)\{([^{}]*)\}", text)
    assert match, text
    name, asked, answers = match.groups()
    answers, separator, explanation = answers.rpartition("####")
    assert separator
    read = Read(_back(name), "", _html(asked), _html(explanation), code=code_in(_back(asked)))
    answers = answers.strip()
    if answers.startswith("#"):
        read.kind = "number"
        for weight, answer, feedback in _answers(answers[1:], "="):
            number, _, tolerance = answer.partition(":")
            read.numbers.append((float(number), float(tolerance), weight == 100, _html(feedback)))
    elif "~" in answers:
        read.kind = "one" if "=" in answers else "several"
        parts = _answers(answers.replace("=", "~="), "~")
        assert abs(sum(weight for weight, _, _ in parts if weight > 0) - 100) < 0.01
        read.options = [(_html(answer), weight > 0, _html(feedback)) for weight, answer, feedback in parts]
    elif "->" in answers:
        read.kind = "match"
        for answer in answers.split("=")[1:]:
            left, _, right = answer.partition("->")
            left, right = _html(left), unescape(_back(right).strip())
            if left:
                read.pairs.append((left, right, ""))
            else:
                read.extra.add(right)
    else:
        read.kind = "words"
        for weight, answer, feedback in _answers(answers, "="):
            word = _back(answer).replace("\\*", "\0")
            assert "*" not in word, "it would stand for anything"
            read.words.append((word.replace("\0", "*"), weight == 100, _html(feedback)))
    return read


def _answers(text: str, sign: str) -> list[tuple[float, str, str]]:
    """Return weights, answers and their feedback."""
    found = []
    before, *parts = text.split(sign)
    assert not before.strip()
    for part in parts:
        match = re.fullmatch(r"(=)?(?:%(-?\d+(?:\.\d+)?)%)?([^#]*)(?:#(.*))?", part.strip(), re.DOTALL)
        assert match, part
        weight = float(match[2]) if match[2] else 100.0 if match[1] else 0.0
        found.append((weight, match[3].strip(), match[4] or ""))
    return found
