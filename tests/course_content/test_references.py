"""The course's own references: their order, the form of their links, and the years of papers on arXiv."""

import re
import unicodedata

from grader.course.lesson.references import Reference, load_references
from tests.paths import ROOT

REFERENCES = load_references(ROOT)


def _key(reference: Reference) -> tuple[str, int]:
    authors = unicodedata.normalize("NFKD", reference.authors).encode("ascii", "ignore").decode()
    return authors.casefold(), reference.year or 9999


def test_references_are_sorted_by_authors_and_year() -> None:
    assert len(REFERENCES) > 300
    entries = list(REFERENCES.values())
    assert entries == sorted(entries, key=_key)


def test_links_to_arxiv_have_no_version_and_the_year_of_their_number() -> None:
    papers = [reference for link, reference in REFERENCES.items() if link.startswith("https://arxiv.org")]
    assert len(papers) > 150
    for paper in papers:
        number = re.fullmatch(r"https://arxiv\.org/abs/(\d\d)\d\d\.\d{4,5}", paper.link)
        assert number, paper.link
        assert paper.year == 2000 + int(number[1]), paper.link


def test_at_most_three_authors_are_named_and_titles_have_no_period() -> None:
    for reference in REFERENCES.values():
        assert len(re.split(r", | and ", reference.authors.removesuffix(" et al."))) <= 3, reference.link
        assert not reference.title.endswith("."), reference.link
