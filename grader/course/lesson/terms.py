"""Check that terms of the glossary are bold at their first use in the lessons, and nothing else is."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from grader.course.glossary import Term
from grader.course.lesson.model import Part
from grader.course.lesson.passages import passages
from grader.course.lesson.problem import Problem


class FirstUse(msgspec.Struct, frozen=True):
    """The first use of a term in the lessons."""

    path: str
    line: int
    bold: bool


class TermIndex:
    """Finds the names of terms in text, ignoring case, hyphens, and a plural s."""

    def __init__(self, terms: Sequence[Term]):
        self._terms = {_plain(name): term for term in terms for name in (term.term, *term.also)}
        longest_first = sorted(self._terms, key=len, reverse=True)
        words = by_first_letter(longest_first, lambda name: "[ -]".join(map(re.escape, name.split(" "))))
        self._pattern = re.compile(rf"(?<![\w-])(?:{words})s?(?![\w-])", re.IGNORECASE) if words else None

    def find(self, text: str) -> Iterator[tuple[re.Match[str], Term]]:
        """Yield the terms in a text in order. A term inside a longer one is skipped."""
        for match in self._pattern.finditer(text) if self._pattern else ():
            yield match, self._term(match[0])

    def is_term(self, text: str) -> bool:
        """Return whether the whole text is the name of a term."""
        return self._pattern is not None and self._pattern.fullmatch(text) is not None

    def _term(self, name: str) -> Term:
        plain = _plain(name)
        return self._terms.get(plain) or self._terms[plain.removesuffix("s")]


def by_first_letter(names: Iterable[str], pattern: Callable[[str], str]) -> str:
    """Return a regular expression for any of the names. The case of their first letter is ignored, and the first wins.

    Names are grouped by their first letter, so that at most positions of a text no name is tried.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name[0].lower(), []).append(pattern(name))
    letters = ((re.escape(first) + re.escape(first.upper()), "|".join(group)) for first, group in groups.items())
    return "|".join(f"(?=[{first}])(?:{group})" for first, group in letters)


def first_uses(parts: Iterable[Part], names: TermIndex) -> dict[Term, FirstUse]:
    """Return the first use of each term in the parts, except in headings."""
    uses: dict[Term, FirstUse] = {}
    for part in parts:
        for passage in passages(part):
            if passage.heading:
                continue
            for match, term in names.find(passage.text):
                bold = any(start <= match.start() and match.end() <= end for start, end in passage.bold)
                uses.setdefault(term, FirstUse(part.path, passage.line_at(match.start()), bold))
    return uses


def term_problems(part: Part, uses: Mapping[Term, FirstUse], explained: set[int]) -> Iterator[Problem]:
    """Yield the terms whose first use is in a part, but not bold. Only terms of the lessons `explained` are checked."""
    for term, use in uses.items():
        if use.path == part.path and not use.bold and term.lesson in explained:
            sentence = f"the term '{term.term}' is used here for the first time; explain it here, in bold."
            yield Problem(part.path, use.line, sentence)


def bold_problems(part: Part, names: TermIndex) -> Iterator[Problem]:
    """Yield the bold words that are no term, unless they begin a list item or a table cell."""
    for passage in passages(part):
        for start, end in passage.bold:
            words = passage.text[start:end]
            leads = passage.item and not passage.text[:start].strip()
            if not (passage.heading or leads or names.is_term(words)):
                sentence = f"'{words}' is bold but not a term of the glossary; use *italics* for emphasis."
                yield Problem(part.path, passage.line_at(start), sentence)


def _plain(name: str) -> str:
    return " ".join(re.split(r"[\s-]+", name.casefold()))
