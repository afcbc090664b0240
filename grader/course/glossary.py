"""Load the glossary of a course, lessons/glossary.yaml, and find a term by any of its names."""

import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.base.errors import UsageError
from grader.course.document import Document
from grader.course.keys import Keys
from grader.course.load import COURSE_FILE, load_lessons
from grader.course.model import Text, YamlStruct

MAX_SUGGESTIONS = 3  # for an unknown name


class Term(YamlStruct, frozen=True, kw_only=True):
    """A term and its definition."""

    term: Text
    definition: Text  # one sentence
    lesson: int  # the number of the lesson that explains it
    uk: Text | None = None  # the term in Ukrainian, with a gloss or an acronym in parentheses after it
    also: tuple[Text, ...] = ()  # acronyms, synonyms and other spellings

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the term; the Ukrainian one without its parentheses."""
        ukrainian = (_without_parentheses(self.uk),) if self.uk else ()
        return (self.term, *self.also, *ukrainian)


def glossary_path(root: Path) -> Path:
    """Return the path of the glossary."""
    return root / "lessons" / "glossary.yaml"


def load_glossary(root: Path) -> tuple[Term, ...]:
    """Return the terms of the course at `root`, or none if it has no glossary.

    Raise UsageError with file and line for any error in the file, including a name of two terms.
    """
    path = glossary_path(root)
    if not path.is_file():
        return ()
    document = Document(path, list)
    terms = tuple(document.convert(Term, i) for i in range(len(document.value)))
    lessons = {lesson.number for lesson in load_lessons(root).lessons}
    seen: dict[str, tuple[int, Keys]] = {}
    for i, term in enumerate(terms):
        if term.lesson not in lessons:
            raise document.error((i, "lesson"), f"there is no lesson {term.lesson} in {COURSE_FILE}.")
        for place, name in _names(i, term):
            if not _plain(name):
                raise document.error(place, f"'{name}' has neither letters nor digits to find it by.")
            first, other = seen.setdefault(_key(name), (i, place))
            if first != i:
                sentence = f"'{name}' is given twice, first in line {document.line(*other)}."
                raise document.error(place, sentence)
    return terms


def find_terms(terms: Sequence[Term], name: str) -> tuple[Term, ...]:
    """Return the term with this name, else the terms with a name, or a word of a name, that begins with it.

    Case, spaces, hyphens and a final s are ignored. Raise UsageError with suggestions if there is none.
    """
    key, start = _key(name), _plain(name)
    exact = tuple(term for term in terms if key and key in map(_key, term.names))
    if exact:
        return exact
    begin = [term for term in terms if any(_plain(each).startswith(start) for each in term.names)]
    within = [term for term in terms if any(end.startswith(start) for each in term.names for end in _suffixes(each))]
    found = tuple(dict.fromkeys((*begin, *within)))
    if not start or not found:
        raise UsageError(f"No term '{name}' in the glossary. {_suggestion(terms, name)}")
    return found


def _names(i: int, term: Term) -> Iterator[tuple[Keys, str]]:
    """Yield the names of the i-th term with their keys in the file."""
    yield (i, "term"), term.term
    for j, name in enumerate(term.also):
        yield (i, "also", j), name
    if term.uk:
        yield (i, "uk"), term.uk


def _without_parentheses(name: str) -> str:
    return re.sub(r"\s+\([^)]*\)", "", name)


def _plain(name: str) -> str:
    """Return letters and digits only, so that `Top-K routing` equals `top k  Routing`."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", _without_parentheses(name)).casefold())


def _key(name: str) -> str:
    """Return the key under which a name is found: plain, without the s of a plural."""
    return re.sub(r"(?<=\w\w)s$", "", _plain(name))


def _suffixes(name: str) -> list[str]:
    """Return the plain name from each of its words on."""
    words = re.split(r"[\W_]+", name)
    return [_plain(" ".join(words[i:])) for i in range(len(words))]


def _suggestion(terms: Sequence[Term], name: str) -> str:
    """Return a sentence that suggests the closest names, one for each term."""
    known = {each.casefold(): (each, term) for term in terms for each in term.names}
    offered: dict[Term, str] = {}
    for match in difflib.get_close_matches(name.casefold(), known, n=4 * MAX_SUGGESTIONS, cutoff=0.5):
        each, term = known[match]
        offered.setdefault(term, f"'{each}'")
    if not offered:
        return "grade glossary lists them all."
    *others, last = list(offered.values())[:MAX_SUGGESTIONS]
    return f"Did you mean {', '.join(others)} or {last}?" if others else f"Did you mean {last}?"
