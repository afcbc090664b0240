"""The terms of the glossary in running text: the first time that each stands on a page, it has its definition there."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape

from grader.author.site.model import relative
from grader.course.glossary import Term
from grader.course.lesson.terms import by_first_letter

GLOSSARY = "glossary.html"


def anchor(term: Term) -> str:
    """Where the term stands in the glossary's page."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.term.lower()).strip("-")


@dataclass(frozen=True)
class Terms:
    """Finds terms in a text, by their names in English."""

    terms: Sequence[Term]

    def found(self, text: str) -> Iterator[tuple[int, int, Term]]:
        """Where terms stand in the text: start, end, term; the longest where several begin."""
        if self._by_name:
            for match in self._pattern.finditer(text):
                yield match.start(), match.end(), self._meant(match[1])

    @cached_property
    def _by_name(self) -> dict[str, Term]:
        names = ((name, term) for term in self.terms for name in (term.term, *term.also) if name.isascii())
        return {_key(name): term for name, term in names}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        names = sorted(self._by_name, key=lambda name: (-len(name), name))
        return re.compile(rf"(?<![\w-])({by_first_letter(names, _flexible)})s?(?![\w-])")

    def _meant(self, words: str) -> Term:
        plain = " ".join(words.split())
        return self._by_name[plain] if plain in self._by_name else self._by_name[plain[0].lower() + plain[1:]]


@dataclass
class Definitions:
    """The terms that a page has shown already."""

    terms: Terms
    page: str
    shown: set[str] = field(default_factory=set)

    def mark(self, text: str) -> str:
        """The text as HTML, with the definition of each term that stands in it for the first time."""
        parts, done = [], 0
        for start, end, term in self.terms.found(text):
            if term.term not in self.shown:
                self.shown.add(term.term)
                parts += [escape(text[done:start], quote=False), self._defined(text[start:end], term)]
                done = end
        return "".join([*parts, escape(text[done:], quote=False)])

    def _defined(self, words: str, term: Term) -> str:
        name = anchor(term)
        href = relative(f"{GLOSSARY}#{name}", self.page)
        return (
            f'<a class="term" href="{href}" aria-describedby="about-{name}">{escape(words, quote=False)}</a>'
            f'<span class="definition" role="tooltip" id="about-{name}">'
            f"<b>{escape(term.term)}</b> {escape(term.definition, quote=False)}</span>"
        )


def _key(name: str) -> str:
    """A name as it is looked for: capitals count within a word (`MoE`), not at its beginning."""
    return name if re.search(r"[A-Z]", name[1:]) else name[0].lower() + name[1:]


def _flexible(name: str) -> str:
    """A pattern for the name: with a capital at its beginning, and over the end of a line."""
    first = name[0]
    start = f"[{first.upper()}{first}]" if first.islower() else re.escape(first)
    return start + re.sub(r"(?:\\ )+", r"\\s+", re.escape(name[1:]))
