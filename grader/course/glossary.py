"""The course's glossary: lessons/glossary.yaml, a list of terms."""

from pathlib import Path

from grader.course.document import Document
from grader.course.model import Struct, Text


class Term(Struct, frozen=True, kw_only=True):
    """A term and what it means."""

    term: Text
    definition: Text
    uk: Text | None = None  # the term in Ukrainian
    lesson: int | None = None  # the number of the lesson that explains it


def glossary_path(root: Path) -> Path:
    """The glossary's file."""
    return root / "lessons" / "glossary.yaml"


def load_glossary(root: Path) -> tuple[Term, ...]:
    """The terms, none where there is no file. UsageError with file and line for what is wrong in it."""
    path = glossary_path(root)
    if not path.is_file():
        return ()
    document = Document(path, list)
    terms = tuple(document.convert(Term, i) for i in range(len(document.value)))
    seen: dict[str, int] = {}
    for i, term in enumerate(terms):
        name = term.term.casefold()
        if name in seen:
            line = document.line(seen[name])
            raise document.error((i, "term"), f"'{term.term}' is given twice; it stands in line {line} already.")
        seen[name] = i
    return terms
