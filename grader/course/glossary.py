"""The course's glossary, lessons/glossary.yaml: a list of terms, and finding one by any of its names."""

import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.base.errors import UsageError
from grader.course.document import Document, Keys
from grader.course.load import COURSE_FILE, load_lessons
from grader.course.model import Text, YamlStruct

OFFERED = 3  # names that are near to one which is not there


class Term(YamlStruct, frozen=True, kw_only=True):
    """A term and what it means."""

    term: Text
    definition: Text  # one sentence
    lesson: int  # the number of the lesson that explains it
    uk: Text | None = None  # the term in Ukrainian, with a gloss or an acronym in parentheses after it
    also: tuple[Text, ...] = ()  # acronyms, synonyms and other spellings

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is called; the Ukrainian term without what it has in parentheses."""
        ukrainian = (_without_parentheses(self.uk),) if self.uk else ()
        return (self.term, *self.also, *ukrainian)


def glossary_path(root: Path) -> Path:
    """The glossary's file."""
    return root / "lessons" / "glossary.yaml"


def load_glossary(root: Path) -> tuple[Term, ...]:
    """The terms of the course in this folder, none where there is no file.

    UsageError with file and line for what is wrong in it: a name stands for one term only.
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
        for place, name in _places(i, term):
            if not _plain(name):
                raise document.error(place, f"'{name}' has neither letters nor digits to find it by.")
            first, other = seen.setdefault(_key(name), (i, place))
            if first != i:
                sentence = f"'{name}' is given twice; it stands in line {document.line(*other)} already."
                raise document.error(place, sentence)
    return terms


def find_terms(terms: Sequence[Term], name: str) -> tuple[Term, ...]:
    """The one term of this name; else those with a name that begins so, then those with a word in a name that does.

    Case, spaces, hyphens and a final s make no difference. UsageError offers near names where there is none.
    """
    key, start = _key(name), _plain(name)
    exact = tuple(term for term in terms if key and key in map(_key, term.names))
    if exact:
        return exact
    begin = [term for term in terms if any(_plain(each).startswith(start) for each in term.names)]
    within = [term for term in terms if any(end.startswith(start) for each in term.names for end in _ends(each))]
    found = tuple(dict.fromkeys((*begin, *within)))
    if not start or not found:
        raise UsageError(f"No term '{name}' in the glossary. {_near(terms, name)}")
    return found


def _places(i: int, term: Term) -> Iterator[tuple[Keys, str]]:
    """The names of the i-th term, and where they stand in the file."""
    yield (i, "term"), term.term
    for j, name in enumerate(term.also):
        yield (i, "also", j), name
    if term.uk:
        yield (i, "uk"), term.uk


def _without_parentheses(name: str) -> str:
    return re.sub(r"\s+\([^)]*\)", "", name)


def _plain(name: str) -> str:
    """Letters and digits only: `Top-K routing` and `top k  Routing` are the same."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", _without_parentheses(name)).casefold())


def _key(name: str) -> str:
    """By which a name is found: without the s of a plural."""
    return re.sub(r"(?<=\w\w)s$", "", _plain(name))


def _ends(name: str) -> list[str]:
    """The name from each of its words on."""
    words = re.split(r"[\W_]+", name)
    return [_plain(" ".join(words[i:])) for i in range(len(words))]


def _near(terms: Sequence[Term], name: str) -> str:
    """A sentence that offers the names nearest to one, no term twice."""
    known = {each.casefold(): (each, term) for term in terms for each in term.names}
    offered: dict[Term, str] = {}
    for match in difflib.get_close_matches(name.casefold(), known, n=4 * OFFERED, cutoff=0.5):
        each, term = known[match]
        offered.setdefault(term, f"'{each}'")
    if not offered:
        return "grade glossary lists them all."
    *others, last = list(offered.values())[:OFFERED]
    return f"Did you mean {', '.join(others)} or {last}?" if others else f"Did you mean {last}?"
