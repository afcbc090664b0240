"""Links of the documents lead somewhere, and the files and tests that they name exist."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, name, prose, read, rows
from tests.paths import ROOT


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and GitLab make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ +(.*)$", prose(path.read_text("utf-8")), re.MULTILINE)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_relative_links_resolve(document: Path) -> None:
    broken = []
    without_code = re.sub(r"`[^`\n]*`", "", prose(document.read_text("utf-8")))
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (document.parent / file) if file else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


def defined(path: Path) -> set[str]:
    """Return the names of the functions at the top level of a Python file."""
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


NAMING = [
    "docs/contributors/architecture.md",
    "docs/contributors/benchmarks.md",
    "docs/contributors/security.md",
    "docs/reference/result.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]


@pytest.mark.parametrize("document", NAMING)
def test_files_and_tests_exist(document: str) -> None:
    missing = []
    text = prose(read(document))
    for path in re.findall(r"`((?:grader|tests|benchmarks|docs)/[\w./-]+)`", text):
        if not (ROOT / path).exists():
            missing.append(path)
    for path, test in re.findall(r"`([\w./-]+)::(\w+)`", text):
        if sum(test in defined(file) for file in files_ending(path)) != 1:  # more than one: the path is too short
            missing.append(f"{path}::{test}")
    assert missing == []


def files_ending(end: str) -> list[Path]:
    """Return the test files whose path ends with these parts."""
    parts = Path(end).parts
    return [path for path in (ROOT / "tests").rglob(parts[-1]) if path.relative_to(ROOT).parts[-len(parts) :] == parts]


def test_every_attack_names_a_test() -> None:
    text = read("docs/contributors/security.md")
    attacks = [row for part in text.split("\n## ") if "| attack |" in part for row in rows(part, "attack")]
    assert len(attacks) > 40
    assert [row for row in attacks if len(row) != 3 or "::test_" not in row[2]] == []
