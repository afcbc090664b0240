"""The letters of the course, lessons/notation.yaml, and a check that formulas and code use no others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from grader.course.document import Document
from grader.course.lesson.model import Code, Part, flatten
from grader.course.lesson.passages import passages
from grader.course.lesson.problem import Problem
from grader.course.model import Text, YamlStruct

_GREEK = (
    r"(?:alpha|beta|gamma|delta|(?:var)?epsilon|zeta|eta|(?:var)?theta|iota|kappa|lambda|mu|nu|xi|(?:var)?pi|(?:var)?rho"
    r"|(?:var)?sigma|tau|upsilon|(?:var)?phi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega)"
)
_WORDS = re.compile(r"\\(?:text\w*|mathrm|mathsf|mathtt|operatorname\*?|begin|end|tag|label)\s*\{[^{}]*\}")
_LETTER = re.compile(rf"(\\{_GREEK}(?![A-Za-z])|[A-Za-zα-ωΑ-Ω])|\\[A-Za-z]+|\\.", re.DOTALL)


class Letter(YamlStruct, frozen=True, kw_only=True):
    """A letter and its meaning."""

    letter: Text  # in code
    tex: Text | None = None  # in formulas, if different
    meaning: Text
    lesson: Annotated[int, Meta(ge=0)]  # the first lesson that uses it; 0: all lessons


def notation_path(root: Path) -> Path:
    """Return the path of the notation."""
    return root / "lessons" / "notation.yaml"


def load_notation(root: Path) -> tuple[Letter, ...]:
    """Return the letters of the course at `root`, or none if it has no such file.

    Raise UsageError with file and line for any error in it, including a letter with two meanings.
    """
    path = notation_path(root)
    if not path.is_file():
        return ()
    document = Document(path, list)
    letters = tuple(document.convert(Letter, i) for i in range(len(document.value)))
    seen: dict[str, tuple[int, int]] = {}
    for i, letter in enumerate(letters):
        for form, key in ((letter.letter, "letter"), (letter.tex, "tex")):
            if form is None:
                continue
            first, line = seen.setdefault(form, (i, document.line(i, key)))
            if first != i:
                raise document.error((i, key), f"{form} has a meaning already, in line {line}; use another letter.")
    return letters


def notation_problems(part: Part, letters: tuple[Letter, ...]) -> Iterator[Problem]:
    """Yield the letters of a part without a meaning, or with one of a later lesson. Each is reported once."""
    known = {form: letter for letter in letters for form in (letter.letter, letter.tex) if form}
    reported: set[str] = set()
    for line, form in (*_in_formulas(part, letters), *_in_code(part)):
        letter = known.get(form)
        if form in reported or (letter is not None and letter.lesson <= part.lesson):
            continue
        reported.add(form)
        if letter is None:
            yield Problem(part.path, line, f"the letter {form} is not in lessons/notation.yaml.")
        else:
            sentence = (
                f"the letter {form} is used here, but lessons/notation.yaml has it from lesson {letter.lesson} on."
            )
            yield Problem(part.path, line, sentence)


def _in_formulas(part: Part, letters: tuple[Letter, ...]) -> Iterator[tuple[int, str]]:
    composed = [letter.tex for letter in letters if letter.tex and not _LETTER.fullmatch(letter.tex)]
    for passage in passages(part):
        for line, formula in passage.formulas:
            yield from ((line, form) for form in letters_of(formula, composed))


def letters_of(formula: str, composed: list[str]) -> list[str]:
    r"""Return the letters of a formula in TeX. `composed` are signs such as `\bar{B}` that count as one letter."""
    rest = _WORDS.sub(" ", formula)
    found = []
    for sign in sorted(composed, key=len, reverse=True):
        if sign in rest:
            found.append(sign)
            rest = rest.replace(sign, " ")
    for match in _LETTER.finditer(rest):
        if match[1]:
            found.append(match[1])
    return found


def _in_code(part: Part) -> Iterator[tuple[int, str]]:
    """Yield the names of one capital letter in code, except those of imports."""
    imported: set[str] = set()
    for block in flatten(part.blocks):
        if not isinstance(block, Code):
            continue
        try:
            tree = ast.parse(block.text)
        except (SyntaxError, ValueError):  # reported by syntax_problems
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                imported |= {alias.asname or alias.name for alias in node.names}
        for node in ast.walk(tree):
            name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else ""
            if len(name) == 1 and name.isupper() and name not in imported:
                yield block.line + node.lineno, name  # type: ignore[attr-defined]
