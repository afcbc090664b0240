"""Tests of whole sites: valid links, no external resources, nothing that only instructors may see."""

import re
import shutil
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from grader.author.site.build import site_files, write_site
from grader.base.errors import UsageError
from grader.course import load_course
from tests.author.site.courses import SECRET, make_course
from tests.parsed import Parsed
from tests.paths import ROOT

SHORT = 40  # a line of code or a sentence with fewer characters can stand in a lesson by chance


@pytest.fixture(params=["small_site", pytest.param("our_site", marks=pytest.mark.slow)])
def site(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


@cache
def pages(site: Path) -> dict[Path, Parsed]:
    """Parse the pages of a site, failing on tags that are not closed; cached because no test changes a site."""
    return {path: Parsed(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_link_has_a_target(site: Path) -> None:
    parsed = pages(site)
    anchors = {path: set(page.values("id")) for path, page in parsed.items()}
    broken = []
    for path, page in parsed.items():
        for target in page.values("href") + page.values("src"):
            if re.match(r"https?:|data:,$", target):
                continue
            file, _, anchor = target.partition("#")
            to = (path.parent / file).resolve() if file else path
            if not to.is_file() or (anchor and anchor not in anchors[to]):
                broken.append(f"{path.name}: {target}")
    assert broken == []


def test_loads_nothing_from_other_hosts(site: Path) -> None:
    for path, page in pages(site).items():
        assert not [each for each in page.values("src") if ":" in each], path
        assert "srcset" not in dict(page.attributes)
        text = path.read_text("utf-8")
        assert not re.search(r"<link[^>]*href=\"(?!data:,|[^\":]*\")", text), path
        assert not re.search(r"<(iframe|object|embed|base)\b|@import|url\((?!#)", text), path
    for path in site.glob("assets/**/*.*s"):
        if path.name != "search-index.js":
            text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|url\(|@import|fetch\(|\bimport\b", text), path


def test_headings_skip_no_level_and_ids_are_unique(site: Path) -> None:
    for path, page in pages(site).items():
        ids = page.values("id")
        assert len(ids) == len(set(ids)), path
        levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", path.read_text("utf-8"))]
        assert levels.count(1) == 1, path
        assert all(after <= before + 1 for before, after in pairwise(levels)), (path, levels)


def test_pages_are_accessible(site: Path) -> None:
    for path, page in pages(site).items():
        assert page.values("lang")[0] == "en", path
        assert page.tags["main"] == page.tags["header"] == 1
        assert page.values("class")[0] == "skip"
        text = path.read_text("utf-8")
        assert text.count("<nav ") == len(re.findall(r"<nav (?:class=\"\w+\" )?aria-label=", text)), path
        assert all(re.search(r"aria-label=\"[^\"]", svg) for svg in re.findall(r"<svg.*?>", text)), path


def test_titles_are_unique_and_every_page_describes_itself(site: Path) -> None:
    heads = {path: path.read_text("utf-8").partition("</head>")[0] for path in pages(site)}
    titles = ["".join(re.findall("<title>(.*?)</title>", head)) for head in heads.values()]
    assert all(titles)
    assert len(set(titles)) == len(titles)
    for path, head in heads.items():
        described = dict(re.findall('<meta (?:name|property)="([a-z:-]+)" content="(.*?)"', head))
        assert described.keys() >= {"description", "og:title", "og:description", "og:type", "theme-color"}, path
        assert all(described.values()), path
        assert len(described["description"]) < 350, path


def test_ukrainian_words_are_marked_as_ukrainian(site: Path) -> None:
    text = (site / "glossary.html").read_text("utf-8")
    marked = re.sub('<span lang="uk">.*?</span>', "", text)
    assert '<span lang="uk">' in text
    assert not re.search("[\u0400-\u04ff]", marked)


def test_pages_name_their_address_only_if_it_is_given(course: Path) -> None:
    files = site_files(load_course(course), "https://example.org/c/")
    head = files["lessons/01-tools/index.html"].decode().partition("</head>")[0]
    assert '<link rel="canonical" href="https://example.org/c/lessons/01-tools/">' in head
    assert '<meta property="og:url" content="https://example.org/c/lessons/01-tools/">' in head
    assert '<meta property="og:image" content="https://example.org/c/assets/card.png">' in head
    assert '<link rel="canonical" href="https://example.org/c/">' in files["index.html"].decode()
    assert files["assets/card.png"].startswith(b"\x89PNG")
    without = site_files(load_course(course))
    assert not any(b"example.org" in data or b"canonical" in data for data in without.values())
    assert "assets/card.png" not in without


@pytest.mark.parametrize(
    "address", ["", "example.org", "ftp://example.org/", "https://", "http://a b/", "https://a/?q"]
)
def test_writes_nothing_for_an_invalid_address(address: str, course: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not the http\(s\) address of a site"):
        write_site(load_course(course), tmp_path / "site", address=address)
    assert not (tmp_path / "site").exists()


def test_every_marked_term_has_a_definition(site: Path) -> None:
    found = 0
    for path, page in pages(site).items():
        described = page.values("aria-describedby")
        described.remove("site-search-status")
        assert set(described) <= set(page.values("id")), path
        assert page.values("role").count("tooltip") == len(described)
        found += len(described)
    assert found >= 5


def test_the_same_course_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (site_files(load_course(make_course(tmp_path / name))) for name in ("one", "two"))
    assert one == two


@pytest.mark.slow
def test_does_not_depend_on_files_that_students_lack(our_site: Path, tmp_path: Path) -> None:
    for name in ("course.yaml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("lessons", "exercises", "docs"):
        unknown = shutil.ignore_patterns("test_public.py", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unknown)
    for quiz in tmp_path.glob("lessons/*/quiz.yaml"):
        quiz.write_text("")
    for path, data in site_files(load_course(tmp_path)).items():
        assert (our_site / path).read_bytes() == data, path


@pytest.mark.slow
def test_contains_no_text_of_solutions_or_quizzes(our_site: Path) -> None:
    text = words(" ".join(page.text for page in pages(our_site).values()))
    text += words((our_site / "assets/search-index.js").read_text("utf-8"))
    known = words(" ".join(path.read_text("utf-8") for path in given()))
    secrets = {each for each in (*lines_of_solutions(), *sentences_of_quizzes()) if len(each) >= SHORT}
    secrets -= found(secrets, known)
    assert len(secrets) > 2000
    assert found(secrets, text) == set()


def test_found_finds_a_sentence_anywhere_in_a_text() -> None:
    there, not_there = "wo three four five si", "two four three five six"
    assert found([there, not_there], "one two three four five six") == {there}


def test_found_finds_secrets_that_are_in_a_site(course: Path) -> None:
    path = course / "lessons/01-tools/2-more.md"
    path.write_text(path.read_text("utf-8") + SECRET, "utf-8")
    files = site_files(load_course(course))
    assert [name for name, data in files.items() if SECRET.encode() in data] == [
        "lessons/01-tools/2-more.html",
        "assets/search-index.js",
    ]


def words(text: str) -> str:
    """Return the words of a text, without the syntax of Markdown, HTML and code."""
    return " ".join(re.findall(r"\w+", text))


def found(sentences: Iterable[str], text: str) -> set[str]:
    """Return the sentences that a text contains; trigrams of words rule out most of the long ones quickly."""
    in_text = text.split()
    triples = set(zip(in_text, in_text[1:], in_text[2:], strict=False))

    def may_be(sentence: str) -> bool:
        within = sentence.split()[1:-1]
        return triples.issuperset(zip(within, within[1:], within[2:], strict=False))

    return {each for each in sentences if may_be(each) and each in text}


def given() -> Iterator[Path]:
    """Yield the files that students may read, and the documents."""
    yield from (ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "lessons/glossary.yaml"))
    for pattern in ("docs/**/*.*", "lessons/*/*.md", "exercises/*/*.md", "exercises/*/exercise.yaml"):
        yield from ROOT.glob(pattern)


def lines_of_solutions() -> Iterator[str]:
    for path in ROOT.glob("solutions/*/*.py"):
        yield from map(words, path.read_text("utf-8").splitlines())


def sentences_of_quizzes() -> Iterator[str]:
    for path in ROOT.glob("lessons/*/quiz.yaml"):
        yield from texts(yaml.safe_load(path.read_text("utf-8")))


def texts(value: object) -> Iterator[str]:
    """Yield all strings within a YAML value."""
    if isinstance(value, str):
        yield words(value)
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
