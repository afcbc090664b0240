"""Terms of the glossary in the text of lessons: each is in bold where it first stands, and nothing else is."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from grader.course.glossary import Term
from grader.course.lesson.model import Part
from grader.course.lesson.passages import passages
from grader.course.lesson.problem import Problem


class FirstUse(msgspec.Struct, frozen=True):
    """Where a term stands for the first time."""

    path: str
    line: int
    bold: bool


class TermIndex:
    """The names of terms, to be found in text: in any case, with spaces for hyphens, and with an s at the end."""

    def __init__(self, terms: Sequence[Term]):
        self._terms = {_plain(name): term for term in terms for name in (term.term, *term.also)}
        longest_first = sorted(self._terms, key=len, reverse=True)
        words = by_first_letter(longest_first, lambda name: "[ -]".join(map(re.escape, name.split(" "))))
        self._pattern = re.compile(rf"(?<![\w-])(?:{words})s?(?![\w-])", re.IGNORECASE) if words else None

    def find(self, text: str) -> Iterator[tuple[re.Match[str], Term]]:
        """The terms in a text, in order; of a term within a longer one nothing is said."""
        for match in self._pattern.finditer(text) if self._pattern else ():
            yield match, self._term(match[0])

    def is_term(self, text: str) -> bool:
        """Whether a text is the name of a term, and nothing more."""
        return self._pattern is not None and self._pattern.fullmatch(text) is not None

    def _term(self, name: str) -> Term:
        plain = _plain(name)
        return self._terms.get(plain) or self._terms[plain.removesuffix("s")]


def by_first_letter(names: Iterable[str], pattern: Callable[[str], str]) -> str:
    """A pattern for one of the names, whatever the case of its first letter: where several fit, the first of them.

    In most places of a text this looks at the letter that is there, and at no name.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name[0].lower(), []).append(pattern(name))
    letters = ((re.escape(first) + re.escape(first.upper()), "|".join(group)) for first, group in groups.items())
    return "|".join(f"(?=[{first}])(?:{group})" for first, group in letters)


def first_uses(parts: Iterable[Part], names: TermIndex) -> dict[Term, FirstUse]:
    """Where each term stands for the first time in these parts; headings do not count."""
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
    """The terms that stand in a part for the first time and not in bold, of lessons that explain theirs."""
    for term, use in uses.items():
        if use.path == part.path and not use.bold and term.lesson in explained:
            what = f"the term '{term.term}' stands here for the first time; it is in bold where it is explained."
            yield Problem(part.path, use.line, what)


def bold_problems(part: Part, names: TermIndex) -> Iterator[Problem]:
    """Bold words that are no term, unless they begin an item of a list or a cell."""
    for passage in passages(part):
        for start, end in passage.bold:
            words = passage.text[start:end]
            leads = passage.item and not passage.text[:start].strip()
            if not (passage.heading or leads or names.is_term(words)):
                what = f"'{words}' is in bold and no term of the glossary; for stress take *italics*."
                yield Problem(part.path, passage.line_at(start), what)


def _plain(name: str) -> str:
    return " ".join(re.split(r"[\s-]+", name.casefold()))
