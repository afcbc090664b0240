"""Links of the documents lead somewhere, and the files and tests that they name exist."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, name, prose, read
from tests.paths import ROOT


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and GitLab make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ +(.*)$", prose(path.read_text("utf-8")), re.MULTILINE)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_relative_links_resolve(document: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document.read_text("utf-8"))):
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


@pytest.mark.parametrize("document", ["docs/architecture.md", "docs/security.md", "docs/result.md", "CONTRIBUTING.md"])
def test_files_and_tests_exist(document: str) -> None:
    missing = []
    for path, test in re.findall(r"`((?:grader|tests|benchmarks|docs)/[\w./-]+)(?:::(\w+))?`", prose(read(document))):
        file = ROOT / path
        if not file.exists() or (test and test not in defined(file)):
            missing.append(f"{path}::{test}" if test else path)
    assert missing == []
