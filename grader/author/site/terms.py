"""Mark terms of the glossary in running text: the first occurrence on a page shows the definition."""

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
    """Return the anchor of a term on the glossary's page."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.term.lower()).strip("-")


@dataclass(frozen=True)
class TermFinder:
    """Finds terms in a text by their English names."""

    terms: Sequence[Term]

    def find(self, text: str) -> Iterator[tuple[int, int, Term]]:
        """Yield start, end and term of each occurrence; where several terms start, the longest one."""
        if self._by_name:
            for match in self._pattern.finditer(text):
                yield match.start(), match.end(), self._term_named(match[1])

    @cached_property
    def _by_name(self) -> dict[str, Term]:
        names = ((name, term) for term in self.terms for name in (term.term, *term.also) if name.isascii())
        return {_normalized(name): term for name, term in names}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        names = sorted(self._by_name, key=lambda name: (-len(name), name))
        return re.compile(rf"(?<![\w-])({by_first_letter(names, _pattern_of)})s?(?![\w-])")

    def _term_named(self, words: str) -> Term:
        name = " ".join(words.split())
        return self._by_name[name] if name in self._by_name else self._by_name[name[0].lower() + name[1:]]


@dataclass
class TermMarker:
    """Marks terms on one page, each only once."""

    finder: TermFinder
    page: str
    marked: set[str] = field(default_factory=set)

    def mark(self, text: str) -> str:
        """Return the text as HTML, with a definition at the first occurrence of each term on the page."""
        parts, done = [], 0
        for start, end, term in self.finder.find(text):
            if term.term not in self.marked:
                self.marked.add(term.term)
                parts += [escape(text[done:start], quote=False), self._with_definition(text[start:end], term)]
                done = end
        return "".join([*parts, escape(text[done:], quote=False)])

    def _with_definition(self, words: str, term: Term) -> str:
        name = anchor(term)
        href = relative(f"{GLOSSARY}#{name}", self.page)
        return (
            f'<a class="term" href="{href}" aria-describedby="about-{name}">{escape(words, quote=False)}</a>'
            f'<span class="definition" role="tooltip" id="about-{name}">'
            f"<b>{escape(term.term)}</b> {escape(term.definition, quote=False)}</span>"
        )


def _normalized(name: str) -> str:
    """Lower the first letter, unless the name has other capitals (`MoE`)."""
    return name if re.search(r"[A-Z]", name[1:]) else name[0].lower() + name[1:]


def _pattern_of(name: str) -> str:
    """Return a pattern that also matches the name with a leading capital, or broken across lines."""
    first = name[0]
    start = f"[{first.upper()}{first}]" if first.islower() else re.escape(first)
    return start + re.sub(r"(?:\\ )+", r"\\s+", re.escape(name[1:]))
