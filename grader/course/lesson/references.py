"""What the lessons cite, lessons/references.yaml, and a check that it has an entry for each link to another website."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urldefrag

from grader.course.document import Document
from grader.course.lesson.model import Part
from grader.course.lesson.passages import passages
from grader.course.lesson.problem import Problem
from grader.course.model import Text, YamlStruct


class Reference(YamlStruct, frozen=True, kw_only=True):
    """A paper, article or program that lessons link to."""

    link: Text  # without a fragment
    authors: Text  # up to three family names, or an organization
    year: int | None = None  # of the first publication; pages that change have none
    title: Text


def references_path(root: Path) -> Path:
    """Return the path of the references."""
    return root / "lessons" / "references.yaml"


def load_references(root: Path) -> dict[str, Reference]:
    """Return the references of the course at `root` by their links, or none if it has no such file.

    Raise UsageError with file and line for any error in it, including two entries with one link.
    """
    path = references_path(root)
    if not path.is_file():
        return {}
    document = Document(path, list)
    references: dict[str, Reference] = {}
    lines: dict[str, int] = {}
    for i in range(len(document.value)):
        reference = document.convert(Reference, i)
        link = reference.link
        if not link.startswith("https://"):
            raise document.error((i, "link"), f"the link {link} does not begin with https://.")
        if link != without_fragment(link):
            raise document.error((i, "link"), f"the link {link} has a fragment; remove # and what follows it.")
        if link in references:
            raise document.error((i, "link"), f"the link {link} has an entry already, in line {lines[link]}.")
        references[link] = reference
        lines[link] = document.line(i, "link")
    return references


def citations(part: Part) -> Iterator[tuple[int, str]]:
    """Yield line and address, without its fragment, of each link of a part to another website, in order."""
    for passage in passages(part):
        for link in passage.links:
            if link.target.startswith("https://"):
                yield link.line, without_fragment(link.target)


def cited_in(parts: Iterable[Part], references: Mapping[str, Reference]) -> list[Reference]:
    """Return those of the references to which the parts link, in the order of the file."""
    cited = {link for part in parts for _, link in citations(part)}
    return [reference for link, reference in references.items() if link in cited]


def reference_problems(part: Part, references: Mapping[str, Reference]) -> Iterator[Problem]:
    """Yield the addresses that a part links to and that have no entry. Each is reported once."""
    reported: set[str] = set()
    for line, link in citations(part):
        if link not in references and link not in reported:
            reported.add(link)
            yield Problem(part.path, line, f"the link {link} has no entry; add one to lessons/references.yaml.")


def without_fragment(address: str) -> str:
    """Return an address without `#` and what follows it."""
    return urldefrag(address).url
